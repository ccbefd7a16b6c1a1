/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/leader_server.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "pool/display_files.h"
#include "pool/leader_part.h"

#define DISPLAY_FIRST 100 /* below are the machine's own displays */
#define DISPLAY_LAST 65000
#define DISPLAY_FD 3 /* in the display server: where it writes its number */

struct leader_server {
    struct leader_server_options options;
    struct leader_part part;
    int name_fd; /* holds the abstract name of the display */
    int number;
    char display[LEADER_SERVER_NAME_LEN];
    int number_fd;
    struct loop_poll *number_poll;
    char text[16]; /* what it wrote there */
    size_t text_len;
    bool up;
};

/* X clients try the abstract socket of a display before its path, and sessions share the network namespace
 * with everybody: whoever owns the abstract name of our display would be given our cookie and our keystrokes.
 * So we take a number whose name is free and hold the name, without listening: clients are refused there and
 * go on to the path, which is private. */
static int reserve(struct leader_server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    s->name_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->name_fd < 0)
        return -errno;
    for (int number = DISPLAY_FIRST; number <= DISPLAY_LAST; number++) {
        char *path = address.sun_path + 1;
        int len = snprintf(path, sizeof address.sun_path - 1, "/tmp/.X11-unix/X%d", number);
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
        if (access(path, F_OK) == 0 || bind(s->name_fd, (struct sockaddr *)&address, size) < 0)
            continue;
        s->number = number;
        (void)snprintf(s->display, sizeof s->display, ":%d", number);
        return 0;
    }
    return -EADDRINUSE;
}

static void close_number(struct leader_server *s)
{
    s->number_poll = loop_poll_destroy(s->number_poll);
    if (s->number_fd >= 0)
        close(s->number_fd);
    s->number_fd = -1;
}

/* The number and its newline come in two writes; closing the pipe between them would kill the server. */
static void on_number(void *arg, int ready)
{
    struct leader_server *s = arg;
    (void)ready;
    ssize_t len = read(s->number_fd, s->text + s->text_len, sizeof s->text - 1 - s->text_len);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len > 0)
        s->text_len += (size_t)len;
    char *newline = memchr(s->text, '\n', s->text_len);
    if (len > 0 && !newline && s->text_len < sizeof s->text - 1)
        return;
    close_number(s);
    if (newline)
        *newline = '\0';
    if (!newline || !str_eq(s->text, s->display + 1)) {
        leader_part_stop(&s->part); /* gone follows */
        return;
    }
    s->up = true;
    s->options.up(s->options.arg);
}

static void on_server_gone(void *arg, int wait_status)
{
    struct leader_server *s = arg;
    if (wait_status != 0)
        log_error("the display server %s ended with status %d", s->display, wait_status);
    close_number(s);
    if (s->up)
        display_files_remove(s->number, geteuid()); /* a killed one leaves it, in a sandbox too */
    s->options.gone(s->options.arg);
}

static int start(struct leader_server *s)
{
    int pipe_fds[2];
    char geometry[32];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    s->number_fd = pipe_fds[0];
    (void)fd_set_nonblock(s->number_fd);
    (void)snprintf(geometry, sizeof geometry, "%dx%d", s->options.width, s->options.height);
    /* Only the socket in the session's own directory: no network, and the abstract name is held by us. */
    char *const argv[] = {"Xvnc",       s->display,
                          "-displayfd", "3",
                          "-auth",      (char *)(uintptr_t)s->options.auth,
                          "-geometry",  geometry,
                          "-depth",     "24",
                          "-rfbport",   "-1",
                          "-nolisten",  "tcp",
                          "-nolisten",  "local",
                          "-noreset",   "-extension",
                          "GLX",        "-s",
                          "0",          "-dpi",
                          "96",         "-SecurityTypes",
                          "None",       "-UseBlacklist=0",
                          NULL};
    struct spawn_fd fds[] = {{STDERR_FILENO, 1}, {STDERR_FILENO, 2}, {pipe_fds[1], DISPLAY_FD}};
    struct leader_part_options part = {
        .argv = argv, .fds = fds, .fd_count = ARRAY_SIZE(fds), .gone = on_server_gone, .arg = s};
    int r = leader_part_start(&s->part, s->options.loop, &part);
    close(pipe_fds[1]);
    return r < 0 ? r
                 : loop_poll_create(s->options.loop, s->number_fd, LOOP_READ, on_number, s, &s->number_poll);
}

int leader_server_create(const struct leader_server_options *options, struct leader_server **ret_server)
{
    struct leader_server *s = xcalloc(1, sizeof *s);
    s->options = *options;
    s->name_fd = s->number_fd = -1;
    int r = reserve(s);
    if (r >= 0)
        r = start(s);
    if (r < 0) {
        leader_server_destroy(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

const char *leader_server_display(const struct leader_server *server)
{
    return server->display;
}

int leader_server_number(const struct leader_server *server)
{
    return server->number;
}

void leader_server_stop(struct leader_server *server)
{
    leader_part_stop(&server->part);
}

struct leader_server *leader_server_destroy(struct leader_server *server)
{
    if (!server)
        return NULL;
    close_number(server);
    leader_part_finish(&server->part);
    if (server->name_fd >= 0)
        close(server->name_fd);
    free(server);
    return NULL;
}
