/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where pictures come from: X11 today, RFB and RDP later, a test pattern for tests. A source owns its frame, tells a listener, and takes input. */
#ifndef ISTHMUS_DISPLAY_SOURCE_H
#define ISTHMUS_DISPLAY_SOURCE_H

#include "display/frame.h"
#include "loop/loop.h"

struct source;

struct source_ops {
    const struct frame *(*frame)(struct source *self);
    /* Brings the pixels of region up to date when the source fetches lazily; NULL: they always are. */
    int (*fetch)(struct source *self, const pixman_region32_t *region);
    int (*resize)(struct source *self, int width, int height); /* answered by resized */
    void (*pointer)(struct source *self, int x, int y, unsigned buttons); /* DOM button mask */
    void (*wheel)(struct source *self, int dx, int dy);                   /* whole notches */
    void (*key)(struct source *self, uint32_t keysym, uint32_t keycode, bool down); /* see display/keyboard.h */
    void (*destroy)(struct source *self);
};

struct source {
    const struct source_ops *ops;
    struct frame_listener listener;
    void *listener_arg;
};

#endif
