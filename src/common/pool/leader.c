/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/str.h"
#include "pool/keeper.h"
#include "pool/leader_x11.h"
#include "print/print_server.h"

#define MANAGER_WAIT_MS 3000 /* then the application starts without a window manager */
#define NO_WINDOW_MS 20000   /* after a program that ended without ever showing one */
#define GRACE_MS                                                                                             \
    1500 /* from the last window to the end: launchers and splash screens go before the real window comes */
#define GRACE_RUNNING_MS 4000 /* the same while the program itself still runs */
#define MANAGER_LIFE_MS 1000  /* a window manager that dies sooner … */
#define MANAGER_DEATHS 3      /* … so often in a row will not do better the next time */
#define DISPLAY_FIRST 100     /* below are the machine's own displays */
#define DISPLAY_LAST 65000
#define DISPLAY_FD 3 /* in the display server: where it writes its number */

struct part {
    pid_t pid;
    struct loop_child *child;
};

struct leader {
    struct loop *loop;
    const char *auth, *geometry;
    const char *spool; /* NULL: no printing */
    bool desktop;
    char **argv; /* the application; empty for a plain desktop */
    int report_fd;
    int errors_fd; /* where the session's programs write */
    int name_fd;   /* holds the abstract name of the display */
    char display[16];
    int display_fd;
    struct loop_poll *display_poll;
    char number[16];
    size_t number_len;
    struct part server, manager, program;
    struct leader_x11 *x11;
    struct print_server *print;
    struct loop_timer *manager_timer, *window_timer;
    uint64_t manager_started_ms;
    unsigned manager_deaths; /* in a row, each soon after its start */
    unsigned windows;
    bool window_seen, started, ended;
};

static void report(struct leader *l, const char *verb, const char *word)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s %s", verb, word);
    if (len > 0 && (size_t)len < sizeof line)
        (void)send(l->report_fd, line, (size_t)len, MSG_NOSIGNAL);
}

static void end(struct leader *l, const char *reason)
{
    if (l->ended)
        return;
    l->ended = true;
    log_info("the session is over: %s", reason);
    report(l, "END", reason);
    loop_stop(l->loop);
}

static int start_part(struct leader *l, struct part *part, char *const *argv, const struct spawn_fd *fds,
                      size_t fd_count, void (*on_exit)(void *arg, int wait_status))
{
    struct spawn_options options = {.argv = argv, .fds = fds, .fd_count = fd_count, .new_session = true};
    int r = spawn(&options, &part->pid);
    if (r >= 0)
        r = loop_child_create(l->loop, part->pid, on_exit, l, &part->child);
    if (r < 0)
        log_error("%s cannot be started: %s", argv[0], strerror(-r));
    return r;
}

static int start_client(struct leader *l, struct part *part, char *const *argv,
                        void (*on_exit)(void *arg, int wait_status))
{
    struct spawn_fd fds[] = {{l->errors_fd, 1}, {l->errors_fd, 2}};
    return start_part(l, part, argv, fds, ARRAY_SIZE(fds), on_exit);
}

static void part_gone(struct part *part)
{
    part->child = loop_child_destroy(part->child);
    part->pid = 0;
}

/* Application mode: what the number of windows means now. */
static void judge_windows(struct leader *l)
{
    if (l->desktop || !l->started)
        return;
    if (l->windows > 0)
        loop_timer_stop(l->window_timer);
    else if (l->window_seen)
        loop_timer_start(l->window_timer, l->program.pid > 0 ? GRACE_RUNNING_MS : GRACE_MS, 0);
    else if (l->program.pid == 0)
        loop_timer_start(l->window_timer, NO_WINDOW_MS, 0);
}

static void on_window_timer(void *arg)
{
    struct leader *l = arg;
    end(l, l->window_seen ? "exit" : "no_window");
}

static void on_program_exit(void *arg, int wait_status)
{
    struct leader *l = arg;
    part_gone(&l->program);
    log_info("the program ended with status %d",
             WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status));
    judge_windows(l);
}

static void start_program(struct leader *l)
{
    loop_timer_stop(l->manager_timer);
    if (l->started)
        return;
    l->started = true;
    if (!l->argv[0])
        return;
    if (start_client(l, &l->program, l->argv, on_program_exit) < 0)
        end(l, "no_program");
    judge_windows(l);
}

static void on_manager_timer(void *arg)
{
    start_program(arg);
}

static void on_manager_exit(void *arg, int wait_status);

