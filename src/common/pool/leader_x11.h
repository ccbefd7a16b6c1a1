/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the session's first process needs to know of the display: whether a window manager is there and how
 * many windows it manages. */
#ifndef ISTHMUS_POOL_LEADER_X11_H
#define ISTHMUS_POOL_LEADER_X11_H

#include "loop/loop.h"

struct leader_x11;

struct leader_x11_events {
    void (*manager)(void *arg);                 /* a window manager has announced itself, once */
    void (*windows)(void *arg, unsigned count); /* after each change */
    void (*lost)(void *arg);                    /* the display server is gone */
};

/* display: ":3"; the cookie is found through XAUTHORITY. -ECONNREFUSED. */
int leader_x11_create(struct loop *loop, const char *display, const struct leader_x11_events *events,
                      void *arg, struct leader_x11 **ret_x11);
struct leader_x11 *leader_x11_destroy(struct leader_x11 *x11); /* NULL-safe; returns NULL */

#endif
