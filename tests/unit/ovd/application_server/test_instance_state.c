/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every pair of status and event, against the table of spec/ovd.md 5.2 written down a second time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ovd/application_server/aps_priv.h"

#define NO 99 /* refused */

static const int states[] = {APS_INSTANCE_ORDERED,    APS_INSTANCE_STARTING,  APS_INSTANCE_READY,
                             APS_INSTANCE_TO_STOP,    APS_INSTANCE_ENDED,     APS_INSTANCE_TO_SUSPEND,
                             APS_INSTANCE_SUSPENDING, APS_INSTANCE_SUSPENDED, APS_INSTANCE_TO_RESUME};
#define EVENTS (APS_EV_NEXT + 1)

/* LAUNCHED READY LEFT PARK BACK STOP NEXT, of sessions that can be suspended. */
static const int persistent[ARRAY_SIZE(states)][EVENTS] = {
    {1, 2, NO, NO, NO, 3, NO},    /* -1 */
    {NO, 2, NO, NO, NO, 3, NO},   /* 1 */
    {NO, NO, 8, 8, NO, 3, NO},    /* 2 */
    {NO, NO, NO, NO, NO, NO, NO}, /* 3 */
    {NO, NO, NO, NO, NO, NO, NO}, /* 4 */
    {NO, NO, NO, NO, NO, 3, 9},   /* 8 */
    {NO, NO, NO, NO, NO, 3, 10},  /* 9 */
    {NO, NO, NO, NO, 11, 3, NO},  /* 10 */
    {NO, NO, NO, 8, NO, 3, 2},    /* 11 */
};

static int step(int status, unsigned event, bool is_persistent)
{
    int next = NO;
    int rc = aps_instance_step(status, (enum aps_instance_event)event, is_persistent, &next);
    assert_true(rc == 0 || (rc == -EPERM && next == NO));
    return next;
}

static void test_persistent(void **state)
{
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(states); s++)
        for (unsigned e = 0; e < EVENTS; e++)
            assert_int_equal(step(states[s], e, true), persistent[s][e]);
}

/* "8-11 only in persistent sessions; other values lead to 3". */
static void test_other(void **state)
{
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(states); s++)
        for (unsigned e = 0; e < EVENTS; e++)
            assert_int_equal(step(states[s], e, false), persistent[s][e] >= 8 && persistent[s][e] != NO ? 3
                                                        : states[s] >= 8 && persistent[s][e] != NO
                                                            ? 3
                                                            : persistent[s][e]);
}

static void test_words(void **state)
{
    (void)state;
    for (unsigned e = 0; e < EVENTS; e++)
        assert_true(strlen(aps_instance_event_word((enum aps_instance_event)e)) > 3);
}

static void test_size(void **state)
{
    (void)state;
    int width = -1, height = -1;
    static const char *const bad[] = {"",          "x",         "800",     "800x",          "x600",
                                      "0x600",     "800x0",     "-1x600",  "800x600x1",     "800 x600",
                                      "70000x600", "800x70000", "8e2x600", "0000000800x600"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(aps_size_read(bad[i], &width, &height), -EINVAL);
        assert_int_equal(width, -1);
    }
    assert_int_equal(aps_size_read("800x600", &width, &height), 0);
    assert_true(width == 800 && height == 600);
    assert_int_equal(aps_size_read("1x65535", &width, &height), 0);
    assert_true(width == HOST_MIN_SIDE && height == APS_MAX_SIDE);
}

static void test_menu(void **state)
{
    (void)state;
    struct ovd_menu_item menu[] = {{.id = 3}, {.id = 17}};
    struct aps_session session = {.menu = menu, .menu_count = 2};
    int64_t id = 0;
    static const char *const bad[] = {"", "0", "-3", "3 ", "03x", "desktop", "../3", "9223372036854775808"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(aps_menu_find(&session, bad[i], &id), -EINVAL);
    assert_int_equal(aps_menu_find(&session, "4", &id), -ENOENT);
    assert_int_equal(aps_menu_find(&session, "17", &id), 0);
    assert_int_equal(id, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_persistent), cmocka_unit_test(test_other), cmocka_unit_test(test_words),
        cmocka_unit_test(test_size),       cmocka_unit_test(test_menu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