static int start_manager(struct leader *l)
{
    char *const desktop[] = {"icewm-session", NULL};
    char *const bare[] = {"openbox", "--sm-disable", NULL};
    l->manager_started_ms = clock_monotonic_ms(NULL);
    return start_client(l, &l->manager, l->desktop ? desktop : bare, on_manager_exit);
}

/* Logging off a desktop is its window manager's menu. An application's windows would stay as they are without
 * one, new ones would lie anywhere, and nobody would tell of the last one: another takes over. */
static void on_manager_exit(void *arg, int wait_status)
{
    struct leader *l = arg;
    part_gone(&l->manager);
    if (l->desktop) {
        end(l, "exit");
        return;
    }
    log_warn("the window manager ended with status %d", wait_status);
    bool young = clock_monotonic_ms(NULL) - l->manager_started_ms < MANAGER_LIFE_MS;
    l->manager_deaths = young ? l->manager_deaths + 1 : 0;
    if (l->manager_deaths >= MANAGER_DEATHS || start_manager(l) < 0)
        end(l, "display_failed");
}

static void on_manager(void *arg)
{
    start_program(arg);
}

static void on_windows(void *arg, unsigned count)
{
    struct leader *l = arg;
    l->windows = count;
    l->window_seen |= count > 0;
    judge_windows(l);
}

static void on_lost(void *arg)
{
    end(arg, "display_failed");
}

static const struct leader_x11_events x11_events = {
    .manager = on_manager, .windows = on_windows, .lost = on_lost};

static void display_up(struct leader *l)
{
    (void)setenv("DISPLAY", l->display, 1);
    int r = leader_x11_create(l->loop, l->display, &x11_events, l, &l->x11);
    if (r < 0) {
        log_error("the display %s cannot be reached: %s", l->display, strerror(-r));
        end(l, "display_failed");
        return;
    }
    report(l, "DISPLAY", l->number);
    if (start_manager(l) < 0) {
        end(l, "no_program");
        return;
    }
    loop_timer_start(l->manager_timer, MANAGER_WAIT_MS, 0);
}

/* The number and its newline come in two writes; closing the pipe between them would kill the server. */
static void on_display(void *arg, int ready)
{
    struct leader *l = arg;
    (void)ready;
    ssize_t len = read(l->display_fd, l->number + l->number_len, sizeof l->number - 1 - l->number_len);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len > 0)
        l->number_len += (size_t)len;
    char *newline = memchr(l->number, '\n', l->number_len);
    if (len > 0 && !newline && l->number_len < sizeof l->number - 1)
        return;
    l->display_poll = loop_poll_destroy(l->display_poll);
    close(l->display_fd);
    l->display_fd = -1;
    if (newline)
        *newline = '\0';
    if (!newline || !str_eq(l->number, l->display + 1))
        end(l, "display_failed");
    else
        display_up(l);
}

static void on_server_exit(void *arg, int wait_status)
{
    struct leader *l = arg;
    part_gone(&l->server);
    log_error("the display server ended with status %d", wait_status);
    end(l, "display_failed");
}

/* X clients try the abstract socket of a display before its path, and sessions share the network namespace
 * with everybody: whoever owns the abstract name of our display would be given our cookie and our keystrokes.
 * So we take a number whose name is free and hold the name, without listening: clients are refused there and
 * go on to the path, which is private. */
static int reserve_display(struct leader *l)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    l->name_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->name_fd < 0)
        return -errno;
    for (int number = DISPLAY_FIRST; number <= DISPLAY_LAST; number++) {
        char *path = address.sun_path + 1;
        int len = snprintf(path, sizeof address.sun_path - 1, "/tmp/.X11-unix/X%d", number);
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
        if (access(path, F_OK) == 0 || bind(l->name_fd, (struct sockaddr *)&address, size) < 0)
            continue;
        (void)snprintf(l->display, sizeof l->display, ":%d", number);
        return 0;
    }
    return -EADDRINUSE;
}

