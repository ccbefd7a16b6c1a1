/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool over real keepers, sandboxes and displays; the streamer is a stand-in that speaks its side of
 * control.sock. */
#include "session_fixture.h"

#include <dirent.h>

#include "common/pool/streamer_stand_in.h"
#include "loop/loop.h"
#include "pool/pool.h"

static const uint8_t key[32] = {1, 2, 3};

/* The test's side. */

struct world {
    char state[64];
    struct loop *loop;
    struct loop_timer *timer;
    struct pool *pool;
    unsigned launched, ready, ending, ended, owners, broken;
    char reason[POOL_REASON_LEN];
    const unsigned *awaited;
    unsigned wanted;
    unsigned found_slot;
};

static void check(struct world *w)
{
    if (w->awaited && *w->awaited >= w->wanted)
        loop_stop(w->loop);
}

static void on_launched(void *arg, const char *id)
{
    struct world *w = arg;
    (void)id;
    w->launched++;
    check(w);
}

static void on_ready(void *arg, const char *id)
{
    struct world *w = arg;
    (void)id;
    w->ready++;
    check(w);
}

static void on_viewers(void *arg, const char *id, int viewers, int owners)
{
    struct world *w = arg;
    (void)id;
    (void)viewers;
    w->owners = (unsigned)owners;
    check(w);
}

static void on_ending(void *arg, const char *id, const char *reason)
{
    struct world *w = arg;
    (void)id;
    w->ending++;
    (void)str_copy(w->reason, sizeof w->reason, reason);
    check(w);
}

static void on_ended(void *arg, const char *id, const char *reason)
{
    struct world *w = arg;
    (void)id;
    assert_string_equal(reason, w->reason);
    w->ended++;
    check(w);
}

static void on_broken(void *arg, unsigned slot, const char *cause)
{
    struct world *w = arg;
    print_message("slot %u: %s\n", slot, cause);
    w->broken++;
}

static const struct pool_events events = {.launched = on_launched,
                                          .ready = on_ready,
                                          .viewers = on_viewers,
                                          .ending = on_ending,
                                          .ended = on_ended,
                                          .broken = on_broken};

static void on_timeout(void *arg)
{
    struct world *w = arg;
    fail_msg("waited in vain: launched %u ready %u ending %u ended %u owners %u (%s)", w->launched, w->ready,
             w->ending, w->ended, w->owners, w->reason);
}

/* Runs the loop until *counter is at least wanted. */
static void await(struct world *w, const unsigned *counter, unsigned wanted)
{
    w->awaited = counter;
    w->wanted = wanted;
    if (*counter < wanted) {
        loop_timer_start(w->timer, WAIT_MS, 0);
        loop_run(w->loop);
        loop_timer_stop(w->timer);
    }
    w->awaited = NULL;
}

static void on_found(void *arg, const char *id, unsigned slot)
{
    struct world *w = arg;
    assert_string_equal(id, SESSION_ID);
    w->found_slot = slot;
}

static void open_pool(struct world *w, unsigned slots)
{
    char *cause = NULL;
    struct pool_options options = {.loop = w->loop,
                                   .state_dir = w->state,
                                   .account_base = "webs",
                                   .slots = slots,
                                   .base_port = 9000,
                                   .sandbox = true,
                                   .printing = true,
                                   .peer_key = key,
                                   .start_timeout_ms = 15000};
    if (pool_create(&options, &events, w, &w->pool, &cause) < 0)
        fail_msg("%s", cause);
    assert_int_equal(pool_adopt(w->pool, on_found, w), 0);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    (void)snprintf(w->state, sizeof w->state, "/tmp/isthmus-pool-XXXXXX");
    assert_non_null(mkdtemp(w->state));
    assert_int_equal(chmod(w->state, 0711), 0);
    assert_int_equal(loop_create(&w->loop), 0);
    assert_int_equal(loop_timer_create(w->loop, on_timeout, w, &w->timer), 0);
    open_pool(w, 2);
    *state = w;
    return 0;
}

static unsigned active(const struct world *w)
{
    unsigned total, busy, unused;
    pool_count(w->pool, &total, &busy, &unused);
    return busy;
}

static int teardown(void **state)
{
    struct world *w = *state;
    pool_end_all(w->pool, "kill");
    while (active(w) > 0)
        await(w, &w->ended, w->ended + 1);
    w->pool = pool_destroy(w->pool);
    loop_timer_destroy(w->timer);
    loop_destroy(w->loop);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(w->state, '/') + 1), 0);
    assert_int_equal(w->broken, 0);
    free(w);
    return 0;
}

