/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which host is taken. */
#include "broker_fixture.h"

static const char *place(struct fixture *f, struct session_broker *broker, int user)
{
    static struct session_row row;
    bool resumed;
    (void)f;
    assert_int_equal(try_select(broker, user, "w", NULL, &row, &resumed), 0);
    return row.server_url;
}

static void test_round_robin(void **state)
{
    struct fixture *f = *state;
    struct session_broker *broker = fixture_broker(f, "RoundRobin", 0);
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 9);
    add_host(f, HOST_C, 1);
    assert_string_equal(place(f, broker, 1), HOST_A);
    assert_string_equal(place(f, broker, 2), HOST_B);
    assert_string_equal(place(f, broker, 3), HOST_C);
    assert_string_equal(place(f, broker, 4), HOST_A);
    assert_string_equal(place(f, broker, 5), HOST_B);
    assert_string_equal(place(f, broker, 6), HOST_A); /* C is full */
    session_broker_destroy(broker);
}

static void test_least_connections(void **state)
{
    struct fixture *f = *state;
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 9);
    place(f, f->broker, 1);
    place(f, f->broker, 2);
    place(f, f->broker, 3);
    add_host(f, HOST_C, 9);
    assert_string_equal(place(f, f->broker, 4), HOST_C);
    assert_string_equal(place(f, f->broker, 5), HOST_B);
}

static void test_weighted(void **state)
{
    struct fixture *f = *state;
    struct session_broker *broker = fixture_broker(f, "Weighted", 0);
    int at_a = 0;
    add_host(f, HOST_A, 30);
    add_host(f, HOST_B, 10);
    for (int i = 0; i < 20; i++)
        at_a += strcmp(place(f, broker, i), HOST_A) == 0;
    assert_int_equal(at_a, 15);
    session_broker_destroy(broker);
}

static void test_silent_and_unwilling_hosts(void **state)
{
    struct fixture *f = *state;
    struct session_row row;
    bool resumed;
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 9);
    assert_int_equal(session_broker_heartbeat(f->broker, HOST_A, "draining", 0, 9, 0.1, 0.2), 0);
    for (int i = 0; i < 3; i++)
        assert_string_equal(place(f, f->broker, i), HOST_B);
    f->clock.wall_s += 46;
    assert_int_equal(try_select(f->broker, 8, "w", NULL, &row, &resumed), -EHOSTDOWN);
    assert_int_equal(session_broker_heartbeat(f->broker, HOST_A, "healthy", 0, 1, 0.1, 0.2), 0);
    assert_string_equal(place(f, f->broker, 8), HOST_A);
    assert_int_equal(try_select(f->broker, 9, "w", NULL, &row, &resumed), -ENOSPC); /* it has one slot now */
}

static void test_unregister_and_unknown(void **state)
{
    struct fixture *f = *state;
    struct session_row row, first;
    bool resumed;
    assert_int_equal(session_broker_heartbeat(f->broker, HOST_A, "healthy", 0, 1, 0, 0), -ENOENT);
    add_host(f, HOST_A, 9);
    first = must_select(f, 1, "w");
    assert_int_equal(session_broker_connected(f->broker, first.id, 9010, 9011), 0);
    assert_int_equal(session_broker_unregister(f->broker, HOST_A), 0);
    assert_int_equal(session_broker_unregister(f->broker, HOST_A), 0);
    assert_int_equal(try_select(f->broker, 2, "w", NULL, &row, &resumed), -EHOSTDOWN);
    assert_int_equal(session_broker_heartbeat(f->broker, HOST_A, "healthy", 0, 1, 0, 0), -ENOENT);
    /* A session that runs there keeps its pin. */
    assert_int_equal(try_select(f->broker, 1, "w", NULL, &row, &resumed), 0);
    assert_true(resumed);
    assert_string_equal(row.server_url, HOST_A);
}

static void test_policy_names_the_host(void **state)
{
    struct fixture *f = *state;
    struct identity_user user = make_user(1);
    struct session_row row;
    bool resumed;
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 9);
    cleanup_json json_t *here = json_pack("{s:{s:s}}", "resources", "hostPlacement", HOST_B);
    cleanup_json json_t *nowhere = json_pack("{s:{s:s}}", "resources", "hostPlacement", HOST_C);
    cleanup_json json_t *anywhere = json_pack("{s:{s:s}}", "resources", "hostPlacement", "auto");
    struct identity_launch pinned = make_launch("w1", "", here), lost = make_launch("w2", "", nowhere),
                           free_one = make_launch("w3", "", anywhere);
    assert_int_equal(session_broker_select(f->broker, &user, &pinned, NULL, &row, &resumed), 0);
    assert_string_equal(row.server_url, HOST_B);
    assert_int_equal(session_broker_select(f->broker, &user, &lost, NULL, &row, &resumed), -EHOSTDOWN);
    assert_int_equal(session_broker_select(f->broker, &user, &free_one, NULL, &row, &resumed), 0);
    assert_string_equal(row.server_url, HOST_A);
}

static void test_a_user_returns_to_the_same_host(void **state)
{
    struct fixture *f = *state;
    struct session_broker *broker = NULL;
    struct session_broker_options options = {
        .store = f->store, .clock = &f->clock, .strategy = "RoundRobin", .affinity_s = 3600};
    struct session_row row;
    bool resumed;
    assert_int_equal(session_broker_create(&options, &broker), 0);
    add_host(f, HOST_A, 2);
    add_host(f, HOST_B, 9);
    assert_string_equal(place(f, broker, 1), HOST_A);
    assert_int_equal(try_select(broker, 1, "w2", NULL, &row, &resumed), 0);
    assert_string_equal(row.server_url, HOST_A);
    /* Full: any other is better than none. */
    assert_int_equal(try_select(broker, 1, "w3", NULL, &row, &resumed), 0);
    assert_string_equal(row.server_url, HOST_B);
    assert_string_equal(place(f, broker, 2), HOST_B);
    /* An hour later it is A's turn again. */
    assert_int_equal(session_broker_release(broker, row.id, NULL, &row), 0);
    add_host(f, HOST_A, 9);
    f->clock.wall_s += 3601;
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 9);
    assert_int_equal(try_select(broker, 2, "w2", NULL, &row, &resumed), 0);
    assert_string_equal(row.server_url, HOST_A);
    session_broker_destroy(broker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_robin),
        TEST(test_least_connections),
        TEST(test_weighted),
        TEST(test_silent_and_unwilling_hosts),
        TEST(test_unregister_and_unknown),
        TEST(test_policy_names_the_host),
        TEST(test_a_user_returns_to_the_same_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
