/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shared picture: pixels and damage. A source writes it, encoders and sinks read it; neither sees the other. Loop thread only, except where a
 * snapshot (a packed copy) travels to a worker. */
#ifndef ISTHMUS_DISPLAY_FRAME_H
#define ISTHMUS_DISPLAY_FRAME_H

#include <pixman.h>

#include "base/util.h"

#define FRAME_MAX_WIDTH 7680
#define FRAME_MAX_HEIGHT 4320

/* 4 bytes a pixel, B G R X in memory, rows stride bytes apart. Borrowed from the source; valid until its next resize. */
struct frame {
    int width, height;
    size_t stride;
    uint8_t *pixels;
};

struct frame_cursor {
    int width, height, hot_x, hot_y; /* width 0: hidden */
    uint64_t serial;                 /* changes with the shape */
    const uint32_t *argb;            /* not premultiplied, width * height */
};

/* Told by a source; each pointer may be NULL. */
struct frame_listener {
    void (*damaged)(void *arg, const pixman_region32_t *region, uint64_t time_us); /* pixels of region are new */
    void (*resized)(void *arg, int width, int height);  /* everything is new */
    void (*cursor)(void *arg, const struct frame_cursor *cursor);
    void (*pointer)(void *arg, int x, int y);           /* moved by the session itself */
    void (*failed)(void *arg, int error);               /* the source is dead */
};

#endif