static struct pool_order desktop(const char *id)
{
    return (struct pool_order){.session_id = id,
                               .username = "ada",
                               .app_exe = "remotedesktop",
                               .app_mode = "desktop",
                               .app_args = "",
                               .width = 800,
                               .height = 600,
                               .max_width = 1920,
                               .max_height = 1080};
}

static struct pool_slot_info start(struct world *w)
{
    struct pool_order order = desktop(SESSION_ID);
    struct pool_slot_info slot;
    assert_int_equal(pool_start(w->pool, &order, &slot), 0);
    await(w, &w->ready, 1);
    await(w, &w->owners, 1);
    assert_int_equal(pool_find(w->pool, SESSION_ID, &slot), 0);
    assert_true(slot.ready);
    return slot;
}

static char *slot_path(const struct world *w, const char *rest)
{
    return xasprintf("%s/slots/01/%s", w->state, rest);
}

static char *read_proc(const char *pid, const char *name, size_t *ret_len)
{
    cleanup_free char *path = xasprintf("/proc/%s/%s", pid, name);
    char *text = NULL;
    return file_read(AT_FDCWD, path, 200000, &text, ret_len) < 0 ? NULL : text;
}

/* By the kernel's name of it, or by one of its arguments. */
static bool is_called(const char *pid, const char *name)
{
    size_t len;
    cleanup_free char *comm = read_proc(pid, "comm", &len);
    if (!comm || str_starts_with(comm, name))
        return comm;
    cleanup_free char *args = read_proc(pid, "cmdline", &len);
    if (!args || str_starts_with(comm, "bwrap")) /* which has the leader's arguments too */
        return false;
    for (size_t at = 0; at < len; at += strlen(args + at) + 1) {
        if (str_eq(args + at, name))
            return true;
    }
    return false;
}

/* The keeper has the directory in its arguments, everything else in its environment. */
static bool is_of_session(const char *pid, const char *dir)
{
    size_t len;
    cleanup_free char *args = read_proc(pid, "cmdline", &len);
    if (args && memmem(args, len, dir, strlen(dir)))
        return true;
    cleanup_free char *text = read_proc(pid, "environ", &len);
    return text && memmem(text, len, dir, strlen(dir));
}

/* The pid of a process of the session, 0: none. */
static pid_t find_process(const struct world *w, const char *name)
{
    cleanup_free char *dir = xasprintf("%s/slots/01", w->state);
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;
    while (!found && (entry = readdir(proc))) {
        int64_t pid;
        if (str_to_int(entry->d_name, 2, INT32_MAX, &pid) == 0 && pid != getpid() &&
            is_called(entry->d_name, name) && is_of_session(entry->d_name, dir))
            found = (pid_t)pid;
    }
    closedir(proc);
    return found;
}

/* Everything of the session is gone, the home is the skeleton again, the slot is free. */
static void assert_clean(struct world *w)
{
    cleanup_free char *session = slot_path(w, "session");
    cleanup_free char *litter = slot_path(w, "home/litter");
    cleanup_free char *skeleton = slot_path(w, "home/.Xresources");
    static const char *const parts[] = {"keeper", "streamer", "session-leader", "Xvnc", "icewm", "bwrap"};
    assert_int_equal(active(w), 0);
    assert_int_not_equal(access(session, F_OK), 0);
    assert_int_not_equal(access(litter, F_OK), 0);
    assert_int_equal(access(skeleton, F_OK), 0);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (find_process(w, parts[i]) != 0)
            fail_msg("%s is still there", parts[i]);
    }
}

static void litter(struct world *w)
{
    cleanup_free char *path = slot_path(w, "home/litter");
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
}

/* Turns of the loop until somebody's condition holds: for what no event tells. */
static void turn(void *arg)
{
    loop_stop(arg);
}

static void await_account(struct world *w)
{
    struct pool_slot_info slot;
    while (pool_find(w->pool, SESSION_ID, &slot) == 0 && !*slot.account) {
        loop_post(w->loop, turn, w->loop);
        loop_run(w->loop);
    }
}

static void await_free(struct world *w)
{
    while (active(w) > 0) {
        loop_post(w->loop, turn, w->loop);
        loop_run(w->loop);
    }
}

static void test_start_and_end(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot = start(w);
    assert_int_equal(slot.number, 1);
    assert_int_equal(slot.ws_port, 9010);
    assert_int_equal(slot.http_port, 9011);
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
    assert_int_equal(slot.ws_port, 9010);
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
