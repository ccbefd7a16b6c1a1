/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a session from its slot to its end, whatever dies meanwhile. */
#include "pool_world.h"

static void test_start_and_end(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot = start(w);
    assert_int_equal(slot.number, 1);
    assert_int_equal(slot.ws_port, w->base + 10);
    assert_int_equal(slot.http_port, w->base + 11);
    assert_true(str_starts_with(slot.account, "webs"));
    struct pool_order again = desktop(SESSION_ID);
    assert_int_equal(pool_start(w->pool, &again, &slot), -EEXIST);
    int prints = -1;
    assert_int_equal(pool_open_prints(w->pool, SESSION_ID, &prints), 0);
    assert_int_equal(faccessat(prints, "../order.json", F_OK, 0), 0); /* it is the session's */
    close(prints);
    assert_int_equal(pool_open_prints(w->pool, "ffffffffffffffffffffffffffffffff", &prints), -ENOENT);
    litter(w);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "kill"), 0);
    await(w, &w->ended, 1);
    assert_string_equal(w->reason, "kill");
    assert_int_equal(w->ending, 1);
    assert_int_equal(pool_find(w->pool, SESSION_ID, &slot), -ENOENT);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "kill"), -ENOENT);
    assert_clean(w);
}

static void test_exhausted(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    static const char *const ids[] = {SESSION_ID, "1123456789abcdef0123456789abcdef",
                                      "2123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < 3; i++) {
        struct pool_order order = desktop(ids[i]);
        assert_int_equal(pool_start(w->pool, &order, &slot), i < 2 ? 0 : -ENOSPC);
    }
    await(w, &w->ready, 2);
    assert_int_equal(pool_end(w->pool, ids[0], "kill"), 0);
    await(w, &w->ended, 1);
    struct pool_order order = desktop(ids[2]);
    assert_int_equal(pool_start(w->pool, &order, &slot), 0);
    assert_int_equal(slot.number, 1);
    await(w, &w->ready, 3);
}

/* The ports of slot 1 are somebody else's, one of them at a time: sessions go to slot 2, and it is said once.
 */
static void test_foreign_port(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    static const char *const ids[] = {SESSION_ID, "1123456789abcdef0123456789abcdef"};
    for (unsigned i = 0; i < 2; i++) {
        cleanup_close int fd = hold_port(w->base + 10 + i);
        assert_true(fd >= 0);
        assert_int_equal(pool_reserve(w->pool, ids[0], &slot), 0);
        assert_int_equal(slot.number, 2);
        assert_int_equal(pool_reserve(w->pool, ids[1], &slot), -ENOSPC);
        assert_int_equal(w->broken, 1);
        assert_int_equal(pool_end(w->pool, ids[0], "kill"), 0);
        await(w, &w->ended, i + 1);
    }
    w->broken = 0;
    start(w);
    assert_int_equal(pool_find(w->pool, SESSION_ID, &slot), 0);
    assert_int_equal(slot.number, 1);
}

static void test_bad_orders(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    struct pool_order order = desktop("../../etc");
    assert_int_equal(pool_start(w->pool, &order, &slot), -EINVAL);
    order = desktop(SESSION_ID);
    order.app_mode = "app";
    order.app_exe = "xterm";
    order.app_args = "'open";
    assert_int_equal(pool_start(w->pool, &order, &slot), -EINVAL);
    assert_int_equal(active(w), 0);
}

/* Nothing runs in a reservation; the start continues in its slot. */
static void test_reserved(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    struct pool_order order = desktop(SESSION_ID);
    assert_int_equal(pool_reserve(w->pool, "../../etc", &slot), -EINVAL);
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), 0);
    assert_int_equal(slot.number, 1);
    assert_int_equal(slot.ws_port, w->base + 10);
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), -EEXIST);
    assert_int_equal(active(w), 1);
    await_account(w);
    litter(w); /* what is in the home stays: it is not built a second time */
    assert_int_equal(find_process(w, "keeper"), 0);
    assert_int_equal(w->launched, 0);
    order.app_exe = "xterm";
    order.app_args = "'open";
    assert_int_equal(pool_start(w->pool, &order, &slot), -EINVAL);
    order = desktop(SESSION_ID);
    assert_int_equal(pool_start(w->pool, &order, &slot), 0);
    assert_int_equal(slot.number, 1);
    assert_int_equal(pool_start(w->pool, &order, &slot), -EEXIST);
    await(w, &w->ready, 1);
    assert_int_equal(w->launched, 1);
    cleanup_free char *kept = slot_path(w, "home/litter");
    assert_int_equal(access(kept, F_OK), 0);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "kill"), 0);
    await(w, &w->ended, 1);
    assert_clean(w);
}

static void test_started_while_being_reserved(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    struct pool_order order = desktop(SESSION_ID);
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), 0);
    assert_int_equal(pool_start(w->pool, &order, &slot), 0);
    assert_int_equal(pool_start(w->pool, &order, &slot), -EEXIST);
    await(w, &w->ready, 1);
    assert_int_equal(w->launched, 1);
    assert_int_equal(active(w), 1);
}

