/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hosts report, in good and in bad order. */
#include "broker_fixture.h"

#define NOBODYS "99999999999999999999999999999999"

static void test_statuses_are_copied_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    int64_t ack;
    add_host(f, HOST_A, 9);
    struct session_row row = must_select(f, 1, "w");
    json_t *batch = json_pack("[o,o]", report_entry(row.id, 1, 0), report_entry(row.id, 2, 22));
    assert_int_equal(must_report(f, HOST_A, false, batch, &ack), 0);
    assert_int_equal(ack, 2);
    assert_int_equal(status_of(f, row.id), SESSION_STARTING);
    must_report(f, HOST_A, false, json_pack("[o]", report_entry(row.id, 3, 2)), &ack);
    assert_int_equal(ack, 3);
    /* The answer got lost, the host says everything again: nothing goes backwards. */
    batch = json_pack("[o,o]", report_entry(row.id, 2, 22), report_entry(row.id, 3, 2));
    must_report(f, HOST_A, false, batch, &ack);
    assert_int_equal(ack, 3);
    assert_int_equal(status_of(f, row.id), SESSION_READY);
    must_report(f, HOST_A, false, json_array(), &ack);
    assert_int_equal(ack, 3);
    must_report(f, HOST_A, false, json_pack("[o]", report_entry(row.id, 4, 4)), NULL);
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &row), 0);
    assert_int_equal(row.status, SESSION_DESTROYED);
    assert_string_equal(row.reason, "exit");
    assert_int_equal(row.ws_port, 0);
}

static void test_the_end_is_final(void **state)
{
    struct fixture *f = *state;
    add_host(f, HOST_A, 9);
    struct session_row row = must_select(f, 1, "w");
    must_report(f, HOST_A, false, json_pack("[o]", report_entry(row.id, 1, 4)), NULL);
    assert_int_equal(must_report(f, HOST_A, false, json_pack("[o]", report_entry(row.id, 2, 2)), NULL), 1);
    assert_int_equal(status_of(f, row.id), SESSION_DESTROYED);
}

static void test_orphans_are_to_end(void **state)
{
    struct fixture *f = *state;
    add_host(f, HOST_A, 1);
    struct session_row row = must_select(f, 1, "w");
    add_host(f, HOST_B, 1);
    assert_int_equal(must_report(f, HOST_A, false, json_pack("[o]", report_entry(NOBODYS, 1, 2)), NULL), 1);
    assert_int_equal(status_of(f, NOBODYS), -ENOENT);
    /* The same id at two hosts: the pin says who is right. */
    assert_int_equal(must_report(f, HOST_B, false, json_pack("[o]", report_entry(row.id, 1, 2)), NULL), 1);
    assert_int_equal(status_of(f, row.id), SESSION_TO_CREATE);
    assert_int_equal(must_report(f, HOST_A, false, json_pack("[o]", report_entry(NOBODYS, 2, 4)), NULL), 0);
}

static void test_release_while_the_host_is_away(void **state)
{
    struct fixture *f = *state;
    add_host(f, HOST_A, 9);
    struct session_row row = must_select(f, 1, "w");
    must_report(f, HOST_A, false, json_pack("[o]", report_entry(row.id, 1, 2)), NULL);
    assert_int_equal(session_broker_release(f->broker, row.id, NULL, &row), 0);
    assert_int_equal(row.status, SESSION_TO_DESTROY);
    /* Told at the first sign of life, and again until it is done. */
    assert_int_equal(must_report(f, HOST_A, false, json_array(), NULL), 1);
    assert_int_equal(must_report(f, HOST_A, false, json_pack("[o]", report_entry(row.id, 2, 10)), NULL), 1);
    assert_int_equal(status_of(f, row.id), SESSION_TO_DESTROY);
    must_report(f, HOST_A, false, json_pack("[o,o]", report_entry(row.id, 3, 3), report_entry(row.id, 4, 4)),
                NULL);
    assert_int_equal(status_of(f, row.id), SESSION_DESTROYED);
    assert_int_equal(must_report(f, HOST_A, false, json_array(), NULL), 0);
}

static void test_full_report_reconciles(void **state)
{
    struct fixture *f = *state;
    int64_t ack;
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 0);
    struct session_row gone = must_select(f, 1, "w"), kept = must_select(f, 2, "w"),
                       unfetched = must_select(f, 3, "w");
    json_t *batch = json_pack("[o,o]", report_entry(gone.id, 70, 2), report_entry(kept.id, 71, 2));
    must_report(f, HOST_A, false, batch, NULL);
    f->clock.wall_s += 31;
    struct session_row young = must_select(f, 4, "w");
    assert_int_equal(session_broker_connected(f->broker, young.id, 9040, 9041), 0);
    must_report(f, HOST_B, true, json_array(), NULL); /* another host's business */
    assert_int_equal(status_of(f, gone.id), SESSION_READY);
    /* The host came back with a new journal: lower numbers, and one session less. */
    must_report(f, HOST_A, true, json_pack("[o]", report_entry(kept.id, 1, 10)), &ack);
    assert_int_equal(ack, 1);
    assert_int_equal(status_of(f, gone.id), SESSION_DESTROYED);
    assert_int_equal(status_of(f, kept.id), SESSION_SUSPENDED);
    assert_int_equal(status_of(f, unfetched.id), SESSION_TO_CREATE);
    assert_int_equal(status_of(f, young.id), SESSION_TO_CREATE);
    must_report(f, HOST_A, false, json_pack("[o]", report_entry(kept.id, 2, 11)), NULL);
    assert_int_equal(status_of(f, kept.id), SESSION_TO_RESTORE);
}

static void test_bad_reports_change_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t ack;
    json_t *end = NULL;
    add_host(f, HOST_A, 9);
    struct session_row row = must_select(f, 1, "w");
    json_t *bad[] = {
        json_pack("[{s:s}]", "sessionId", row.id),
        json_pack("[o, s]", report_entry(row.id, 1, 2), "x"),
        json_pack("[o, o]", report_entry(row.id, 1, 2), report_entry(row.id, 2, 7)),
        json_pack("[o]", report_entry("../../etc/passwd", 1, 2)),
        json_pack("[o]", report_entry(row.id, -1, 2)),
        json_object(),
        json_array(),
    };
    json_t *endless = bad[ARRAY_SIZE(bad) - 1];
    for (int i = 0; i < 501; i++)
        json_array_append_new(endless, report_entry(row.id, i, 2));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(session_broker_report(f->broker, HOST_A, true, bad[i], &ack, &end), -EINVAL);
        json_decref(bad[i]);
    }
    assert_int_equal(status_of(f, row.id), SESSION_TO_CREATE);
    cleanup_json json_t *none = json_array();
    assert_int_equal(session_broker_report(f->broker, HOST_B, false, none, &ack, &end), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_statuses_are_copied_once_and_in_order),
        TEST(test_the_end_is_final),
        TEST(test_orphans_are_to_end),
        TEST(test_release_while_the_host_is_away),
        TEST(test_full_report_reconciles),
        TEST(test_bad_reports_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
