/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process that the leader of a session starts: display server, window manager, application, a message. */
#ifndef ISTHMUS_POOL_LEADER_PART_H
#define ISTHMUS_POOL_LEADER_PART_H

#include "base/spawn.h"
#include "loop/loop.h"

#define LEADER_PART_KILL_MS 1000 /* from SIGTERM to SIGKILL */

/* Zeroed before its first start; can be started again once it is gone. */
struct leader_part {
    struct loop *loop;
    pid_t pid; /* 0: does not run */
    struct loop_child *child;
    struct loop_timer *patience;
    void (*gone)(void *arg, int wait_status);
    void *arg;
};

struct leader_part_options {
    char *const *argv;
    const char *display; /* ":100", for DISPLAY; NULL: none */
    const struct spawn_fd *fds;
    size_t fd_count;
    void (*gone)(void *arg, int wait_status); /* once; may start it again */
    void *arg;
};

/* In a session and process group of its own. */
int leader_part_start(struct leader_part *part, struct loop *loop, const struct leader_part_options *options);
/* SIGTERM for its process group, SIGKILL when it does not go; gone follows. Nothing when it does not run. */
void leader_part_stop(struct leader_part *part);
/* Forgets it; a process that still runs is killed, and gone is not called. */
void leader_part_finish(struct leader_part *part);

#endif
