/* SPDX-License-Identifier: GPL-3.0-or-later */
/* select and release as a user's clicks see them. */
#include "broker_fixture.h"

#define WS1 "11111111111111111111111111111111"
#define WS2 "22222222222222222222222222222222"
#define WANTED "abcdefabcdefabcdefabcdefabcdefab"

static void test_double_click_gets_one_session(void **state)
{
    struct fixture *f = *state;
    struct session_row first, second;
    bool resumed = true;
    add_host(f, HOST_A, 1);
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &first, &resumed), 0);
    assert_false(resumed);
    assert_int_equal(first.status, SESSION_TO_CREATE);
    assert_true(str_is_id(first.id));
    assert_string_equal(first.server_url, HOST_A);
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &second, &resumed), 0);
    assert_true(resumed);
    assert_string_equal(first.id, second.id);
    /* A page that minted an id of its own on the second click means the same session. */
    assert_int_equal(try_select(f->broker, 1, WS1, WANTED, &second, &resumed), 0);
    assert_true(resumed);
    assert_string_equal(first.id, second.id);
}

static void test_wanted_id(void **state)
{
    struct fixture *f = *state;
    struct session_row row;
    bool resumed;
    add_host(f, HOST_A, 9);
    assert_int_equal(try_select(f->broker, 1, WS1, WANTED, &row, &resumed), 0);
    assert_string_equal(row.id, WANTED);
    assert_int_equal(try_select(f->broker, 1, WS1, WANTED, &row, &resumed), 0);
    assert_true(resumed);
    assert_int_equal(try_select(f->broker, 2, WS1, WANTED, &row, &resumed), -EEXIST);
    assert_int_equal(try_select(f->broker, 1, WS2, WANTED, &row, &resumed), -EEXIST);
    assert_int_equal(session_broker_release(f->broker, WANTED, NULL, &row), 0);
    assert_int_equal(try_select(f->broker, 1, WS1, WANTED, &row, &resumed), -EEXIST);
}

static void test_room_and_limits(void **state)
{
    struct fixture *f = *state;
    struct session_row row, other;
    bool resumed;
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &row, &resumed), -EHOSTDOWN);
    add_host(f, HOST_A, 2);
    row = must_select(f, 1, WS1);
    must_select(f, 2, WS1);
    assert_int_equal(try_select(f->broker, 3, WS1, NULL, &other, &resumed), -ENOSPC);
    /* Nobody has fetched it: the slot is free at once. */
    assert_int_equal(session_broker_release(f->broker, row.id, row.user_id, &row), 0);
    assert_int_equal(row.status, SESSION_DESTROYED);
    must_select(f, 3, WS1);
}

static void test_limit_of_sessions_per_user(void **state)
{
    struct fixture *f = *state;
    struct identity_user user = make_user(1);
    struct session_row row;
    bool resumed;
    add_host(f, HOST_A, 9);
    cleanup_json json_t *policy = json_pack("{s:{s:i}}", "session", "maxSessionsPerUser", 1);
    struct identity_launch one = make_launch(WS1, "", policy), two = make_launch(WS2, "", policy);
    assert_int_equal(session_broker_select(f->broker, &user, &one, NULL, &row, &resumed), 0);
    assert_int_equal(session_broker_select(f->broker, &user, &two, NULL, &row, &resumed), -EDQUOT);
    assert_int_equal(session_broker_select(f->broker, &user, &one, NULL, &row, &resumed), 0);
    assert_true(resumed);

    struct session_broker *strict = fixture_broker(f, "RoundRobin", 1);
    assert_int_equal(try_select(strict, 1, WS2, NULL, &row, &resumed), -EDQUOT);
    session_broker_destroy(strict);
}

static void test_an_unused_lease_moves_away_from_a_dead_host(void **state)
{
    struct fixture *f = *state;
    struct session_row row, again;
    bool resumed;
    add_host(f, HOST_A, 9);
    row = must_select(f, 1, WS1);
    assert_string_equal(row.server_url, HOST_A);
    f->clock.wall_s += 60;
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &again, &resumed), -EHOSTDOWN);
    add_host(f, HOST_B, 9);
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &again, &resumed), 0);
    assert_true(resumed);
    assert_string_equal(again.id, row.id);
    assert_string_equal(again.server_url, HOST_B);
    /* Once it runs somewhere it stays there, whatever becomes of its host. */
    assert_int_equal(session_broker_connected(f->broker, row.id, 9010, 9011), 0);
    f->clock.wall_s += 60;
    add_host(f, HOST_A, 9);
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &again, &resumed), 0);
    assert_string_equal(again.server_url, HOST_B);
    /* And the first host, had it started the session all the same, is told to end it. */
    json_t *reports = json_pack("[o]", report_entry(row.id, 1, 2));
    assert_int_equal(must_report(f, HOST_A, false, reports, NULL), 1);
}

static void test_what_is_started_is_kept(void **state)
{
    struct fixture *f = *state;
    struct identity_user user = make_user(1);
    struct identity_launch got;
    struct session_row row;
    bool resumed;
    add_host(f, HOST_A, 9);
    cleanup_json json_t *policy = json_pack("{s:{s:b}}", "session", "allowReconnect", 1);
    struct identity_launch launch = make_launch(WS1, WS2, policy);
    assert_int_equal(session_broker_select(f->broker, &user, &launch, NULL, &row, &resumed), 0);
    assert_int_equal(session_broker_launch(f->broker, row.id, &got), 0);
    assert_string_equal(got.workspace_id, WS1);
    assert_string_equal(got.app_id, WS2);
    assert_string_equal(got.workspace_name, launch.workspace_name);
    assert_string_equal(got.app_exe, "remotedesktop");
    assert_string_equal(got.app_args, "--a \"b c\"");
    assert_true(json_equal(got.policy, policy));
    json_decref(got.policy);
    assert_int_equal(session_broker_launch(f->broker, WANTED, &got), -ENOENT);
}

