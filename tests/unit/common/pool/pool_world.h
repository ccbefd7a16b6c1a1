/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool over real keepers, sandboxes and displays, and what it tells, counted; the streamer is a stand-in
 * that speaks its side of control.sock. */
#ifndef TESTS_POOL_POOL_WORLD_H
#define TESTS_POOL_POOL_WORLD_H

#include "session_fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>

#include "common/pool/streamer_stand_in.h"
#include "loop/loop.h"
#include "pool/display_line.h"
#include "pool/pool.h"

static const uint8_t key[32] = {1, 2, 3};

struct world {
    char state[64];
    unsigned base; /* slot n has base + 10 n */
    struct loop *loop;
    struct loop_timer *timer;
    struct pool *pool;
    unsigned launched, ready, ending, ended, owners, broken;
    char reason[POOL_REASON_LEN];
    const unsigned *awaited;
    unsigned wanted;
    unsigned found_slot;
    void (*at_ready)(struct world *w);
    unsigned instances_ready, instances_ended, joined, left;
    char instance[POOL_INSTANCE_LEN]; /* of the last of these events */
    char participant[POOL_PARTICIPANT_LEN];
};

static inline void check(struct world *w)
{
    if (w->awaited && *w->awaited >= w->wanted)
        loop_stop(w->loop);
}

static inline void on_launched(void *arg, const char *id)
{
    struct world *w = arg;
    (void)id;
    w->launched++;
    check(w);
}

static inline void on_ready(void *arg, const char *id)
{
    struct world *w = arg;
    (void)id;
    w->ready++;
    if (w->at_ready)
        w->at_ready(w);
    check(w);
}

static inline void on_viewers(void *arg, const char *id, int viewers, int owners)
{
    struct world *w = arg;
    (void)id;
    (void)viewers;
    w->owners = (unsigned)owners;
    check(w);
}

static inline void on_ending(void *arg, const char *id, const char *reason)
{
    struct world *w = arg;
    (void)id;
    w->ending++;
    (void)str_copy(w->reason, sizeof w->reason, reason);
    check(w);
}

static inline void on_ended(void *arg, const char *id, const char *reason)
{
    struct world *w = arg;
    (void)id;
    assert_string_equal(reason, w->reason);
    w->ended++;
    check(w);
}

static inline void on_instance_ready(void *arg, const char *id, const char *instance)
{
    struct world *w = arg;
    (void)id;
    w->instances_ready++;
    (void)str_copy(w->instance, sizeof w->instance, instance);
    check(w);
}

static inline void on_instance_ended(void *arg, const char *id, const char *instance, const char *reason)
{
    struct world *w = arg;
    (void)id;
    w->instances_ended++;
    (void)str_copy(w->instance, sizeof w->instance, instance);
    (void)str_copy(w->reason, sizeof w->reason, reason);
    check(w);
}

static inline void on_joined(void *arg, const char *id, const char *instance, const char *participant)
{
    struct world *w = arg;
    (void)id;
    w->joined++;
    (void)str_copy(w->instance, sizeof w->instance, instance);
    (void)str_copy(w->participant, sizeof w->participant, participant);
    check(w);
}

static inline void on_left(void *arg, const char *id, const char *instance, const char *participant)
{
    struct world *w = arg;
    (void)id;
    w->left++;
    (void)str_copy(w->instance, sizeof w->instance, instance);
    (void)str_copy(w->participant, sizeof w->participant, participant);
    check(w);
}

static inline void on_broken(void *arg, unsigned slot, const char *cause)
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
                                          .broken = on_broken,
                                          .instance_ready = on_instance_ready,
                                          .instance_ended = on_instance_ended,
                                          .joined = on_joined,
                                          .left = on_left};

static inline void on_timeout(void *arg)
{
    struct world *w = arg;
    fail_msg("waited in vain: launched %u ready %u ending %u ended %u owners %u (%s)", w->launched, w->ready,
             w->ending, w->ended, w->owners, w->reason);
}

/* Runs the loop until *counter is at least wanted. */
static inline void await(struct world *w, const unsigned *counter, unsigned wanted)
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

static inline void on_found(void *arg, const char *id, unsigned slot)
{
    struct world *w = arg;
    assert_string_equal(id, SESSION_ID);
    w->found_slot = slot;
}

static inline void open_pool(struct world *w, unsigned slots)
{
    char *cause = NULL;
    struct pool_options options = {.loop = w->loop,
                                   .state_dir = w->state,
                                   .account_base = "webs",
                                   .slots = slots,
                                   .base_port = w->base,
                                   .sandbox = true,
                                   .printing = true,
                                   .peer_key = key,
                                   .start_timeout_ms = 15000};
    if (pool_create(&options, &events, w, &w->pool, &cause) < 0)
        fail_msg("%s", cause);
    assert_int_equal(pool_adopt(w->pool, on_found, w), 0);
}

