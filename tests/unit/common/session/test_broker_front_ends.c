/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What other front-ends ask of the broker. */
#include "common/session/broker_fixture.h"

static struct session_row begin(struct fixture *f, const struct identity_user *user, const char *workspace)
{
    struct identity_launch launch = {.workspace_type = "virtual_desktop", .app_exe = "remotedesktop"};
    struct session_row row;
    bool resumed;
    assert_int_equal(str_copy(launch.workspace_id, sizeof(launch.workspace_id), workspace), 0);
    launch.policy = json_object();
    assert_int_equal(session_broker_select(f->broker, user, &launch, NULL, &row, &resumed), 0);
    identity_launch_finish(&launch);
    return row;
}

#define WORKSPACE_1 "11111111111111111111111111111111"
#define WORKSPACE_2 "22222222222222222222222222222222"

static void test_sessions_of_a_user(void **state)
{
    struct fixture *f = *state;
    struct identity_user one = make_user(1), two = make_user(2);
    struct session_row rows[4], after;
    size_t count;
    add_host(f, HOST_A, 5);
    assert_int_equal(session_broker_of_user(f->broker, one.id, rows, 4, &count), 0);
    assert_int_equal(count, 0);
    struct session_row first = begin(f, &one, WORKSPACE_1);
    f->clock.wall_s++;
    struct session_row second = begin(f, &one, WORKSPACE_2);
    begin(f, &two, WORKSPACE_1);
    assert_int_equal(session_broker_of_user(f->broker, one.id, rows, 4, &count), 0);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].id, first.id);
    assert_string_equal(rows[1].id, second.id);
    assert_int_equal(session_broker_of_user(f->broker, one.id, rows, 1, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(session_broker_release(f->broker, first.id, one.id, &after), 0);
    assert_int_equal(session_broker_of_user(f->broker, one.id, rows, 4, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].id, second.id);
}

static void test_a_lease_is_renewed(void **state)
{
    struct fixture *f = *state;
    struct identity_user user = make_user(1);
    struct session_row row, after;
    add_host(f, HOST_A, 5);
    row = begin(f, &user, WORKSPACE_1);
    f->clock.wall_s += 100;
    assert_int_equal(session_broker_renew(f->broker, row.id), 0);
    f->clock.wall_s += 100;
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &after), 0);
    assert_int_equal(after.status, SESSION_TO_CREATE);
    f->clock.wall_s += 100;
    assert_int_equal(session_broker_expire(f->broker, 120, 86400), 0);
    assert_int_equal(session_broker_renew(f->broker, row.id), 0);
    assert_int_equal(session_broker_get(f->broker, row.id, NULL, &after), 0);
    assert_int_equal(after.status, SESSION_DESTROYED);
}

static void test_a_told_status(void **state)
{
    struct fixture *f = *state;
    struct identity_user user = make_user(1);
    struct session_row row, after;
    add_host(f, HOST_A, 5);
    row = begin(f, &user, WORKSPACE_1);
    assert_int_equal(session_broker_told(f->broker, HOST_A, row.id, 2, "", &after), 0);
    assert_int_equal(after.status, SESSION_READY);
    assert_int_equal(session_broker_told(f->broker, HOST_B, row.id, 10, "", &after), -ENOENT);
    assert_int_equal(session_broker_told(f->broker, HOST_A, row.id, 5, "", &after), -EINVAL);
    assert_int_equal(session_broker_told(f->broker, HOST_A, WORKSPACE_1, 2, "", &after), -ENOENT);
    /* What was released stays released. */
    assert_int_equal(session_broker_release(f->broker, row.id, user.id, &after), 0);
    assert_int_equal(session_broker_told(f->broker, HOST_A, row.id, 2, "", &after), 0);
    assert_int_equal(after.status, SESSION_TO_DESTROY);
    assert_int_equal(session_broker_told(f->broker, HOST_A, row.id, 4, "timeout", &after), 0);
    assert_int_equal(after.status, SESSION_DESTROYED);
    assert_string_equal(after.reason, "timeout");
    assert_int_equal(session_broker_told(f->broker, HOST_A, row.id, 2, "", &after), -ENOENT);
}

static bool note_host(void *arg, const struct session_host_info *host, bool in_service)
{
    char *seen = arg;
    assert_true(json_is_array(host->capabilities));
    assert_int_equal(host->max_sessions, 5);
    size_t len = strlen(seen);
    snprintf(seen + len, 256 - len, "%s%s ", host->server_url, in_service ? "" : "(away)");
    return !str_eq(host->server_url, HOST_B);
}

static void test_every_host(void **state)
{
    struct fixture *f = *state;
    char seen[256] = "";
    assert_int_equal(session_broker_each_host(f->broker, note_host, seen), 0);
    assert_string_equal(seen, "");
    add_host(f, HOST_C, 5);
    add_host(f, HOST_B, 5);
    add_host(f, HOST_A, 5);
    assert_int_equal(session_broker_unregister(f->broker, HOST_A), 0);
    assert_int_equal(session_broker_each_host(f->broker, note_host, seen), 0);
    assert_string_equal(seen, HOST_A "(away) " HOST_B " "); /* and no further */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_sessions_of_a_user),
        T(test_a_lease_is_renewed),
        T(test_a_told_status),
        T(test_every_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
