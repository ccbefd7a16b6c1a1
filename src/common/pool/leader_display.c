/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/leader_display.h"

#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "pool/leader_part.h"
#include "pool/leader_server.h"
#include "pool/leader_x11.h"

#define MANAGER_WAIT_MS 3000 /* then the application starts without a window manager */
#define NO_WINDOW_MS 20000   /* after a program that ended without ever showing one */
#define GRACE_MS                                                                                             \
    1500 /* from the last window to the end: launchers and splash screens go before the real window comes */
#define GRACE_RUNNING_MS 4000 /* the same while the program itself still runs */
#define MANAGER_LIFE_MS 1000  /* a window manager that dies sooner … */
#define MANAGER_DEATHS 3      /* … so often in a row will not do better the next time */
#define FAREWELL_MS 500       /* for a program that was asked to end, while its display is still there */

struct leader_display {
    struct leader_display_options options;
    struct leader_server *server;
    struct leader_part manager, program;
    struct leader_x11 *x11;
    struct loop_timer *manager_timer, *window_timer, *farewell_timer;
    uint64_t manager_started_ms;
    unsigned manager_deaths; /* in a row, each soon after its start */
    unsigned windows;
    bool window_seen, started, ended;
    bool stopping, server_gone;
};

static void end(struct leader_display *d, const char *reason)
{
    if (d->ended)
        return;
    d->ended = true;
    d->options.ended(d->options.arg, reason);
}

static int start_client(struct leader_display *d, struct leader_part *part, char *const *argv,
                        void (*gone)(void *arg, int wait_status))
{
    struct spawn_fd fds[] = {{d->options.errors_fd, 1}, {d->options.errors_fd, 2}};
    struct leader_part_options options = {.argv = argv,
                                          .display = leader_server_display(d->server),
                                          .fds = fds,
                                          .fd_count = ARRAY_SIZE(fds),
                                          .gone = gone,
                                          .arg = d};
    return leader_part_start(part, d->options.loop, &options);
}

/* The last of what a stopped display waits for may be gone. Never from within leader_display_stop. */
static void look_for_end(struct leader_display *d)
{
    if (d->stopping && d->server_gone && d->manager.pid == 0 && d->program.pid == 0)
        d->options.gone(d->options.arg);
}

/* The second step of a stop: without their display the program's windows go too. */
static void stop_display(struct leader_display *d)
{
    loop_timer_stop(d->farewell_timer);
    leader_part_stop(&d->manager);
    if (!d->server_gone)
        leader_server_stop(d->server);
}

static void on_farewell(void *arg)
{
    struct leader_display *d = arg;
    stop_display(d);
    look_for_end(d);
}

/* Application mode: what the number of windows means now. */
static void judge_windows(struct leader_display *d)
{
    if (d->options.desktop || !d->started || d->ended)
        return;
    if (d->windows > 0)
        loop_timer_stop(d->window_timer);
    else if (d->window_seen)
        loop_timer_start(d->window_timer, d->program.pid > 0 ? GRACE_RUNNING_MS : GRACE_MS, 0);
    else if (d->program.pid == 0)
        loop_timer_start(d->window_timer, NO_WINDOW_MS, 0);
}

static void on_window_timer(void *arg)
{
    struct leader_display *d = arg;
    end(d, d->window_seen ? "exit" : "no_window");
}

static void on_program_gone(void *arg, int wait_status)
{
    struct leader_display *d = arg;
    if (d->stopping) {
        stop_display(d);
        look_for_end(d);
        return;
    }
    log_info("the program ended with status %d",
             WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status));
    judge_windows(d);
}

static void start_program(struct leader_display *d)
{
    loop_timer_stop(d->manager_timer);
    if (d->started || d->ended)
        return;
    d->started = true;
    if (d->options.argv && d->options.argv[0] &&
        start_client(d, &d->program, d->options.argv, on_program_gone) < 0) {
        end(d, "no_program");
        return;
    }
    d->options.started(d->options.arg);
    judge_windows(d);
}

static void on_manager_timer(void *arg)
{
    start_program(arg);
}

static void on_manager_gone(void *arg, int wait_status);

static int start_manager(struct leader_display *d)
{
    char *const desktop[] = {"icewm-session", NULL};
    char *const bare[] = {"openbox", "--sm-disable", NULL};
    d->manager_started_ms = clock_monotonic_ms(NULL);
    return start_client(d, &d->manager, d->options.desktop ? desktop : bare, on_manager_gone);
}

