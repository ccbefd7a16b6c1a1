// SPDX-License-Identifier: GPL-3.0-or-later
// One supervised role: started, waited for until it says READY, started again when it dies, stopped with a
// deadline.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/str.h"
#include "isthmus/all_priv.h"

#define READY_FD 3
#define READY_LINE_MAX 256
#define STOP_GRACE_MS 10000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000
#define LONG_LIFE_MS 10000 // who lived longer did not die of its start: it is back at once

extern char **environ;

struct role {
    struct role_options options;
    char name[32];
    char *self, *state_dir, *config;
    enum role_state state;
    bool stopping;
    bool killed; /* SIGKILL was sent */
    pid_t pid;
    struct loop_child *child;
    struct loop_timer *timer; /* back-off while waiting, deadline while stopping */
    struct loop_poll *ready_poll;
    int ready_fd;
    char ready[READY_LINE_MAX];
    size_t ready_len;
    uint64_t started_ms;
    uint64_t backoff_ms;
    unsigned restarts;
    int exit_code;
};

static void on_timer(void *arg);

static void changed(struct role *role, const char *line)
{
    role->options.changed(role->options.arg, role, line);
}

int role_create(const struct role_options *options, struct role **ret_role)
{
    struct role *role = xcalloc(1, sizeof *role);
    role->options = *options;
    role->self = xstrdup(options->self);
    role->state_dir = xstrdup(options->state);
    role->config = xstrdup(options->config);
    role->ready_fd = -1;
    role->exit_code = -1;
    int err = str_copy(role->name, sizeof role->name, options->name);
    if (err == 0)
        err = loop_timer_create(options->loop, on_timer, role, &role->timer);
    if (err != 0) {
        role_destroy(role);
        return err;
    }
    *ret_role = role;
    return 0;
}

static void close_ready(struct role *role)
{
    role->ready_poll = loop_poll_destroy(role->ready_poll);
    if (role->ready_fd >= 0)
        close(role->ready_fd);
    role->ready_fd = -1;
    role->ready_len = 0;
}

struct role *role_destroy(struct role *role)
{
    if (!role)
        return NULL;
    close_ready(role);
    loop_timer_destroy(role->timer);
    loop_child_destroy(role->child);
    free(role->self);
    free(role->state_dir);
    free(role->config);
    free(role);
    return NULL;
}

static void on_ready(void *arg, int ready)
{
    struct role *role = arg;
    (void)ready;
    ssize_t n = read(role->ready_fd, role->ready + role->ready_len, sizeof role->ready - 1 - role->ready_len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_ready(role); // it died or never says; its end is told by on_exit
        return;
    }
    role->ready_len += (size_t)n;
    role->ready[role->ready_len] = '\0';
    char *end = strchr(role->ready, '\n');
    if (!end) {
        if (role->ready_len == sizeof role->ready - 1)
            close_ready(role);
        return;
    }
    *end = '\0';
    char line[READY_LINE_MAX];
    bool good = str_starts_with(role->ready, "READY");
    (void)str_copy(line, sizeof line, good ? role->ready + strlen("READY") : "");
    close_ready(role);
    if (!good)
        return;
    role->state = ROLE_READY;
    changed(role, line);
}

static uint64_t next_delay(struct role *role)
{
    if (clock_monotonic_ms(NULL) - role->started_ms >= LONG_LIFE_MS) {
        role->backoff_ms = 0;
        return 0;
    }
    uint64_t delay = role->backoff_ms;
    role->backoff_ms = MIN(MAX(delay * 2, BACKOFF_FIRST_MS), BACKOFF_LAST_MS);
    return delay;
}

static void wait_and_restart(struct role *role)
{
    role->state = ROLE_WAITING;
    loop_timer_start(role->timer, next_delay(role), 0);
}

static void on_exit_status(void *arg, int status)
{
    struct role *role = arg;
    role->child = loop_child_destroy(role->child);
    role->pid = 0;
    close_ready(role);
    role->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (role->stopping) {
        loop_timer_stop(role->timer);
        role->state = ROLE_STOPPED;
        log_info("%s has stopped", role->name);
    } else {
        if (WIFSIGNALED(status))
            log_warn("%s was killed by signal %d; starting it again", role->name, WTERMSIG(status));
        else
            log_warn("%s ended with exit code %d; starting it again", role->name, WEXITSTATUS(status));
        wait_and_restart(role);
    }
    changed(role, NULL);
}