static void test_only_the_owner_sees_and_releases(void **state)
{
    struct fixture *f = *state;
    struct session_row row, seen;
    add_host(f, HOST_A, 9);
    row = must_select(f, 1, WS1);
    struct identity_user other = make_user(2);
    assert_int_equal(session_broker_get(f->broker, row.id, row.user_id, &seen), 0);
    assert_int_equal(session_broker_get(f->broker, row.id, other.id, &seen), -ENOENT);
    assert_int_equal(session_broker_release(f->broker, row.id, other.id, &seen), -ENOENT);
    assert_int_equal(status_of(f, row.id), SESSION_TO_CREATE);
}

static void test_release_of_a_running_session(void **state)
{
    struct fixture *f = *state;
    struct session_row row, next;
    bool resumed;
    add_host(f, HOST_A, 1);
    row = must_select(f, 1, WS1);
    assert_int_equal(session_broker_connected(f->broker, row.id, 9010, 9011), 0);
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &next), 0);
    assert_int_equal(next.ws_port, 9010);
    assert_int_equal(next.http_port, 9011);
    /* The host knows it: it ends there first, and holds its slot until then. */
    assert_int_equal(session_broker_release(f->broker, row.id, row.user_id, &row), 0);
    assert_int_equal(row.status, SESSION_TO_DESTROY);
    assert_int_equal(session_broker_release(f->broker, row.id, row.user_id, &row), 0);
    assert_int_equal(row.status, SESSION_TO_DESTROY);
    assert_int_equal(try_select(f->broker, 1, WS1, NULL, &next, &resumed), -ENOSPC);
    assert_int_equal(session_broker_connected(f->broker, row.id, 9010, 9011), -ENOENT);
    assert_int_equal(session_broker_ended(f->broker, row.id, "exit"), 0);
    next = must_select(f, 1, WS1);
    assert_string_not_equal(next.id, row.id);
}

static void test_viewers(void **state)
{
    struct fixture *f = *state;
    add_host(f, HOST_A, 1);
    struct session_row row = must_select(f, 1, WS1);
    assert_int_equal(session_broker_viewers(f->broker, row.id, 2), 0);
    assert_int_equal(session_broker_viewers(f->broker, row.id, -1), 0);
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &row), 0);
    assert_int_equal(row.viewers, 1);
    assert_int_equal(session_broker_viewers(f->broker, row.id, -5), 0);
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &row), 0);
    assert_int_equal(row.viewers, 0);
    /* What a killed gateway left behind. */
    assert_int_equal(session_broker_viewers(f->broker, row.id, 3), 0);
    session_broker_destroy(fixture_broker(f, "RoundRobin", 0));
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &row), 0);
    assert_int_equal(row.viewers, 0);
    assert_int_equal(session_broker_viewers(f->broker, WANTED, 1), -ENOENT);
}

static void test_expiry(void **state)
{
    struct fixture *f = *state;
    add_host(f, HOST_A, 9);
    struct session_row unclaimed = must_select(f, 1, WS1), fetched = must_select(f, 2, WS1);
    assert_int_equal(session_broker_connected(f->broker, fetched.id, 9010, 9011), 0);
    f->clock.wall_s += 100;
    add_host(f, HOST_A, 9);
    must_select(f, 1, WS1); /* a retry: the time starts again */
    f->clock.wall_s += 100;
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(status_of(f, unclaimed.id), SESSION_TO_CREATE);
    f->clock.wall_s += 21;
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(status_of(f, unclaimed.id), SESSION_DESTROYED);
    assert_int_equal(status_of(f, fetched.id), SESSION_TO_CREATE);
    f->clock.wall_s += 86401;
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(status_of(f, unclaimed.id), -ENOENT);
    assert_int_equal(status_of(f, fetched.id), SESSION_TO_CREATE);
}

/* A week without a sign of life from the host, and we were there all the time. */
static void test_sessions_of_a_host_that_never_comes_back(void **state)
{
    struct fixture *f = *state;
    const int64_t week = 7 * 86400 + 1;
    add_host(f, HOST_A, 9);
    add_host(f, HOST_B, 9);
    struct session_row lost = must_select(f, 1, WS1), kept = must_select(f, 2, WS1);
    assert_string_equal(lost.server_url, HOST_A);
    assert_string_equal(kept.server_url, HOST_B);
    assert_int_equal(session_broker_connected(f->broker, lost.id, 9010, 9011), 0);
    assert_int_equal(session_broker_connected(f->broker, kept.id, 9010, 9011), 0);
    f->clock.wall_s += week;
    add_host(f, HOST_B, 9);
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(status_of(f, lost.id), SESSION_TO_CREATE); /* the clock jumped, or we were off */
    f->clock.monotonic_ms += (uint64_t)week * 1000;
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(status_of(f, lost.id), SESSION_DESTROYED);
    assert_int_equal(status_of(f, kept.id), SESSION_TO_CREATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_double_click_gets_one_session),
        TEST(test_wanted_id),
        TEST(test_room_and_limits),
        TEST(test_limit_of_sessions_per_user),
        TEST(test_an_unused_lease_moves_away_from_a_dead_host),
        TEST(test_what_is_started_is_kept),
        TEST(test_only_the_owner_sees_and_releases),
        TEST(test_release_of_a_running_session),
        TEST(test_viewers),
        TEST(test_expiry),
        TEST(test_sessions_of_a_host_that_never_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
