/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the session's first process needs to know of the display: whether a window manager is there and how
 * many windows it manages. */
#ifndef ISTHMUS_POOL_LEADER_X11_H
#define ISTHMUS_POOL_LEADER_X11_H

#include "loop/loop.h"

struct leader_x11;

#define LEADER_MESSAGE_CLASS "isthmus-message" /* WM_CLASS of a message's window */

struct leader_x11_events {
    void (*manager)(void *arg); /* a window manager has announced itself, once */
    /* After each change: how many windows there are, those of messages (leader_message.h) not counted. */
    void (*windows)(void *arg, unsigned count);
    void (*lost)(void *arg); /* the display server is gone */
};

/* display: ":3"; the cookie is found through XAUTHORITY. -ECONNREFUSED. */
int leader_x11_create(struct loop *loop, const char *display, const struct leader_x11_events *events,
                      void *arg, struct leader_x11 **ret_x11);
/* Whether the display server still answers. */
bool leader_x11_alive(struct leader_x11 *x11);
struct leader_x11 *leader_x11_destroy(struct leader_x11 *x11); /* NULL-safe; returns NULL */

#endif