/* A reservation that is given back, while it is made and after that. */
static void test_reservation_ended(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), 0);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "timeout"), 0);
    struct pool_order order = desktop(SESSION_ID);
    assert_int_equal(pool_start(w->pool, &order, &slot), -EEXIST); /* not any more */
    await(w, &w->ended, 1);
    assert_string_equal(w->reason, "timeout");
    assert_int_equal(w->ending, 1);
    assert_clean(w);
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), 0);
    await_account(w);
    litter(w);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "kill"), 0);
    await(w, &w->ended, 2);
    assert_int_equal(w->ending, 2);
    assert_int_equal(w->launched, 0);
    assert_clean(w);
}

/* The next host knows nothing of a reservation and makes its slot fit for use again. */
static void test_reservation_after_a_restart(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), 0);
    await_account(w);
    litter(w);
    w->pool = pool_destroy(w->pool);
    open_pool(w, 1);
    assert_int_equal(w->found_slot, 0);
    assert_int_equal(pool_find(w->pool, SESSION_ID, &slot), -ENOENT);
    await_free(w);
    assert_int_equal(w->ended, 0);
    assert_clean(w);
    assert_int_equal(pool_reserve(w->pool, SESSION_ID, &slot), 0);
}

static void kill_part(struct world *w, const char *name, const char *reason)
{
    start(w);
    litter(w);
    pid_t pid = find_process(w, name);
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    await(w, &w->ended, 1);
    assert_string_equal(w->reason, reason);
    assert_clean(w);
}

static void test_killed_keeper(void **state)
{
    kill_part(*state, "keeper", "lost");
}

static void test_killed_leader(void **state)
{
    kill_part(*state, "session-leader", "error");
}

static void test_killed_display(void **state)
{
    kill_part(*state, "Xvnc", "display_failed");
}

static void test_killed_streamer(void **state)
{
    struct world *w = *state;
    start(w);
    assert_int_equal(kill(find_process(w, "streamer"), SIGKILL), 0);
    await(w, &w->ready, 2);
    assert_int_equal(w->ending, 0);
    assert_int_equal(kill(find_process(w, "streamer"), SIGKILL), 0);
    await(w, &w->ended, 1);
    assert_string_equal(w->reason, "streamer_failed");
    assert_clean(w);
}

/* A session outlives its host: what a new host finds is ready again once the streamer has called. */
static void test_adopted(void **state)
{
    struct world *w = *state;
    struct pool_slot_info before = start(w), after;
    cleanup_free char *account = xstrdup(before.account);
    pid_t display = find_process(w, "Xvnc");
    w->pool = pool_destroy(w->pool);
    w->ready = w->owners = 0;
    open_pool(w, 1);
    assert_int_equal(w->found_slot, 1);
    await(w, &w->ready, 1);
    assert_int_equal(pool_find(w->pool, SESSION_ID, &after), 0);
    assert_string_equal(after.account, account);
    assert_int_equal(find_process(w, "Xvnc"), display);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "kill"), 0);
    await(w, &w->ended, 1);
    assert_clean(w);
}

/* Host and keeper die together: the next host finds leftovers only, and cleans them without telling anybody
 * of a session. */
static void test_leftovers(void **state)
{
    struct world *w = *state;
    start(w);
    litter(w);
    pid_t keeper = find_process(w, "keeper");
    w->pool = pool_destroy(w->pool);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    (void)waitpid(keeper, NULL, 0);
    open_pool(w, 2);
    assert_int_equal(w->found_slot, 0);
    struct pool_order order = desktop("1123456789abcdef0123456789abcdef");
    struct pool_slot_info slot;
    w->ready = 0;
    assert_int_equal(pool_start(w->pool, &order, &slot), 0);
    assert_int_equal(slot.number, 2); /* the first is still being cleaned */
    await(w, &w->ready, 1);
    cleanup_free char *path = slot_path(w, "home/litter");
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(active(w), 1);
    assert_int_equal(w->ended, 0);
}

static void test_refused_at_start(void **state)
{
    struct world *w = *state;
    struct pool *pool = NULL;
    char *cause = NULL;
    struct pool_options options = {.loop = w->loop,
                                   .state_dir = w->state,
                                   .account_base = "Bad Name",
                                   .slots = 1,
                                   .base_port = 9000,
                                   .sandbox = true};
    assert_int_equal(pool_create(&options, &events, w, &pool, &cause), -EPERM);
    assert_non_null(strstr(cause, "Bad Name"));
    free(cause);
    cause = NULL;
    char longer[200];
    (void)snprintf(longer, sizeof longer, "%s/%080d", w->state, 7);
    assert_int_equal(mkdir(longer, 0711), 0);
    options.account_base = "webs";
    options.state_dir = longer;
    assert_int_equal(pool_create(&options, &events, w, &pool, &cause), -EPERM);
    assert_non_null(strstr(cause, "too long"));
    free(cause);
    cause = NULL;
    if (geteuid() != 0)
        return;
    cleanup_free char *closed = xasprintf("%s/closed", w->state);
    assert_int_equal(mkdir(closed, 0700), 0);
    options.state_dir = closed;
    assert_int_equal(pool_create(&options, &events, w, &pool, &cause), -EPERM);
    assert_non_null(strstr(cause, "may not enter"));
    free(cause);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "streamer"))
        return stand_in_main(argc, argv);
    int code = session_dispatch(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_start_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exhausted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_orders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reserved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_started_while_being_reserved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reservation_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reservation_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_keeper, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_leader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_display, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_streamer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adopted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_at_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