/* A socket that holds the port, or -1 when another one does. */
static inline int hold_port(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline bool ports_are_free(unsigned base)
{
    static const unsigned ports[] = {10, 11, 20, 21};
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        int fd = hold_port(base + ports[i]);
        if (fd < 0)
            return false;
        close(fd);
    }
    return true;
}

/* Where two slots have their ports to themselves. */
static inline unsigned free_base(void)
{
    unsigned base = 20000 + (unsigned)getpid() % 1200 * 30;
    while (!ports_are_free(base))
        base = base > 60000 ? 20000 : base + 30;
    return base;
}

static inline int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    (void)alarm(60); /* for what a test awaits elsewhere than in the loop */
    (void)snprintf(w->state, sizeof w->state, "/tmp/isthmus-pool-XXXXXX");
    assert_non_null(mkdtemp(w->state));
    assert_int_equal(chmod(w->state, 0711), 0);
    assert_int_equal(loop_create(&w->loop), 0);
    assert_int_equal(loop_timer_create(w->loop, on_timeout, w, &w->timer), 0);
    w->base = free_base();
    open_pool(w, 2);
    *state = w;
    return 0;
}

static inline unsigned active(const struct world *w)
{
    unsigned total, busy, unused;
    pool_count(w->pool, &total, &busy, &unused);
    return busy;
}

static inline int teardown(void **state)
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

static inline struct pool_order desktop(const char *id)
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

static inline struct pool_slot_info start(struct world *w)
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

static inline char *slot_path(const struct world *w, const char *rest)
{
    return xasprintf("%s/slots/01/%s", w->state, rest);
}

static inline char *read_proc(const char *pid, const char *name, size_t *ret_len)
{
    cleanup_free char *path = xasprintf("/proc/%s/%s", pid, name);
    char *text = NULL;
    return file_read(AT_FDCWD, path, 200000, &text, ret_len) < 0 ? NULL : text;
}

/* By the kernel's name of it, or by one of its arguments. */
static inline bool is_called(const char *pid, const char *name)
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
static inline bool is_of_session(const char *pid, const char *dir)
{
    size_t len;
    cleanup_free char *args = read_proc(pid, "cmdline", &len);
    if (args && memmem(args, len, dir, strlen(dir)))
        return true;
    cleanup_free char *text = read_proc(pid, "environ", &len);
    return text && memmem(text, len, dir, strlen(dir));
}

/* The pid of a process of the session, 0: none. */
static inline pid_t find_process(const struct world *w, const char *name)
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
static inline void assert_clean(struct world *w)
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

static inline void litter(struct world *w)
{
    cleanup_free char *path = slot_path(w, "home/litter");
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
}

/* Turns of the loop until somebody's condition holds: for what no event tells. */
static inline void turn(void *arg)
{
    loop_stop(arg);
}

static inline void await_account(struct world *w)
{
    struct pool_slot_info slot;
    while (pool_find(w->pool, SESSION_ID, &slot) == 0 && !*slot.account) {
        loop_post(w->loop, turn, w->loop);
        loop_run(w->loop);
    }
}

static inline void await_free(struct world *w)
{
    while (active(w) > 0) {
        loop_post(w->loop, turn, w->loop);
        loop_run(w->loop);
    }
}

/* Connects to rfb.sock as this account. */
static inline int connect_rfb_as(const struct world *w, uid_t uid, gid_t gid)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_free char *path = slot_path(w, "session/rfb.sock");
    assert_int_equal(str_copy(address.sun_path, sizeof address.sun_path, path), 0);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (geteuid() == 0)
        assert_int_equal(setegid(gid) | seteuid(uid), 0);
    int r = connect(fd, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    if (getuid() == 0)
        assert_int_equal(seteuid(0) | setegid(0), 0);
    if (r < 0) {
        close(fd);
        return -error;
    }
    return fd;
}

/* Turns the loop until a message is there, or the end. */
static inline int next_rfb_line(struct world *w, int fd, struct display_line *line, int *ret_client)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    while (poll(&waiting, 1, 0) == 0) {
        loop_post(w->loop, turn, w->loop);
        loop_run(w->loop);
    }
    int client = -1;
    int r = display_line_receive(fd, line, &client);
    if (ret_client)
        *ret_client = client;
    else
        assert_int_equal(client, -1);
    return r;
}

#endif
