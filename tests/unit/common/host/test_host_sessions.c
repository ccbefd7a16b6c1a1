/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A front-end's view of the sessions: what it may ask for in which state, what it hears, and what time and
 * restarts of the process do. */
#include "host_world.h"

#include <sys/mman.h>

#include "base/log.h"
#include "host/host_priv.h"

static void test_from_slot_to_end(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session, *other;
    int width, height;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    hw_assert_told(w, SESSION_CREATED);
    assert_int_equal(host_session_slot(session), 1);
    assert_int_equal(hw_active(w), 1);
    assert_int_equal(host_session_create(w->sessions, &order, &other), -EEXIST);
    order = hw_order(OTHER_ID);
    assert_int_equal(host_session_create(w->sessions, &order, &other), -ENOSPC);
    assert_null(host_session_find(w->sessions, OTHER_ID));
    host_session_size(session, &width, &height);
    assert_int_equal(width + height, 0);
    host_session_wait(session, hw_answer, w);
    assert_int_equal(w->answers, 0);
    assert_int_equal(host_session_start(session, LONELY, 5), 0);
    assert_int_equal(host_session_start(session, LONELY, 5), -EPERM);
    host_session_size(session, &width, &height);
    assert_int_equal(width, LONELY);
    assert_int_equal(height, HOST_MIN_SIDE);
    hw_await(w, SESSION_READY);
    HW_UNTIL(w, w->displays > 0);
    hw_assert_told(w, SESSION_CREATED, SESSION_TO_START, SESSION_STARTING, SESSION_READY);
    assert_int_equal(w->answers, 1);
    assert_int_equal(w->answer, 0);
    host_session_wait(session, hw_answer, w);
    assert_int_equal(w->answers, 2);
    assert_int_equal(w->answer, 0);
    assert_int_equal(host_session_event(session, SESSION_EV_KILL, "kill"), 0);
    assert_string_equal(host_session_reason(session), "kill");
    hw_await(w, SESSION_DESTROYED);
    assert_int_equal(host_session_event(session, SESSION_EV_SUSPEND, NULL), -EPERM);
    host_session_wait(session, hw_answer, w);
    assert_int_equal(w->answer, -ECANCELED);
}

static void test_bad_orders(void **state)
{
    struct host_world *w = *state;
    struct host_session *session;
    struct host_session_order order = hw_order("../etc");
    assert_int_equal(host_session_create(w->sessions, &order, &session), -EINVAL);
    order = hw_order(SESSION_ID);
    order.app_mode = "rootless";
    assert_int_equal(host_session_create(w->sessions, &order, &session), -EINVAL);
    order.app_mode = "app";
    order.app_exe = "xterm";
    order.app_args = "'open";
    assert_int_equal(host_session_create(w->sessions, &order, &session), -EINVAL);
    assert_int_equal(hw_active(w), 0);
    host_sessions_drain(w->sessions);
    order = hw_order(SESSION_ID);
    assert_int_equal(host_session_create(w->sessions, &order, &session), -EBUSY);
}

static void test_program_that_is_missing(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    order.app_mode = "app";
    order.app_exe = "isthmus-no-such-program";
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_int_equal(host_session_start(session, 800, 600), 0);
    host_session_wait(session, hw_answer, w);
    hw_await(w, SESSION_DESTROYED);
    assert_int_equal(w->answers, 1);
    assert_int_equal(w->answer, -EIO);
    assert_string_equal(host_session_reason(session), "no_program");
}

/* Nobody has to wait for it: a session that never gets ready is ended. Who waits hears why. */
static void test_never_ready(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(config_set(w->config, "isthmus.startTimeoutMs", "1000"), 0);
    for (unsigned waiting = 0; waiting < 2; waiting++) {
        order.session_id = waiting ? OTHER_ID : SESSION_ID;
        assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
        assert_int_equal(host_session_start(session, MUTE, 600), 0);
        for (unsigned i = 0; i < 2 * waiting; i++)
            host_session_wait(session, hw_answer, w);
        HW_UNTIL(w, !session_status_is_alive(host_session_status(session)));
        assert_string_equal(host_session_reason(session), "streamer_failed");
        assert_int_equal(w->answers, 2 * waiting);
        hw_await_free(w);
    }
    assert_int_equal(w->answer, -ETIMEDOUT);
}

/* Nobody asks for the display: three times the patience, then 4 without 3, and the slot is free again. */
static void test_never_started(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    uint64_t before = clock_monotonic_ms(NULL);
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    host_session_polled(session);
    hw_await(w, SESSION_DESTROYED);
    assert_in_range(clock_monotonic_ms(NULL) - before, 3 * PATIENCE_MS, WAIT_MS);
    hw_assert_told(w, SESSION_CREATED, SESSION_DESTROYED);
    hw_await_free(w);
}

