/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Child processes. SIGCHLD only says that something ended, and several ends can share one signal: at each one
 * every registered process is asked for by its id. */
#include <signal.h>
#include <sys/wait.h>
#include <utlist.h>

#include "loop/loop_priv.h"

struct loop_child {
    struct loop *loop;
    pid_t pid;
    int status;
    bool ended; /* status is known and fn still has to be told */
    bool told;
    void (*fn)(void *arg, int wait_status);
    void *arg;
    struct loop_child *prev, *next;
};

static void collect_registered(struct loop *loop)
{
    struct loop_child *child;

    DL_FOREACH(loop->children, child)
    {
        if (!child->ended && !child->told && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
            child->ended = true;
    }
}

static void collect_all(struct loop *loop)
{
    struct loop_child *child;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        DL_FOREACH(loop->children, child)
        {
            if (child->pid == pid && !child->ended && !child->told) {
                child->status = status;
                child->ended = true;
                break;
            }
        }
    }
}

/* fn may destroy any child handle or make new ones, so the search starts over after each call. */
static void tell(struct loop *loop)
{
    struct loop_child *child;

    do {
        DL_FOREACH(loop->children, child)
        {
            if (child->ended) {
                child->ended = false;
                child->told = true;
                child->fn(child->arg, child->status);
                break;
            }
        }
    } while (child);
}

static void collect(void *arg)
{
    struct loop *loop = arg;

    if (loop->reap_all)
        collect_all(loop);
    else
        collect_registered(loop);
    tell(loop);
}

static void on_sigchld(uv_signal_t *uv, int signum)
{
    (void)signum;
    collect(CONTAINER_OF(uv, struct loop, sigchld));
}

static int watch_sigchld(struct loop *loop)
{
    int r;

    if (!loop->sigchld_open) {
        r = uv_signal_init(&loop->uv, &loop->sigchld);
        if (r < 0)
            return r;
        loop->sigchld_open = true;
    }
    return uv_signal_start(&loop->sigchld, on_sigchld, SIGCHLD);
}

int loop_child_create(struct loop *loop, pid_t pid, void (*fn)(void *arg, int wait_status), void *arg,
                      struct loop_child **ret_child)
{
    struct loop_child *child;
    siginfo_t info;
    int r = watch_sigchld(loop);

    if (r < 0)
        return r;
    if (pid <= 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return -ECHILD;
    child = xcalloc(1, sizeof(*child));
    child->loop = loop;
    child->pid = pid;
    child->fn = fn;
    child->arg = arg;
    DL_APPEND(loop->children, child);
    /* It may have ended before the signal was watched; then no signal will come. */
    loop_post(loop, collect, loop);
    *ret_child = child;
    return 0;
}

struct loop_child *loop_child_destroy(struct loop_child *child)
{
    if (!child)
        return NULL;
    DL_DELETE(child->loop->children, child);
    free(child);
    return NULL;
}

void loop_reap_orphans(struct loop *loop)
{
    loop->reap_all = true;
    watch_sigchld(loop);
    loop_post(loop, collect, loop);
}