static int start_server(struct leader *l)
{
    int reserved = reserve_display(l);
    if (reserved < 0)
        return reserved;
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    l->display_fd = pipe_fds[0];
    (void)fd_set_nonblock(l->display_fd);
    /* Only the socket in the session's own directory: no network, and the abstract name is held by us. */
    char *const argv[] = {"Xvnc",       l->display,
                          "-displayfd", "3",
                          "-auth",      (char *)(uintptr_t)l->auth,
                          "-geometry",  (char *)(uintptr_t)l->geometry,
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
    int r = start_part(l, &l->server, argv, fds, ARRAY_SIZE(fds), on_server_exit);
    close(pipe_fds[1]);
    return r < 0 ? r : loop_poll_create(l->loop, l->display_fd, LOOP_READ, on_display, l, &l->display_poll);
}

/* Enough for a browser, too little to take the machine along. Hard limits can only go down. */
static void set_limits(void)
{
    struct rlimit limit = {.rlim_cur = 0, .rlim_max = 0};
    (void)setrlimit(RLIMIT_CORE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = MIN((rlim_t)8192, limit.rlim_max);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    limit = (struct rlimit){.rlim_cur = 4096, .rlim_max = 4096};
    (void)setrlimit(RLIMIT_NPROC, &limit);
}

static int open_errors(void)
{
    const char *home = getenv("HOME");
    cleanup_free char *path = xasprintf("%s/.xsession-errors", home ? home : "");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 ? fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* Looked up before anything starts: a program that is not installed is told as such, instead of as a session
 * that ends at once. */
static bool program_exists(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return access(name, X_OK) == 0;
    while (path && *path) {
        size_t len = strcspn(path, ":");
        cleanup_free char *file = xasprintf("%.*s/%s", (int)len, path, name);
        if (access(file, X_OK) == 0)
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

static void on_print_failed(void *arg, const char *cause)
{
    (void)arg;
    log_warn("nothing can be printed any more: %s", cause);
}

/* A session without a printer is better than none. */
static void start_printing(struct leader *l)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (!l->spool || !runtime)
        return;
    cleanup_free char *dir = xasprintf("%s/print", runtime);
    const struct print_server_options options = {.loop = l->loop,
                                                 .dir = dir,
                                                 .spool = l->spool,
                                                 .log_fd = STDERR_FILENO,
                                                 .failed = on_print_failed,
                                                 .arg = l};
    int r = print_server_create(&options, &l->print);
    if (r < 0)
        log_warn("nothing can be printed: %s", r == -ENOENT ? "CUPS is not installed" : strerror(-r));
    else
        (void)setenv("CUPS_SERVER", print_server_socket(l->print), 1);
}

static int run(struct leader *l)
{
    int r = loop_create(&l->loop);
    if (r < 0)
        return r;
    loop_reap_orphans(l->loop);
    r = loop_timer_create(l->loop, on_manager_timer, l, &l->manager_timer);
    if (r >= 0)
        r = loop_timer_create(l->loop, on_window_timer, l, &l->window_timer);
    if (r >= 0 && l->argv[0] && !program_exists(l->argv[0])) {
        log_error("%s is not installed", l->argv[0]);
        r = -ENOENT;
    }
    if (r >= 0)
        r = start_server(l);
    if (r < 0) {
        end(l, r == -ENOENT ? "no_program" : "display_failed");
    } else {
        start_printing(l); /* while the display server starts */
        r = loop_run(l->loop);
    }
    print_server_destroy(l->print);
    leader_x11_destroy(l->x11);
    loop_poll_destroy(l->display_poll);
    loop_child_destroy(l->server.child);
    loop_child_destroy(l->manager.child);
    loop_child_destroy(l->program.child);
    loop_timer_destroy(l->manager_timer);
    loop_timer_destroy(l->window_timer);
    loop_destroy(l->loop);
    return r;
}

static int parse(struct leader *l, int argc, char **argv)
{
    static const struct option options[] = {
        {"report-fd", required_argument, NULL, 'r'}, {"auth", required_argument, NULL, 'a'},
        {"geometry", required_argument, NULL, 'g'},  {"mode", required_argument, NULL, 'm'},
        {"print", required_argument, NULL, 'p'},     {0}};
    int64_t report_fd = -1;
    int c, r = 0;
    optind = 1;
    while (r == 0 && (c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
        if (c == 'r')
            r = str_to_int(optarg, 3, 1023, &report_fd);
        else if (c == 'a')
            l->auth = optarg;
        else if (c == 'g')
            l->geometry = optarg;
        else if (c == 'm')
            l->desktop = str_eq(optarg, "desktop");
        else if (c == 'p')
            l->spool = optarg;
        else
            r = -EINVAL;
    }
    l->report_fd = (int)report_fd;
    l->argv = argv + optind;
    return r < 0 || report_fd < 0 || !l->auth || !l->geometry || (!l->desktop && !l->argv[0]) ? -EINVAL : 0;
}

int session_leader_main(int argc, char **argv)
{
    struct leader l = {.display_fd = -1, .name_fd = -1};
    if (parse(&l, argc, argv) < 0)
        return 2;
    log_init("session-leader", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(0022);
    set_limits();
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime)
        (void)dir_make(runtime, 0700);
    l.errors_fd = open_errors();
    int r = run(&l);
    if (l.errors_fd >= 0)
        close(l.errors_fd);
    return r < 0 ? 1 : 0;
}