/* Logging off a desktop is its window manager's menu. An application's windows would stay as they are without
 * one, new ones would lie anywhere, and nobody would tell of the last one: another takes over. A display that
 * dies takes its window manager along, and either may be noticed first. */
static void on_manager_gone(void *arg, int wait_status)
{
    struct leader_display *d = arg;
    if (d->stopping) {
        look_for_end(d);
        return;
    }
    if (d->ended)
        return;
    if (!leader_x11_alive(d->x11)) {
        end(d, "display_failed");
        return;
    }
    if (d->options.desktop) {
        end(d, "exit");
        return;
    }
    log_warn("the window manager ended with status %d", wait_status);
    bool young = clock_monotonic_ms(NULL) - d->manager_started_ms < MANAGER_LIFE_MS;
    d->manager_deaths = young ? d->manager_deaths + 1 : 0;
    if (d->manager_deaths >= MANAGER_DEATHS || start_manager(d) < 0)
        end(d, "display_failed");
}

static void on_manager(void *arg)
{
    start_program(arg);
}

static void on_windows(void *arg, unsigned count)
{
    struct leader_display *d = arg;
    d->windows = count;
    d->window_seen |= count > 0;
    judge_windows(d);
}

static void on_lost(void *arg)
{
    end(arg, "display_failed");
}

static const struct leader_x11_events x11_events = {
    .manager = on_manager, .windows = on_windows, .lost = on_lost};

static void on_up(void *arg)
{
    struct leader_display *d = arg;
    if (d->ended)
        return;
    int r = leader_x11_create(d->options.loop, leader_server_display(d->server), &x11_events, d, &d->x11);
    if (r < 0) {
        log_error("the display %s cannot be reached: %s", leader_server_display(d->server), strerror(-r));
        end(d, "display_failed");
        return;
    }
    d->options.up(d->options.arg);
    if (start_manager(d) < 0)
        end(d, "no_program");
    else
        loop_timer_start(d->manager_timer, MANAGER_WAIT_MS, 0);
}

static void on_server_gone(void *arg)
{
    struct leader_display *d = arg;
    d->server_gone = true;
    if (d->stopping)
        look_for_end(d);
    else
        end(d, "display_failed");
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

static int create_timers(struct leader_display *d)
{
    struct loop *loop = d->options.loop;
    int r = loop_timer_create(loop, on_manager_timer, d, &d->manager_timer);
    if (r >= 0)
        r = loop_timer_create(loop, on_window_timer, d, &d->window_timer);
    return r < 0 ? r : loop_timer_create(loop, on_farewell, d, &d->farewell_timer);
}

int leader_display_create(const struct leader_display_options *options, struct leader_display **ret_display)
{
    if (options->argv && options->argv[0] && !program_exists(options->argv[0])) {
        log_error("%s is not installed", options->argv[0]);
        return -ENOENT;
    }
    struct leader_display *d = xcalloc(1, sizeof *d);
    d->options = *options;
    struct leader_server_options server = {.loop = options->loop,
                                           .auth = options->auth,
                                           .width = options->width,
                                           .height = options->height,
                                           .up = on_up,
                                           .gone = on_server_gone,
                                           .arg = d};
    int r = create_timers(d);
    if (r >= 0 && leader_server_create(&server, &d->server) < 0)
        r = -EIO;
    if (r < 0) {
        leader_display_destroy(d);
        return r;
    }
    *ret_display = d;
    return 0;
}

int leader_display_number(const struct leader_display *display)
{
    return leader_server_number(display->server);
}

const char *leader_display_name(const struct leader_display *display)
{
    return display->x11 && !display->ended ? leader_server_display(display->server) : NULL;
}

void leader_display_stop(struct leader_display *display)
{
    if (display->stopping)
        return;
    display->stopping = display->ended = true;
    loop_timer_stop(display->manager_timer);
    loop_timer_stop(display->window_timer);
    leader_part_stop(&display->program);
    /* Without a program to wait for the next step is due at once, but in a turn of its own. */
    loop_timer_start(display->farewell_timer, display->program.pid > 0 ? FAREWELL_MS : 0, 0);
}

struct leader_display *leader_display_destroy(struct leader_display *display)
{
    if (!display)
        return NULL;
    leader_x11_destroy(display->x11);
    leader_part_finish(&display->program);
    leader_part_finish(&display->manager);
    leader_server_destroy(display->server);
    loop_timer_destroy(display->manager_timer);
    loop_timer_destroy(display->window_timer);
    loop_timer_destroy(display->farewell_timer);
    free(display);
    return NULL;
}
