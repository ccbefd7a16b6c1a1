/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session host's end of the line to a keeper (keeper_line.h). */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/spawn.h"
#include "base/str.h"
#include "pool/pool_priv.h"

#define HELLO_WAIT_MS 3000
#define KILL_WAIT_MS 2000
#define END_PATIENCE_MS 20000 /* the keeper's own deadlines are shorter */

static void on_patience_over(void *arg)
{
    pool_keeper_kill(arg);
}

static void handle(struct slot *slot, const struct keeper_line *line)
{
    switch (line->verb) {
    case KEEPER_HELLO:
    case KEEPER_READY:
        if (line->display >= 0 && slot->display < 0) {
            slot->display = line->display;
            pool_control_display(slot);
        }
        break;
    case KEEPER_ENDED:
        pool_slot_ending(slot, line->reason);
        break;
    case KEEPER_INSTANCE:
    case KEEPER_GONE:
        pool_instance_heard(slot, line);
        break;
    default:
        break; /* words of this end, or of no concern */
    }
}

/* The lock of the account comes with the first line; a host that claimed it itself has it already. */
static void take_lock(struct slot *slot, int lock_fd)
{
    if (lock_fd < 0)
        return;
    if (slot->account.lock_fd < 0 && slot->claimed)
        slot->account.lock_fd = lock_fd;
    else
        close(lock_fd);
}

static void on_keeper(void *arg, int ready)
{
    struct slot *slot = arg;
    (void)ready;
    struct keeper_line line;
    int lock_fd = -1;
    int r = keeper_line_receive(slot->keeper_fd, &line, &lock_fd);
    if (r == -EAGAIN || r == -EINTR)
        return;
    if (r < 0) {
        pool_slot_ending(slot, "lost");
        pool_slot_clean(slot);
        return;
    }
    take_lock(slot, lock_fd);
    handle(slot, &line);
}

static int watch(struct slot *slot)
{
    int r = loop_timer_create(slot->pool->loop, on_patience_over, slot, &slot->timer);
    return r < 0 ? r
                 : loop_poll_create(slot->pool->loop, slot->keeper_fd, LOOP_READ, on_keeper, slot,
                                    &slot->keeper_poll);
}

static void on_keeper_exit(void *arg, int wait_status)
{
    struct slot *slot = arg;
    (void)wait_status; /* the end of file on the line says what there is to know */
    slot->keeper_child = loop_child_destroy(slot->keeper_child);
}

int pool_keeper_spawn(struct slot *slot)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    const char *argv[] = {"isthmus",
                          "keeper",
                          "--dir",
                          slot->dir,
                          "--host-fd",
                          "3",
                          slot->account.lock_fd >= 0 ? "--lock-fd" : NULL,
                          "4",
                          NULL};
    struct spawn_fd fds[] = {{STDERR_FILENO, 2}, {pair[1], 3}, {slot->account.lock_fd, 4}};
    struct spawn_options options = {.path = "/proc/self/exe",
                                    .argv = (char *const *)(uintptr_t)argv,
                                    .cwd = "/",
                                    .fds = fds,
                                    .fd_count = slot->account.lock_fd >= 0 ? 3 : 2,
                                    .new_session = true};
    pid_t pid;
    int r = spawn(&options, &pid);
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    slot->keeper_fd = pair[0];
    slot->keeper_pidfd = pidfd_open(pid, 0);
    r = loop_child_create(slot->pool->loop, pid, on_keeper_exit, slot, &slot->keeper_child);
    return r < 0 ? r : watch(slot);
}

/* Waits for a line that every keeper sends at once. */
static int await_line(int fd, struct keeper_line *ret_line, int *ret_lock_fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, HELLO_WAIT_MS) != 1 ? -ETIMEDOUT
                                                 : keeper_line_receive(fd, ret_line, ret_lock_fd);
}

static int receive_hello(int fd, struct keeper_line *ret_line, int *ret_lock_fd)
{
    int r = await_line(fd, ret_line, ret_lock_fd);
    if (r >= 0 && (ret_line->verb != KEEPER_HELLO || ret_line->version != KEEPER_VERSION)) {
        if (*ret_lock_fd >= 0)
            close(*ret_lock_fd);
        *ret_lock_fd = -1;
        return -EPROTO;
    }
    return r;
}

/* The lines of the instances, which follow the first. */
static int receive_instances(struct slot *slot, unsigned count)
{
    struct keeper_line line;
    int passed = -1, r = 0;
    for (unsigned i = 0; r >= 0 && i < count; i++) {
        r = await_line(slot->keeper_fd, &line, &passed);
        if (passed >= 0)
            close(passed);
        if (r >= 0 && line.verb != KEEPER_INSTANCE)
            r = -EPROTO;
        if (r >= 0)
            pool_instance_heard(slot, &line);
    }
    return r;
}

static int connect_to(const char *slot_dir, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_free char *path = xasprintf("%s/session/keeper.sock", slot_dir);
    int r = str_copy(address.sun_path, sizeof address.sun_path, path);
    if (r < 0)
        return r;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid()) {
        close(fd);
        return -ENOENT;
    }
    *ret_fd = fd;
    return peer.pid;
}

/* A keeper that does not talk has the lock of its account until it is gone; its slot is cleaned under that
 * account. */
static void await_end(const struct slot *slot)
{
    struct pollfd waiting = {.fd = slot->keeper_pidfd, .events = POLLIN};
    if (waiting.fd >= 0)
        (void)poll(&waiting, 1, KILL_WAIT_MS);
}

int pool_keeper_adopt(struct slot *slot)
{
    int fd = -1, lock_fd = -1;
    int pid = connect_to(slot->dir, &fd);
    if (pid < 0)
        return -ENOENT;
    slot->keeper_fd = fd;
    slot->keeper_pidfd = pidfd_open(pid, 0);
    struct keeper_line line;
    int r = receive_hello(fd, &line, &lock_fd);
    if (r >= 0 && !str_eq(line.session_id, slot->order.session_id))
        r = -EPROTO;
    if (r >= 0)
        r = receive_instances(slot, line.instances);
    if (r >= 0)
        r = account_adopt(line.account, lock_fd, &slot->account);
    if (r < 0) {
        if (lock_fd >= 0)
            close(lock_fd);
        pool_keeper_kill(slot);
        await_end(slot);
        pool_keeper_close(slot);
        return -ENOENT;
    }
    slot->claimed = true;
    slot->display = line.display;
    return watch(slot);
}

void pool_keeper_stop(struct slot *slot)
{
    struct keeper_line line = {.verb = KEEPER_STOP};
    memcpy(line.reason, slot->reason, sizeof line.reason);
    if (slot->keeper_fd < 0)
        return;
    if (keeper_line_send(slot->keeper_fd, &line, -1) < 0)
        pool_keeper_kill(slot);
    else
        loop_timer_start(slot->timer, END_PATIENCE_MS, 0);
}

void pool_keeper_kill(struct slot *slot)
{
    if (slot->keeper_pidfd >= 0)
        (void)pidfd_send_signal(slot->keeper_pidfd, SIGKILL, NULL, 0);
}

void pool_keeper_close(struct slot *slot)
{
    slot->keeper_poll = loop_poll_destroy(slot->keeper_poll);
    slot->keeper_child = loop_child_destroy(slot->keeper_child);
    slot->timer = loop_timer_destroy(slot->timer);
    if (slot->keeper_fd >= 0)
        close(slot->keeper_fd);
    if (slot->keeper_pidfd >= 0)
        close(slot->keeper_pidfd);
    slot->keeper_fd = slot->keeper_pidfd = -1;
}
