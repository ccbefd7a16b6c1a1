/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a host finds again of the sessions of an earlier run, whenever that ended. */
#include "host_world.h"

#include "store/store.h"

/* Before its start nothing runs: it keeps its slot, its order, its note and its time over a restart. */
static void test_restart_before_the_start(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    order.app_mode = "app";
    order.app_exe = "xterm";
    assert_int_equal(config_set(w->config, "ovd.connectionTimeoutMs", "20000"), 0);
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_null(host_session_note(session));
    hw_set_note(session, "première");
    hw_restart(w);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_int_equal(host_session_status(session), SESSION_CREATED);
    assert_string_equal(hw_note(session), "première");
    assert_int_equal(host_session_start(session, LONELY, 600), 0);
    hw_await(w, SESSION_READY);
    hw_assert_told(w, SESSION_TO_START, SESSION_STARTING, SESSION_READY);
    assert_int_equal(host_session_slot(session), 1);
}

/* What is gone stays gone. */
static void test_a_note_that_was_taken_back(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(config_set(w->config, "ovd.connectionTimeoutMs", "20000"), 0);
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    hw_set_note(session, "secret");
    hw_restart(w);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_string_equal(hw_note(session), "secret");
    assert_int_equal(host_session_set_note(session, NULL), 0);
    assert_null(host_session_note(session));
    hw_restart(w);
    assert_null(host_session_note(host_session_find(w->sessions, SESSION_ID)));
}

static void on_kept(void *arg, int result)
{
    struct host_world *w = arg;
    w->answer = result;
    w->answers++;
}

/* A promise is kept by whatever was on disk before it was made: nothing is written at the end of this host.
 */
static void test_killed_after_a_promise(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(config_set(w->config, "ovd.connectionTimeoutMs", "20000"), 0);
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    hw_set_note(session, "promised");
    host_sessions_written(w->sessions, on_kept, w);
    HW_UNTIL(w, w->answers == 1);
    assert_int_equal(w->answer, 0);
    cleanup_free char *db = xasprintf("%s/db", w->state_dir), *copy = xasprintf("%s/copy", w->state_dir);
    assert_int_equal(mkdir(copy, 0700), 0);
    assert_int_equal(tree_copy(db, copy, (uid_t)-1, (gid_t)-1), 0);
    hw_set_note(session, "later");
    host_sessions_written(w->sessions, on_kept, w);
    hw_finish(w);
    assert_int_equal(w->answers, 2);
    assert_int_equal(w->answer, -EBUSY);
    cleanup_close int state_dir = open(w->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(state_dir, "db"), 0);
    assert_int_equal(rename(copy, db), 0);
    hw_begin(w);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_int_equal(host_session_status(session), SESSION_CREATED);
    assert_string_equal(hw_note(session), "promised");
}

/* Ordered, but not launched yet. */
static void test_restart_at_the_start(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_int_equal(host_session_start(session, LONELY, 600), 0);
    hw_restart(w);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_int_equal(host_session_status(session), SESSION_TO_START);
    hw_await(w, SESSION_READY);
    hw_assert_told(w, SESSION_STARTING, SESSION_READY);
}

/* Every clock starts anew: the links have died with the process. */
static void test_restart_while_it_runs(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    order.may_be_silent = true;
    struct host_session *session = hw_start(w, order);
    host_session_links(session, 1);
    hw_set_note(session, "first");
    hw_set_note(session, "second");
    hw_restart(w);
    uint64_t before = clock_monotonic_ms(NULL);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_int_equal(host_session_status(session), SESSION_READY);
    assert_true(host_session_ever_seen(session) && host_session_persistent(session));
    assert_string_equal(hw_note(session), "second");
    hw_await(w, SESSION_SUSPENDED);
    assert_in_range(clock_monotonic_ms(NULL) - before, PATIENCE_MS - 1, WAIT_MS);
    w->displays = 0;
    hw_restart(w);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_int_equal(host_session_status(session), SESSION_SUSPENDED);
    assert_int_equal(host_session_event(session, SESSION_EV_RESUME, NULL), 0);
    host_session_wait(session, hw_answer, w);
    hw_await(w, SESSION_READY);
    host_session_links(session, 1);
    HW_UNTIL(w, w->displays > 0); /* its streamer has called again */
    host_session_wait(session, hw_answer, w);
    assert_int_equal(w->answers, 2);
    assert_int_equal(w->answer, 0);
}

/* As a host leaves it that is killed between two writes of its journal. */
static void write_number(const struct host_world *w, const char *column, int64_t number)
{
    cleanup_free char *sql = xasprintf("UPDATE sessions SET %s = $1", column);
    struct store *store;
    struct store_txn *txn;
    cleanup_free char *url = xasprintf("sqlite:%s/db/host.sqlite", w->state_dir);
    assert_int_equal(store_open(url, store_host_migrations, store_host_migration_count, &store, NULL), 0);
    assert_int_equal(store_begin(store, true, &txn), 0);
    assert_int_equal(store_exec(txn, sql, "i", number), 1);
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
}

static void test_restart_between_two_steps(void **state)
{
    struct host_world *w = *state;
    static const struct {
        int written, becomes;
    } rows[] = {{SESSION_SUSPENDING, SESSION_SUSPENDED}, {SESSION_TO_RESTORE, SESSION_READY},
                {SESSION_STARTING, SESSION_READY},       {SESSION_TO_START, SESSION_READY},
                {SESSION_CREATED, SESSION_READY},        {SESSION_TO_DESTROY, SESSION_DESTROYED}};
    assert_int_equal(config_set(w->config, "ovd.connectionTimeoutMs", "20000"), 0);
    hw_start(w, hw_order(SESSION_ID));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        hw_finish(w);
        write_number(w, "status", rows[i].written);
        hw_begin(w);
        hw_await(w, rows[i].becomes);
    }
    hw_await_free(w);
}

/* An ended session is known for a day. */
static void test_forgotten(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_int_equal(host_session_event(session, SESSION_EV_EXIT, "exit"), 0);
    hw_await(w, SESSION_DESTROYED);
    hw_restart(w);
    session = host_session_find(w->sessions, SESSION_ID);
    assert_int_equal(host_session_status(session), SESSION_DESTROYED);
    assert_string_equal(host_session_reason(session), "exit");
    hw_finish(w);
    write_number(w, "changed", clock_wall_s(NULL) - 86401);
    hw_begin(w);
    assert_null(host_session_find(w->sessions, SESSION_ID));
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "streamer"))
        return stand_in_main(argc, argv);
    int code = session_dispatch(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart_before_the_start, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_a_note_that_was_taken_back, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_killed_after_a_promise, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_restart_at_the_start, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_restart_while_it_runs, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_restart_between_two_steps, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_forgotten, hw_setup, hw_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
