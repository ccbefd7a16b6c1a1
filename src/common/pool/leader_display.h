/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One display of a session: its server, its window manager and the program it is for, and when that is over.
 * The session's own display is one, each instance has one. */
#ifndef ISTHMUS_POOL_LEADER_DISPLAY_H
#define ISTHMUS_POOL_LEADER_DISPLAY_H

#include "loop/loop.h"

struct leader_display;

struct leader_display_options {
    struct loop *loop;
    const char *auth; /* file with the session's cookie */
    int errors_fd;    /* where programs write */
    int width, height;
    bool desktop;      /* a desktop's window manager; else one that shows a single application */
    char *const *argv; /* the program; empty or NULL for a plain desktop. Lent */
    /* The display can be connected to. */
    void (*up)(void *arg);
    /* The program runs, or there is none to run. */
    void (*started)(void *arg);
    /* It is over, once: exit, no_window, no_program, display_failed. What still runs there is the callee's to
     * stop. */
    void (*ended)(void *arg, const char *reason);
    /* After leader_display_stop: nothing of it runs any more. The last call; destroy is allowed in it. */
    void (*gone)(void *arg);
    void *arg;
};

/* -ENOENT: there is no such program. */
int leader_display_create(const struct leader_display_options *options, struct leader_display **ret_display);
int leader_display_number(const struct leader_display *display);
/* ":100" once the display is up, NULL before and when it is over. Lent. */
const char *leader_display_name(const struct leader_display *display);
/* The program is asked to end, then the display goes; gone follows, not from within. No ended any more. */
void leader_display_stop(struct leader_display *display);
/* Kills what still runs. NULL-safe; returns NULL. */
struct leader_display *leader_display_destroy(struct leader_display *display);

#endif
