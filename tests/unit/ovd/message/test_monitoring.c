/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "message_kit.h"

static void test_fields(void **state)
{
    cleanup_free char *text = read_golden("monitoring");
    struct ovd_monitoring monitoring;
    const struct ovd_monitoring_session *session;
    (void)state;

    EXPECT_READ(monitoring, text, &monitoring);
    assert_string_equal(monitoring.cpu_model, "AMD EPYC");
    assert_int_equal(monitoring.cpu_cores, 2);
    assert_int_equal(monitoring.cpu_load, 51);
    assert_int_equal(monitoring.ram_total, 24684084);
    assert_int_equal(monitoring.ram_used, 1739280);
    assert_true(monitoring.has_sessions);
    assert_int_equal(monitoring.session_count, 1);
    session = &monitoring.sessions[0];
    assert_string_equal(session->id, "1795230228NvQty");
    assert_int_equal(session->slot, 0);
    assert_string_equal(session->vnc_login, "VNC0");
    assert_int_equal(session->vnc_pids[0], 551);
    assert_string_equal(session->ssh_login, "SSH0");
    assert_int_equal(session->ssh_pids[0], 712);
    assert_string_equal(session->user_login, "u1");
    assert_int_equal(session->applications[0].pid, 4711);
    assert_string_equal(session->applications[0].app_id, "15");
    assert_string_equal(session->instances[0].id, "desktop");
    assert_string_equal(session->instances[0].app_id, "desktop");
    ovd_monitoring_finish(&monitoring);
}

static int read_load(const char *load)
{
    cleanup_free char *text = xasprintf("<monitoring><ram used=' 7 ' total='9 ' x='1'/><cpu nb_cores=' 4' "
                                        "load='%s'>\n A  B\n</cpu></monitoring>",
                                        load);
    struct ovd_monitoring monitoring;
    int r = ovd_monitoring_parse(text, strlen(text), NULL, NULL, &monitoring);

    if (r < 0)
        return r;
    assert_string_equal(monitoring.cpu_model, "A  B");
    assert_true(monitoring.cpu_cores == 4 && monitoring.ram_used == 7 && monitoring.ram_total == 9);
    assert_false(monitoring.has_sessions);
    r = monitoring.cpu_load;
    ovd_monitoring_finish(&monitoring);
    return r;
}

/* Shell, awk, PHP and Python each write fractions in their own way. */
static void test_loads(void **state)
{
    (void)state;

    assert_int_equal(read_load("0"), 0);
    assert_int_equal(read_load("1"), 100);
    assert_int_equal(read_load(".5"), 50);
    assert_int_equal(read_load(" 0.079999 "), 7);
    assert_int_equal(read_load("0.510000000000000000000000000000000"), 51);
    assert_int_equal(read_load("1.7"), 100);
    assert_int_equal(read_load("99999999999999999999"), 100);
    assert_int_equal(read_load("8.5e-05"), 0);
    assert_int_equal(read_load("1e5"), 100);
    assert_int_equal(read_load("5.1e-1"), 51);
    assert_int_equal(read_load("0.29"), 29);
    assert_int_equal(read_load("0.00e99"), 0);
    assert_int_equal(read_load("1e-99999999999999999999"), 0);
    assert_int_equal(read_load("1e99999999999999999999"), 100);
    for (int i = 0; i <= 100; i++) {
        char load[32];

        snprintf(load, sizeof(load), "%d.%02d", i / 100, i % 100);
        assert_int_equal(read_load(load), i);
    }
    assert_int_equal(read_load(""), -EINVAL);
    assert_int_equal(read_load("."), -EINVAL);
    assert_int_equal(read_load("-0.1"), -EINVAL);
    assert_int_equal(read_load("nan"), -EINVAL);
    assert_int_equal(read_load("1e"), -EINVAL);
    assert_int_equal(read_load("0.5 0.5"), -EINVAL);
}

static void test_refused(void **state)
{
    (void)state;

    EXPECT_REFUSED(monitoring, "<monitoring><cpu nb_cores='1' load='0'>x</cpu></monitoring>", -EINVAL, "ram");
    EXPECT_REFUSED(monitoring, "<monitoring><ram total='1' used='1'/></monitoring>", -EINVAL, "cpu");
    EXPECT_REFUSED(monitoring,
                   "<monitoring><cpu nb_cores='1' load='0'>x</cpu><ram total='1' used='-1'/></monitoring>",
                   -EINVAL, "used");
    EXPECT_REFUSED(monitoring,
                   "<monitoring><cpu nb_cores='1' load='0'>x</cpu><ram total='1' used='1'/><sessions>"
                   "<session id='a b' i='0'/></sessions></monitoring>",
                   -EINVAL, "id");
}

static void test_build(void **state)
{
    struct ovd_monitoring monitoring = {.cpu_model = (char *)"AMD EPYC",
                                        .cpu_cores = 2,
                                        .cpu_load = 51,
                                        .ram_total = 24684084,
                                        .ram_used = 1739280};
    cleanup_free char *text = NULL;
    struct buf out;
    (void)state;

    buf_init(&out, 4096);
    expect_golden(&out, ovd_monitoring_build(&monitoring, &out), "monitoring_polled", "ovd-monitoring");
    monitoring.cpu_load = 700;
    assert_int_equal(ovd_monitoring_build(&monitoring, &out), 0);
    text = buf_steal_str(&out);
    assert_non_null(strstr(text, "load=\"1.00\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_loads),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_build),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
