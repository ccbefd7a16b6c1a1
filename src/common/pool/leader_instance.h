/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The further displays of a session, each with a program of its own. */
#ifndef ISTHMUS_POOL_LEADER_INSTANCE_H
#define ISTHMUS_POOL_LEADER_INSTANCE_H

#include "loop/loop.h"

struct leader_instances;

struct leader_instances_options {
    struct loop *loop;
    const char *auth;                                     /* file with the session's cookie */
    int errors_fd;                                        /* where programs write */
    void (*up)(void *arg, const char *name, int display); /* its program runs */
    /* Nothing of it runs any more: exit, no_window, no_program, display_failed, stop. */
    void (*gone)(void *arg, const char *name, const char *reason);
    void *arg;
};

int leader_instances_create(const struct leader_instances_options *options,
                            struct leader_instances **ret_instances);
/* order_fd: instance_order.h; stays the caller's. up or gone follows, gone also from within. */
void leader_instances_run(struct leader_instances *all, const char *name, int order_fd);
/* gone follows, with "stop". Nothing for one that is not there. */
void leader_instances_close(struct leader_instances *all, const char *name);
/* fn for each display that can be used: ":101". */
void leader_instances_each(struct leader_instances *all, void (*fn)(void *arg, const char *display),
                           void *arg);
/* Kills what still runs. NULL-safe; returns NULL. */
struct leader_instances *leader_instances_destroy(struct leader_instances *all);

#endif
