/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/print_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "base/str.h"
#include "print/print_priv.h"

#define LISTEN_FD 3 /* systemd's first descriptor */
#define BACKLOG 32
#define SOON_MS 2000 /* a cupsd that ends earlier has not served anybody */
#define SOON_MAX 3   /* in a row */

struct print_server {
    struct print_server_options options;
    char *dir, *socket;
    int listen_fd;
    struct loop_poll *poll; /* while cupsd does not run */
    pid_t pid;
    struct loop_child *child;
    uint64_t started_ms;
    unsigned soon;
};

static int listen_again(struct print_server *s);

static void give_up(struct print_server *s, const char *cause)
{
    close(s->listen_fd); /* clients are refused from now on instead of waiting */
    s->listen_fd = -1;
    s->options.failed(s->options.arg, cause);
}

static void on_exit_of_cupsd(void *arg, int wait_status)
{
    struct print_server *s = arg;
    s->child = loop_child_destroy(s->child);
    s->pid = 0;
    s->soon = clock_monotonic_ms(NULL) - s->started_ms < SOON_MS ? s->soon + 1 : 0;
    cleanup_free char *cause = xasprintf("cupsd ended with status %d as soon as it was started", wait_status);
    if (s->soon >= SOON_MAX)
        give_up(s, cause);
    else if (listen_again(s) < 0)
        give_up(s, "the print system's socket cannot be watched");
}

static int start_cupsd(struct print_server *s)
{
    cleanup_free char *server = xasprintf("%s/cupsd.conf", s->dir);
    cleanup_free char *files = xasprintf("%s/cups-files.conf", s->dir);
    const char *argv[] = {"isthmus", "print-server", PRINT_CUPSD, "-f",  "-l",
                          "-c",      server,         "-s",        files, NULL};
    struct spawn_fd fds[] = {{s->options.log_fd, 1}, {s->options.log_fd, 2}, {s->listen_fd, LISTEN_FD}};
    struct spawn_options options = {.path = "/proc/self/exe",
                                    .argv = (char *const *)(uintptr_t)argv,
                                    .cwd = s->dir,
                                    .fds = fds,
                                    .fd_count = ARRAY_SIZE(fds),
                                    .new_session = true};
    int r = spawn(&options, &s->pid);
    if (r >= 0)
        r = loop_child_create(s->options.loop, s->pid, on_exit_of_cupsd, s, &s->child);
    return r;
}

/* The connection itself stays in the socket's queue: cupsd accepts it. */
static void on_connection(void *arg, int ready)
{
    struct print_server *s = arg;
    (void)ready;
    s->poll = loop_poll_destroy(s->poll);
    s->started_ms = clock_monotonic_ms(NULL);
    int r = start_cupsd(s);
    if (r < 0)
        give_up(s, strerror(-r));
}

static int listen_again(struct print_server *s)
{
    return loop_poll_create(s->options.loop, s->listen_fd, LOOP_READ, on_connection, s, &s->poll);
}

static int open_socket(struct print_server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (str_copy(address.sun_path, sizeof address.sun_path, s->socket) < 0)
        return -ENAMETOOLONG;
    s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listen_fd < 0 || bind(s->listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(s->listen_fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

static bool installed(void)
{
    return access(PRINT_CUPSD, X_OK) == 0 && access(PRINT_FILTERS "/pdftopdf", X_OK) == 0;
}

/* cupsd takes its configuration line by line. */
static bool fit_for_configuration(const char *path)
{
    return *path == '/' && !strpbrk(path, " \t\r\n#<>\\\"%");
}

int print_server_create(const struct print_server_options *options, struct print_server **ret_server)
{
    if (!installed())
        return -ENOENT;
    if (!fit_for_configuration(options->dir) || !fit_for_configuration(options->spool))
        return -EINVAL;
    struct print_server *s = xcalloc(1, sizeof *s);
    *s = (struct print_server){.options = *options,
                               .dir = xstrdup(options->dir),
                               .socket = xasprintf("%s/cups.sock", options->dir),
                               .listen_fd = -1};
    int r = mkdir(s->dir, 0700) < 0 ? -errno : 0;
    if (r >= 0)
        r = open_socket(s);
    if (r >= 0)
        r = print_config_write(s->dir, options->spool, s->socket);
    if (r >= 0)
        r = listen_again(s);
    if (r < 0) {
        print_server_destroy(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

struct print_server *print_server_destroy(struct print_server *server)
{
    if (!server)
        return NULL;
    if (server->pid > 0)
        (void)kill(server->pid, SIGTERM);
    loop_child_destroy(server->child);
    loop_poll_destroy(server->poll);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    free(server->dir);
    free(server->socket);
    free(server);
    return NULL;
}

const char *print_server_socket(const struct print_server *server)
{
    return server->socket;
}

int print_server_main(int argc, char **argv)
{
    char pid[16];
    if (argc < 2)
        return 2;
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)setenv("LISTEN_PID", pid, 1);
    (void)setenv("LISTEN_FDS", "1", 1);
    execv(argv[1], argv + 1);
    (void)fprintf(stderr, "%s cannot be started: %s\n", argv[1], strerror(errno));
    return 1;
}
