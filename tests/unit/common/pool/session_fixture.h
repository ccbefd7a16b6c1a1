/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A private state directory that the session accounts may enter, an order, and a real keeper. The test's own
 * binary plays "isthmus": as keeper and leader it is the real thing, as streamer a stand-in that waits to be
 * ended. */
#ifndef TESTS_POOL_SESSION_FIXTURE_H
#define TESTS_POOL_SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/spawn.h"
#include "base/str.h"
#include "pool/account.h"
#include "pool/cmdline.h"
#include "pool/instance_order.h"
#include "pool/keeper.h"
#include "pool/keeper_line.h"
#include "pool/order.h"
#include "pool/slotdir.h"
#include "print/print_backend.h"
#include "print/print_server.h"

#define SKELETON "src/common/pool/skeleton"
#define WAIT_MS 15000
#define SESSION_ID "0123456789abcdef0123456789abcdef"

struct session_fixture {
    char state[64];
    char *dir;
    struct account account;
    struct order order;
    int host_fd;
    pid_t keeper;
};

static inline _Noreturn void streamer_stand_in(void)
{
    (void)prctl(PR_SET_NAME, "stand-in");
    for (;;)
        pause();
}

/* What main() does with the arguments of a session's processes; -1 for a plain test run. */
static inline int session_dispatch(int argc, char **argv)
{
    if (argc > 0 && print_backend_called(argv[0]))
        return print_backend_main(argc, argv);
    if (argc > 1 && str_eq(argv[1], "print-server"))
        return print_server_main(argc - 1, argv + 1);
    if (argc > 1 && str_eq(argv[1], "keeper"))
        return keeper_main(argc - 1, argv + 1);
    if (argc > 1 && str_eq(argv[1], "session-leader"))
        return session_leader_main(argc - 1, argv + 1);
    if (argc > 1 && str_eq(argv[1], "streamer"))
        streamer_stand_in();
    return -1;
}

static inline void fixture_open(struct session_fixture *f)
{
    char *cause = NULL;
    *f = (struct session_fixture){.host_fd = -1};
    (void)snprintf(f->state, sizeof f->state, "/tmp/isthmus-pool-XXXXXX");
    assert_non_null(mkdtemp(f->state));
    assert_int_equal(chmod(f->state, 0711), 0);
    f->dir = xasprintf("%s/slots/01", f->state);
    if (account_claim("webs", 1, &f->account, &cause) < 0)
        fail_msg("%s", cause);
    assert_int_equal(account_kill(&f->account, f->dir), 0);
    assert_int_equal(slotdir_build(f->dir, SKELETON, &f->account), 0);
    f->order = (struct order){.session_id = SESSION_ID,
                              .account = xstrdup(f->account.name),
                              .run_as = f->account.shared ? NULL : xstrdup(f->account.name),
                              .streamer_as = f->account.shared ? NULL : xstrdup(f->account.streamer_name),
                              .desktop = true,
                              .sandbox = true,
                              .width = 800,
                              .height = 600,
                              .max_width = 1920,
                              .max_height = 1080,
                              .start_timeout_ms = 15000,
                              .orphan_ms = 60000,
                              .log_level = xstrdup("info"),
                              .log_format = xstrdup("text")};
}

static inline void fixture_start(struct session_fixture *f)
{
    int pair[2];
    cleanup_free char *session = xasprintf("%s/session", f->dir);
    cleanup_close int session_dir = open(session, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(order_write(&f->order, session_dir), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    const char *argv[] = {
        "isthmus", "keeper", "--dir", f->dir, "--host-fd", "3", f->account.lock_fd >= 0 ? "--lock-fd" : NULL,
        "4",       NULL};
    struct spawn_fd fds[] = {{2, 2}, {pair[1], 3}, {f->account.lock_fd, 4}};
    struct spawn_options options = {.path = "/proc/self/exe",
                                    .argv = (char *const *)(uintptr_t)argv,
                                    .fds = fds,
                                    .fd_count = f->account.lock_fd >= 0 ? 3 : 2,
                                    .new_session = true};
    assert_int_equal(spawn(&options, &f->keeper), 0);
    close(pair[1]);
    f->host_fd = pair[0];
}

static inline void fixture_close(struct session_fixture *f)
{
    if (f->keeper > 0) {
        (void)kill(f->keeper, SIGKILL);
        (void)waitpid(f->keeper, NULL, 0);
    }
    if (f->host_fd >= 0)
        close(f->host_fd);
    assert_int_equal(account_kill(&f->account, f->dir), 0);
    account_release(&f->account);
    order_finish(&f->order);
    free(f->dir);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(f->state, '/') + 1), 0);
}

/* The next message; -EPIPE at the end of the line. */
static inline int next_line(int fd, struct keeper_line *line, int *ret_lock)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int lock = -1;
    assert_int_equal(poll(&waiting, 1, WAIT_MS), 1);
    int r = keeper_line_receive(fd, line, &lock);
    if (ret_lock)
        *ret_lock = lock;
    else if (lock >= 0)
        close(lock);
    return r;
}

static inline struct keeper_line expect_line(int fd, enum keeper_verb verb)
{
    struct keeper_line line = {0};
    assert_int_equal(next_line(fd, &line, NULL), 0);
    if (line.verb == KEEPER_ENDED && verb != KEEPER_ENDED)
        fail_msg("ended: %s", line.reason);
    assert_int_equal(line.verb, verb);
    return line;
}

static inline void expect_end(struct session_fixture *f, const char *reason)
{
    struct keeper_line line = expect_line(f->host_fd, KEEPER_ENDED);
    assert_string_equal(line.reason, reason);
    assert_int_equal(next_line(f->host_fd, &line, NULL), -EPIPE);
    assert_int_equal(waitpid(f->keeper, NULL, 0), f->keeper);
    f->keeper = 0;
}

#endif
