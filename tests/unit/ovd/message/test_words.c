/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ovd/message/quality.h"
#include "ovd/message/words.h"

static void test_server_status(void **state)
{
    (void)state;

    assert_int_equal(ovd_server_status_read("ready"), OVD_SERVER_READY);
    assert_int_equal(ovd_server_status_read("down"), OVD_SERVER_DOWN);
    assert_int_equal(ovd_server_status_read("broken"), OVD_SERVER_BROKEN);
    assert_int_equal(ovd_server_status_read("Ready"), OVD_SERVER_BROKEN);
    assert_int_equal(ovd_server_status_read(""), OVD_SERVER_BROKEN);
    assert_int_equal(ovd_server_status_read(NULL), OVD_SERVER_BROKEN);
    assert_string_equal(ovd_server_status_words[OVD_SERVER_DOWN], "down");
}

static void test_guest_mode(void **state)
{
    (void)state;

    assert_int_equal(ovd_guest_mode_read("passive"), OVD_GUEST_PASSIVE);
    assert_int_equal(ovd_guest_mode_read("active"), OVD_GUEST_ACTIVE);
    assert_int_equal(ovd_guest_mode_read("Passive"), OVD_GUEST_ACTIVE);
    assert_int_equal(ovd_guest_mode_read(NULL), OVD_GUEST_ACTIVE);
}

static void test_statuses(void **state)
{
    int sessions = 0, instances = 0;
    (void)state;

    for (int64_t i = -100; i <= 100; i++) {
        sessions += ovd_session_status_is_known(i);
        instances += ovd_instance_status_is_known(i);
    }
    assert_int_equal(sessions, 10);
    assert_int_equal(instances, 9);
    assert_true(ovd_session_status_is_known(22) && !ovd_instance_status_is_known(22));
    assert_true(!ovd_session_status_is_known(8) && ovd_instance_status_is_known(8));
    assert_true(!ovd_instance_status_is_known(0) && ovd_session_status_is_known(0));
    assert_false(ovd_session_status_is_known(INT64_MIN));
}

static void test_end_reasons(void **state)
{
    (void)state;

    assert_true(ovd_end_reason_is_known("kma"));
    assert_true(ovd_end_reason_is_known("internal3"));
    assert_false(ovd_end_reason_is_known("KMA"));
    assert_false(ovd_end_reason_is_known(""));
    assert_false(ovd_end_reason_is_known(NULL));
}

static void test_quality_words(void **state)
{
    (void)state;

    assert_int_equal(ovd_quality_read("lowest"), OVD_QUALITY_LOWEST);
    assert_int_equal(ovd_quality_read("medium"), OVD_QUALITY_MEDIUM);
    assert_int_equal(ovd_quality_read("high"), OVD_QUALITY_HIGH);
    assert_int_equal(ovd_quality_read("highest"), OVD_QUALITY_HIGHEST);
    assert_int_equal(ovd_quality_read("HIGH"), OVD_QUALITY_HIGHEST);
    assert_int_equal(ovd_quality_read("77"), OVD_QUALITY_HIGHEST);
    assert_int_equal(ovd_quality_read("2"), OVD_QUALITY_LOWEST);
    assert_int_equal(ovd_quality_read("5"), OVD_QUALITY_MEDIUM);
    assert_int_equal(ovd_quality_read("8"), OVD_QUALITY_HIGH);
    assert_int_equal(ovd_quality_read("9"), OVD_QUALITY_HIGHEST);
    assert_int_equal(ovd_quality_read(""), OVD_QUALITY_HIGH);
    assert_int_equal(ovd_quality_read(NULL), OVD_QUALITY_HIGH);
}

static void expect_settings(enum ovd_quality quality, int compression, int jpeg, bool restricted)
{
    const struct ovd_quality_settings *settings = ovd_quality_settings(quality);

    assert_int_equal(settings->compression, compression);
    assert_int_equal(settings->jpeg, jpeg);
    assert_int_equal(settings->restricted_colors, restricted);
}

static void test_quality_settings(void **state)
{
    static const struct ovd_quality_settings old[] = {
        {9, 3, true}, {6, 5, false}, {3, 7, false}, {1, 9, false}};
    (void)state;

    expect_settings(OVD_QUALITY_LOWEST, 9, 8, true);
    expect_settings(OVD_QUALITY_MEDIUM, 9, 7, false);
    expect_settings(OVD_QUALITY_HIGH, 9, 8, false);
    expect_settings(OVD_QUALITY_HIGHEST, 9, 9, false);
    expect_settings((enum ovd_quality)12, 9, 9, false);
    for (int i = OVD_QUALITY_LOWEST; i <= OVD_QUALITY_HIGHEST; i++) {
        assert_int_equal(ovd_quality_nearest(ovd_quality_settings((enum ovd_quality)i)), i);
        assert_int_equal(ovd_quality_nearest(&old[i]), i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_status), cmocka_unit_test(test_guest_mode),
        cmocka_unit_test(test_statuses),      cmocka_unit_test(test_end_reasons),
        cmocka_unit_test(test_quality_words), cmocka_unit_test(test_quality_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