static void test_never_seen(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    order.may_be_silent = true;
    struct host_session *session = hw_start(w, order);
    hw_await(w, SESSION_TO_DESTROY);
    assert_string_equal(host_session_reason(session), "ssh");
    hw_await(w, SESSION_DESTROYED);
    hw_assert_told(w, SESSION_TO_DESTROY, SESSION_DESTROYED);
}

static void test_silent(void **state)
{
    struct host_world *w = *state;
    struct host_session *session = hw_start(w, hw_order(SESSION_ID));
    host_session_links(session, 1);
    assert_true(host_session_ever_seen(session));
    uint64_t before = clock_monotonic_ms(NULL);
    host_session_polled(session);
    hw_await(w, SESSION_SUSPENDED);
    assert_in_range(clock_monotonic_ms(NULL) - before, PATIENCE_MS, WAIT_MS);
    assert_string_equal(host_session_reason(session), "");
    hw_assert_told(w, SESSION_SUSPENDING, SESSION_SUSPENDED);
}

/* Suspended when its last link goes, resumed for another time like the first, suspended again when nobody
 * connects; at last it is ended. */
static void test_link_that_goes(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    order.may_be_silent = true;
    struct host_session *session = hw_start(w, order);
    host_session_links(session, 2);
    host_session_links(session, 1);
    host_session_links(session, 0);
    hw_await(w, SESSION_SUSPENDED);
    assert_int_equal(host_session_event(session, SESSION_EV_RESUME, NULL), 0);
    hw_assert_told(w, SESSION_SUSPENDING, SESSION_SUSPENDED, SESSION_TO_RESTORE, SESSION_READY);
    uint64_t before = clock_monotonic_ms(NULL);
    hw_await(w, SESSION_SUSPENDED);
    assert_in_range(clock_monotonic_ms(NULL) - before, PATIENCE_MS - 1, WAIT_MS);
    order.persistent = false;
    host_session_set_terms(session, &order);
    assert_int_equal(host_session_event(session, SESSION_EV_RESUME, NULL), 0);
    host_session_links(session, 1);
    host_session_links(session, 0);
    hw_await(w, SESSION_DESTROYED);
    assert_string_equal(host_session_reason(session), "exit");
}

