/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/leader_part.h"

#include <signal.h>

#include "base/log.h"
#include "base/str.h"

extern char **environ;

/* This process's environment with another DISPLAY; the last string is to be freed, and the vector. */
static char **make_env(const char *display, char **ret_variable)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **envp = xcalloc(count + 2, sizeof *envp);
    for (size_t i = 0; i < count; i++) {
        if (!str_starts_with(environ[i], "DISPLAY="))
            envp[kept++] = environ[i];
    }
    if (display)
        envp[kept] = *ret_variable = xasprintf("DISPLAY=%s", display);
    return envp;
}

static void on_exit_of(void *arg, int wait_status)
{
    struct leader_part *part = arg;
    part->child = loop_child_destroy(part->child);
    part->patience = loop_timer_destroy(part->patience);
    part->pid = 0;
    part->gone(part->arg, wait_status);
}

int leader_part_start(struct leader_part *part, struct loop *loop, const struct leader_part_options *options)
{
    cleanup_free char *variable = NULL;
    cleanup_free char **envp = make_env(options->display, &variable);
    struct spawn_options child = {.argv = options->argv,
                                  .envp = envp,
                                  .fds = options->fds,
                                  .fd_count = options->fd_count,
                                  .new_session = true};
    *part = (struct leader_part){.loop = loop, .gone = options->gone, .arg = options->arg};
    int r = spawn(&child, &part->pid);
    if (r >= 0)
        r = loop_child_create(loop, part->pid, on_exit_of, part, &part->child);
    if (r < 0) {
        log_error("%s cannot be started: %s", options->argv[0], strerror(-r));
        leader_part_finish(part);
    }
    return r;
}

static void on_patience_over(void *arg)
{
    struct leader_part *part = arg;
    (void)kill(-part->pid, SIGKILL);
}

void leader_part_stop(struct leader_part *part)
{
    if (part->pid <= 0 || part->patience)
        return;
    if (loop_timer_create(part->loop, on_patience_over, part, &part->patience) < 0) {
        on_patience_over(part);
        return;
    }
    (void)kill(-part->pid, SIGTERM);
    loop_timer_start(part->patience, LEADER_PART_KILL_MS, 0);
}

void leader_part_finish(struct leader_part *part)
{
    if (part->pid > 0)
        (void)kill(-part->pid, SIGKILL);
    part->child = loop_child_destroy(part->child);
    part->patience = loop_timer_destroy(part->patience);
    part->pid = 0;
}