/* This process's environment and one variable more; the vector is the caller's, the strings in it are not. */
static char **environment_with(char *variable)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **env = xcalloc(count + 2, sizeof *env);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!str_starts_with(environ[i], "ISTHMUS_READY_FD="))
            env[at++] = environ[i];
    }
    env[at] = variable;
    return env;
}

static int run_program(struct role *role, int null_fd, int log_fd, int ready_fd)
{
    char variable[32];
    (void)snprintf(variable, sizeof variable, "ISTHMUS_READY_FD=%d", READY_FD);
    cleanup_free char **env = environment_with(variable);
    char program[] = "isthmus";
    char option_state[] = "--state";
    char option_config[] = "--config";
    char *const argv[] = {program,       role->name,   option_state, role->state_dir,
                          option_config, role->config, NULL};
    const struct spawn_fd fds[] = {
        {null_fd, STDIN_FILENO}, {log_fd, STDOUT_FILENO}, {log_fd, STDERR_FILENO}, {ready_fd, READY_FD}};
    const struct spawn_options options = {
        .path = role->self,
        .argv = argv,
        .envp = env,
        .fds = fds,
        .fd_count = ARRAY_SIZE(fds),
        // When this process is killed the roles drain; sessions go on and are adopted by the next start.
        .death_signal = SIGTERM,
        // A group of its own: CTRL-C in the terminal reaches only this process, which stops the roles in
        // order.
        .new_session = true,
    };
    return spawn(&options, &role->pid);
}

int role_start(struct role *role)
{
    cleanup_close int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cleanup_close int log_fd = -1;
    int pipe_fd[2];
    if (null_fd < 0)
        return -errno;
    int err = all_logs_open(role->options.logs, role->name, &log_fd);
    if (err != 0)
        return err;
    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return -errno;
    role->ready_fd = pipe_fd[0];
    err = fd_set_nonblock(role->ready_fd);
    if (err == 0)
        err = run_program(role, null_fd, log_fd, pipe_fd[1]);
    close(pipe_fd[1]);
    if (err == 0) {
        role->state = ROLE_STARTING;
        role->started_ms = clock_monotonic_ms(NULL);
        err = loop_child_create(role->options.loop, role->pid, on_exit_status, role, &role->child);
        if (err == 0)
            err = loop_poll_create(role->options.loop, role->ready_fd, LOOP_READ, on_ready, role,
                                   &role->ready_poll);
    }
    if (err != 0 && role->pid > 0) { // a child that cannot be watched must not stay
        kill(role->pid, SIGKILL);
        role->child = loop_child_destroy(role->child);
        role->pid = 0;
    }
    if (err != 0)
        close_ready(role);
    return err;
}

static void on_timer(void *arg)
{
    struct role *role = arg;
    if (role->stopping) {
        if (role->pid > 0 && !role->killed) {
            log_warn("%s does not stop; killing it", role->name);
            role->killed = true;
            kill(role->pid, SIGKILL);
        }
        return;
    }
    role->restarts++;
    int err = role_start(role);
    if (err != 0) {
        log_error("%s cannot be started: %s", role->name, strerror(-err));
        role->started_ms = clock_monotonic_ms(NULL);
        wait_and_restart(role);
    }
    changed(role, NULL);
}

void role_stop(struct role *role)
{
    bool again = role->stopping;
    role->stopping = true;
    loop_timer_stop(role->timer);
    if (role->pid == 0) {
        role->state = ROLE_STOPPED;
        return;
    }
    if (again) {
        loop_timer_start(role->timer, 0, 0);
        return;
    }
    kill(role->pid, role->options.stop_signal);
    loop_timer_start(role->timer, STOP_GRACE_MS, 0);
}

enum role_state role_get_state(const struct role *role)
{
    return role->state;
}

const char *role_state_word(enum role_state state)
{
    static const char *const words[] = {"stopped", "starting", "ready", "waiting"};
    return words[state];
}

const char *role_name(const struct role *role)
{
    return role->name;
}

pid_t role_pid(const struct role *role)
{
    return role->pid;
}

unsigned role_restarts(const struct role *role)
{
    return role->restarts;
}

int role_exit_code(const struct role *role)
{
    return role->exit_code;
}
