/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cookies, and whose visitors they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ovd/application_server/aps_priv.h"

#define ID "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static void test_cookies(void **state)
{
    (void)state;
    static const struct {
        const char *line, *id; /* NULL: none */
    } cases[] = {
        {"PHPSESSID=" ID, ID},
        {"a=b; PHPSESSID=" ID, ID},
        {"PHPSESSID=" ID ";c=d", ID},
        {" \t;; PHPSESSID=" ID " \t; c", ID},
        {"PHPSESSID=" OTHER "; PHPSESSID=" ID, ID}, /* the last one, as PHP has it */
        {"PHPSESSID=bad; PHPSESSID=" ID, ID},
        {"PHPSESSID=" ID "; PHPSESSID=bad", NULL},
        {"", NULL},
        {"PHPSESSID", NULL},
        {"PHPSESSID=", NULL},
        {"PHPSESSID=" ID "0", NULL},
        {"PHPSESSID=0123456789ABCDEF0123456789ABCDEF", NULL},
        {"phpsessid=" ID, NULL},
        {"XPHPSESSID=" ID, NULL},
        {"PHPSESSID =" ID, NULL},
        {"PHPSESSID=\"" ID "\"", NULL},
        {"x=PHPSESSID=" ID, NULL},
        {"PHPSESSID=" ID " x", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char value[SECRET_ID_LEN] = "";
        bool found = aps_cookie_read(cases[i].line, value);
        if (found != (cases[i].id != NULL) || (found && strcmp(value, cases[i].id) != 0))
            fail_msg("%s: \"%s\"", cases[i].line, value);
    }
}

static struct aps_visitor *add(struct aps_session *session, char digit, struct aps_guest *guest)
{
    char key[SECRET_ID_LEN * 2] = "";
    memset(key, digit, (size_t)SECRET_HASH_LEN * 2);
    struct aps_visitor *visitor = aps_visitor_restore(session, key);
    if (visitor)
        visitor->guest = guest;
    return visitor;
}

static void test_whose_they_are(void **state)
{
    (void)state;
    struct aps aps = {0};
    struct aps_session *one = aps_session_make(&aps, ID, "1795230122zRL5O");
    struct aps_session *two = aps_session_make(&aps, OTHER, "1795230122zRL5P");
    struct aps_guest *guest =
        aps_guest_new(one, "1795229214KyCE5", "x@y.z", ovd_guest_mode_read("passive"), "desktop");
    struct aps_visitor *owner = add(one, 'a', NULL), *visitor = add(one, 'b', guest);
    assert_non_null(add(two, 'c', NULL));
    assert_null(add(two, 'a', NULL)); /* taken */
    assert_int_equal(one->visitors, 2);

    aps_visitors_drop(one, guest);
    assert_true(visitor->lost && !visitor->guest); /* and nobody takes it for the owner */
    assert_false(owner->lost);
    aps_visitor_forget(visitor);
    assert_int_equal(one->visitors, 1);
    aps_session_free(one);
    assert_int_equal(HASH_COUNT(aps.visitors), 1);
    aps_session_free(two);
    assert_null(aps.visitors);
}

/* The other name under which a session is known is the newest one only. */
static void test_names(void **state)
{
    (void)state;
    struct aps aps = {0};
    struct aps_session *session = aps_session_make(&aps, ID, "1795230122zRL5O");
    assert_ptr_equal(aps_session_make(&aps, ID, "1795230123zRL5O"), session);
    assert_null(aps_session_by_ovd(&aps, "1795230122zRL5O"));
    assert_ptr_equal(aps_session_by_ovd(&aps, "1795230123zRL5O"), session);
    char longest[OVD_ID_MAX + 2] = "";
    memset(longest, '1', OVD_ID_MAX + 1);
    assert_null(aps_session_make(&aps, OTHER, longest));
    assert_null(aps_session_find(&aps, OTHER));
    aps_session_free(session);
}

static void test_guests(void **state)
{
    (void)state;
    struct aps aps = {.s.config = config_new()};
    struct aps_session *session = aps_session_make(&aps, ID, "1795230122zRL5O");
    assert_null(aps_guest_new(session, APS_OWNER "/", "x", OVD_GUEST_ACTIVE, "desktop"));
    assert_null(aps_guest_new(session, APS_OWNER, "x", OVD_GUEST_ACTIVE, "desktop"));
    assert_null(aps_guest_new(session, "", "x", OVD_GUEST_ACTIVE, "desktop"));
    assert_null(
        aps_guest_new(session, "123456789012345678901234567890123", "x", OVD_GUEST_ACTIVE, "desktop"));
    assert_null(aps_guest_new(session, "1", "x", OVD_GUEST_ACTIVE, "../desktop"));
    assert_null(aps_guest_new(session, "1", "x", OVD_GUEST_ACTIVE, "seventeen00000000"));
    assert_null(session->guests);
    assert_non_null(aps_guest_new(session, "1", "x", OVD_GUEST_ACTIVE, "gPPjz"));
    aps_session_free(session);
    config_free((struct config *)(uintptr_t)aps.s.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cookies), cmocka_unit_test(test_whose_they_are),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_guests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
