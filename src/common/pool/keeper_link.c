/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's end of the line to its session host (keeper_line.h). One host at a time: a newer connection
 * replaces the older, because after a crash the old socket may not have been noticed yet. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "pool/keeper_priv.h"

static void drop_host(struct keeper *k)
{
    k->host_poll = loop_poll_destroy(k->host_poll);
    if (k->host_fd >= 0)
        close(k->host_fd);
    k->host_fd = -1;
    loop_timer_start(k->orphan_timer, k->order.orphan_ms, 0);
}

/* A host that does not read its few lines is broken; it may connect again and hear everything anew. */
static void send_line(struct keeper *k, const struct keeper_line *line, int lock_fd)
{
    if (k->host_fd >= 0 && keeper_line_send(k->host_fd, line, lock_fd) < 0)
        drop_host(k);
}

void keeper_link_send(struct keeper *k, const struct keeper_line *line)
{
    send_line(k, line, -1);
}

static struct keeper_line make_line(const struct keeper *k, enum keeper_verb verb)
{
    struct keeper_line line = {
        .verb = verb, .display = k->display, .streamer = k->streamer_pid, .instances = k->instance_count};
    memcpy(line.session_id, k->order.session_id, sizeof line.session_id);
    memcpy(line.reason, k->reason, sizeof line.reason);
    (void)str_copy(line.account, sizeof line.account, k->order.account);
    return line;
}

void keeper_link_tell(struct keeper *k, enum keeper_verb verb)
{
    struct keeper_line line = make_line(k, verb);
    send_line(k, &line, -1);
}

static void say_hello(struct keeper *k, int lock_fd)
{
    struct keeper_line line = make_line(k, KEEPER_HELLO);
    send_line(k, &line, lock_fd);
    keeper_instance_repeat(k);
}

static void handle(struct keeper *k, const struct keeper_line *line, int passed_fd)
{
    switch (line->verb) {
    case KEEPER_STATUS:
        say_hello(k, -1);
        break;
    case KEEPER_STOP:
        k->host_told = true;
        keeper_end(k, line->reason);
        break;
    case KEEPER_RUN:
    case KEEPER_CLOSE:
        keeper_instance_order(k, line, passed_fd);
        break;
    case KEEPER_MESSAGE:
        (void)keeper_sandbox_tell(k, line, passed_fd);
        break;
    default:
        break; /* words of this end */
    }
}

static void on_host(void *arg, int ready)
{
    struct keeper *k = arg;
    (void)ready;
    struct keeper_line line;
    int passed = -1;
    int r = keeper_line_receive(k->host_fd, &line, &passed);
    if (r >= 0)
        handle(k, &line, passed);
    else if (r == -EPIPE)
        drop_host(k); /* anything else is nonsense, from a newer version at worst: ignored */
    if (passed >= 0)
        close(passed);
}

static int adopt_host(struct keeper *k, int fd)
{
    if (k->host_fd >= 0)
        drop_host(k);
    k->host_fd = fd;
    int r = loop_poll_create(k->loop, fd, LOOP_READ, on_host, k, &k->host_poll);
    if (r < 0) {
        drop_host(k);
        return r;
    }
    loop_timer_stop(k->orphan_timer);
    say_hello(k, k->account.lock_fd);
    if (k->ending)
        keeper_link_tell(k, KEEPER_ENDED);
    return 0;
}

static void on_connect(void *arg, int ready)
{
    struct keeper *k = arg;
    (void)ready;
    int fd = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid()) {
        close(fd);
        return;
    }
    (void)adopt_host(k, fd);
}

static void on_orphaned(void *arg)
{
    struct keeper *k = arg;
    log_event(LOG_LEVEL_WARN, k->order.session_id, "no session host for %u ms: ending the session",
              k->order.orphan_ms);
    keeper_end(k, "abandoned");
}

int keeper_link_open(struct keeper *k, int host_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_free char *path = xasprintf("%s/keeper.sock", k->session_dir);
    int r = str_copy(address.sun_path, sizeof address.sun_path, path);
    if (r < 0)
        return r;
    (void)unlink(path);
    k->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (k->listen_fd < 0 || bind(k->listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(k->listen_fd, 4) < 0)
        return -errno;
    r = loop_timer_create(k->loop, on_orphaned, k, &k->orphan_timer);
    if (r >= 0)
        r = loop_poll_create(k->loop, k->listen_fd, LOOP_READ, on_connect, k, &k->listen_poll);
    if (r < 0)
        return r;
    loop_timer_start(k->orphan_timer, k->order.orphan_ms, 0);
    return host_fd < 0 ? 0 : adopt_host(k, host_fd);
}

void keeper_link_close(struct keeper *k)
{
    if (k->host_poll)
        drop_host(k);
    k->listen_poll = loop_poll_destroy(k->listen_poll);
    k->orphan_timer = loop_timer_destroy(k->orphan_timer);
    if (k->listen_fd >= 0)
        close(k->listen_fd);
    k->listen_fd = -1;
}