/* What was logged meanwhile has the text; all of it is read. */
static void assert_logged(int fd, const char *text)
{
    char log[16384];
    ssize_t n = pread(fd, log, sizeof log - 1, 0);
    assert_true(n > 0);
    log[n] = '\0';
    if (!strstr(log, text))
        fail_msg("not logged: %s", text);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

/* The log has the reason of every suspension in one word, though the session goes on living. */
static void test_why_it_is_suspended(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    order.may_be_silent = true;
    struct host_session *session = hw_start(w, order);
    int log = memfd_create("log", MFD_CLOEXEC);
    log_set_fd(log);
    host_session_links(session, 1);
    host_session_links(session, 0);
    hw_await(w, SESSION_SUSPENDED);
    assert_logged(log, "slot 1: active -> suspending: link_loss");
    assert_int_equal(host_session_event(session, SESSION_EV_RESUME, NULL), 0);
    hw_await(w, SESSION_SUSPENDED);
    assert_logged(log, "slot 1: active -> suspending: ssh");
    order.may_be_silent = false;
    host_session_set_terms(session, &order);
    assert_int_equal(host_session_event(session, SESSION_EV_RESUME, NULL), 0);
    host_session_links(session, 1);
    hw_await(w, SESSION_SUSPENDED);
    assert_logged(log, "slot 1: active -> suspending: kma");
    assert_int_equal(host_session_event(session, SESSION_EV_RESUME, NULL), 0);
    assert_int_equal(host_session_event(session, SESSION_EV_SUSPEND, "exit"), 0);
    assert_logged(log, "slot 1: active -> suspending: asked");
    assert_string_equal(host_session_reason(session), "");
    log_set_fd(STDERR_FILENO);
    close(log);
}

static void test_suspend_of_one_that_was_never_seen(void **state)
{
    struct host_world *w = *state;
    struct host_session *session = hw_start(w, hw_order(SESSION_ID));
    assert_int_equal(host_session_event(session, SESSION_EV_SUSPEND, NULL), 0);
    assert_int_equal(host_session_status(session), SESSION_TO_DESTROY);
    assert_string_equal(host_session_reason(session), "exit");
}

static void test_exit_before_it_is_there(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_int_equal(host_session_start(session, LONELY, 600), 0);
    assert_int_equal(host_session_event(session, SESSION_EV_EXIT, "exit"), 0);
    hw_await(w, SESSION_DESTROYED);
    hw_assert_told(w, SESSION_CREATED, SESSION_TO_START, SESSION_TO_DESTROY, SESSION_DESTROYED);
    assert_string_equal(host_session_reason(session), "exit");
}

/* A browser is both seen and a poll; a session that is suspended has none any more. */
static void test_browser(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_int_equal(host_session_start(session, 800, 600), 0);
    hw_await(w, SESSION_READY);
    HW_UNTIL(w, host_session_ever_seen(session));
    assert_int_equal(host_session_browsers(session), 1);
    struct loop_timer *later;
    assert_int_equal(loop_timer_create(w->loop, hw_stop, w->loop, &later), 0);
    loop_timer_start(later, 2 * PATIENCE_MS, 0);
    loop_run(w->loop);
    assert_int_equal(host_session_status(session), SESSION_READY);
    assert_int_equal(host_session_event(session, SESSION_EV_SUSPEND, NULL), 0);
    HW_UNTIL(w, host_session_browsers(session) == 0);
    assert_int_equal(host_session_status(session), SESSION_SUSPENDED);
    loop_timer_destroy(later);
}

/* It is over, but nobody is there to notice; the first who comes does. */
static void test_time_limit_that_is_over(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    order.may_be_silent = true;
    order.time_limit = clock_wall_s(NULL) - 5;
    struct host_session *session = hw_start(w, order);
    host_session_links(session, 1);
    hw_await(w, SESSION_DESTROYED);
    assert_string_equal(host_session_reason(session), "timeout");
}

static void test_time_limit(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    order.may_be_silent = true;
    struct host_session *session = hw_start(w, order);
    host_session_links(session, 1);
    order.time_limit = clock_wall_s(NULL) + 2;
    order.time_limit_message = "Save your work.";
    host_session_set_terms(session, &order);
    HW_UNTIL(w, session->order.warned);
    assert_int_equal(host_session_status(session), SESSION_READY);
    uint64_t warned = clock_monotonic_ms(NULL);
    hw_await(w, SESSION_TO_DESTROY);
    assert_in_range(clock_monotonic_ms(NULL) - warned, 900, WAIT_MS);
    assert_string_equal(host_session_reason(session), "timeout");
}

static void test_note_that_is_too_long(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    hw_set_note(session, "kept");
    cleanup_free char *text = xcalloc(1, HOST_NOTE_MAX + 1);
    memset(text, 'x', HOST_NOTE_MAX);
    assert_int_equal(host_session_set_note(session, json_pack("{s:s}", "note", text)), -EMSGSIZE);
    assert_string_equal(hw_note(session), "kept");
}

static void test_end_of_the_host(void **state)
{
    struct host_world *w = *state;
    struct host_session *session = hw_start(w, hw_order(SESSION_ID));
    host_sessions_end_all(w->sessions);
    assert_string_equal(host_session_reason(session), "shutdown");
    assert_false(host_sessions_settled(w->sessions));
    hw_await(w, SESSION_DESTROYED);
    assert_true(host_sessions_settled(w->sessions));
    cleanup_json json_t *reports = host_sessions_reports(w->sessions);
    assert_int_equal(json_array_size(reports), 1);
    cleanup_json json_t *changes = host_sessions_changes(w->sessions, 100);
    size_t last = json_array_size(changes) - 1;
    assert_in_range(last, 3, 5); /* 0 1 22 2 3 4, as far as they are on disk */
}

static void test_closed_while_one_waits(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    host_session_wait(session, hw_answer, w);
    host_sessions_close(w->sessions);
    assert_int_equal(w->answer, -EBUSY);
    host_session_wait(session, hw_answer, w);
    assert_int_equal(w->answers, 2);
    assert_int_equal(w->answer, -EBUSY);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void test_nothing_stays(void **state)
{
    struct host_world *w = *state;
    struct host_session_order order = hw_order(SESSION_ID);
    unsigned before = 0;
    for (unsigned i = 0; i < 7; i++) {
        cleanup_free char *id = xasprintf("%032x", i);
        struct host_session *session;
        order.session_id = id;
        assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
        if (i % 3 > 0)
            assert_int_equal(host_session_start(session, LONELY, 600), 0);
        if (i % 3 > 1)
            HW_UNTIL(w, host_session_status(session) == SESSION_READY);
        assert_int_equal(host_session_event(session, SESSION_EV_EXIT, "exit"), 0);
        hw_await_free(w);
        if (i == 2) /* what is kept for the next one is there now */
            before = count_descriptors();
    }
    assert_int_equal(count_descriptors(), before);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "streamer"))
        return stand_in_main(argc, argv);
    int code = session_dispatch(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_slot_to_end, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_bad_orders, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_program_that_is_missing, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_never_ready, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_never_started, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_never_seen, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_silent, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_link_that_goes, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_why_it_is_suspended, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_suspend_of_one_that_was_never_seen, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_exit_before_it_is_there, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_browser, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_time_limit_that_is_over, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_time_limit, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_note_that_is_too_long, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_end_of_the_host, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_stays, hw_setup, hw_teardown),
        cmocka_unit_test_setup_teardown(test_closed_while_one_waits, hw_setup, hw_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
