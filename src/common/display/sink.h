/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A consumer of raw pixels beside the browsers' viewers: another protocol's server. It takes one update at a
 * time, when it says that it is ready; until then damage is merged. Loop thread only. */
#ifndef ISTHMUS_DISPLAY_SINK_H
#define ISTHMUS_DISPLAY_SINK_H

#include "display/screen.h"

struct sink;

/* Pointers live during the call; none of these may destroy the sink. */
struct sink_ops {
    /* The pixels of region are new. full: all of it, as after a change of size. */
    void (*update)(void *arg, const struct frame *frame, const pixman_region32_t *region, bool full);
    void (*resized)(void *arg, int width, int height); /* at once; the pixels follow in an update */
    void (*cursor)(void *arg, const struct frame_cursor *cursor);
    void (*pointer)(void *arg, int x, int y); /* moved by the session itself */
};

/* The first update is a full one. The cursor, when there is one, is told at once. */
struct sink *sink_create(struct screen *screen, const struct sink_ops *ops, void *arg);
/* One more update can be taken; it may come inside this call. Asking twice asks for one. */
void sink_ready(struct sink *sink);
struct sink *sink_destroy(struct sink *sink); /* NULL-safe; returns NULL */

#endif
