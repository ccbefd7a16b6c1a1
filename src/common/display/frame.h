/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shared picture: pixels and damage. A source writes it, encoders and sinks read it; neither sees the
 * other. Loop thread only, except where a snapshot (a packed copy) travels to a worker. */
#ifndef ISTHMUS_DISPLAY_FRAME_H
#define ISTHMUS_DISPLAY_FRAME_H

#include <pixman.h>

#include "base/util.h"

#define FRAME_MAX_WIDTH 7680
#define FRAME_MAX_HEIGHT 4320
#define FRAME_CURSOR_MAX 256 /* a larger cursor is cut off */

/* 4 bytes a pixel, B G R X in memory (X is undefined), rows stride bytes apart, stride a multiple of 4.
 * Borrowed from the source; valid until its next resize. */
struct frame {
    int width, height;
    size_t stride;
    uint8_t *pixels;
};

#define FRAME_CLIPBOARD_MAX (1u << 20) /* bytes of a clipboard's text */

struct frame_rect {
    int x, y, w, h;
};

struct frame_cursor {
    int width, height, hot_x, hot_y; /* width 0: hidden */
    uint64_t serial;                 /* changes with the shape */
    const uint32_t *argb;            /* not premultiplied, width * height; valid during the call */
};

/* Told by a source, on the loop, never from inside a call of the source's operations. Each pointer may be
 * NULL. */
struct frame_listener {
    /* Something has been drawn: source_capture will find it. Told once, then not again before the next
     * capture. */
    void (*dirty)(void *arg);
    /* Answers source_capture: exactly these pixels of the frame have changed; may be empty. time_us is the
     * monotonic time when they were read. */
    void (*captured)(void *arg, const pixman_region32_t *changed, uint64_t time_us);
    /* The frame is a new one, its content void until the next capture, which reports all of it. A capture
     * under way is forgotten: it is not answered. */
    void (*resized)(void *arg, int width, int height);
    void (*cursor)(void *arg, const struct frame_cursor *cursor);
    void (*pointer)(void *arg, int x, int y); /* moved by the session itself */
    void (*failed)(void *arg, int error);     /* the source is dead; the last call */
    /* A program has put a text into the clipboard: UTF-8 without NUL, LF, len <= FRAME_CLIPBOARD_MAX. */
    void (*clipboard)(void *arg, const char *text, size_t len);
};

#endif
