/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where pictures come from: X11 today, RFB and RDP later, a test picture for tests. A source owns its frame,
 * tells a listener, and takes input. Pictures are pulled: a source says that it is dirty, and reads pixels
 * only when asked, so that nothing is spent on pictures nobody can take. Loop thread only. */
#ifndef ISTHMUS_DISPLAY_SOURCE_H
#define ISTHMUS_DISPLAY_SOURCE_H

#include "display/frame.h"
#include "loop/loop.h"

struct source;

struct source_ops {
    const struct frame *(*frame)(struct source *self);
    /* Brings the frame up to date; answered by captured. One at a time: -EBUSY. */
    int (*capture)(struct source *self);
    /* Answered by resized, unless the size is the same or the display refuses. The newest wish wins. */
    int (*resize)(struct source *self, int width, int height);
    /* buttons: the DOM mask (1 left, 2 right, 4 middle, 8 back, 16 forward) of all that are down. */
    void (*pointer)(struct source *self, int x, int y, unsigned buttons);
    void (*wheel)(struct source *self, int dx, int dy); /* whole notches, to the right and down */
    /* keysym 0: just the physical key. keycode: the physical key (an X keycode of a PC keyboard, evdev + 8),
     * 0 when unknown. A key that is down goes down again: a repetition. Up carries the same two numbers as
     * down. */
    void (*key)(struct source *self, uint32_t keysym, uint32_t keycode, bool down);
    /* The session's clipboard is to hold this text: UTF-8 without NUL, LF, at most FRAME_CLIPBOARD_MAX bytes.
     * NULL: there is no clipboard. What programs copy comes by the listener. */
    int (*clipboard)(struct source *self, const char *text, size_t len);
    void (*destroy)(struct source *self);
};

struct source {
    const struct source_ops *ops;
    struct frame_listener listener;
    void *listener_arg;
};

/* Before this nothing is told; what happened until then is told after it (dirty, cursor). */
static inline void source_listen(struct source *source, const struct frame_listener *listener, void *arg)
{
    source->listener = *listener;
    source->listener_arg = arg;
}

static inline const struct frame *source_frame(struct source *source)
{
    return source->ops->frame(source);
}

static inline int source_capture(struct source *source)
{
    return source->ops->capture(source);
}

static inline int source_resize(struct source *source, int width, int height)
{
    return source->ops->resize(source, width, height);
}

static inline void source_pointer(struct source *source, int x, int y, unsigned buttons)
{
    source->ops->pointer(source, x, y, buttons);
}

static inline void source_wheel(struct source *source, int dx, int dy)
{
    source->ops->wheel(source, dx, dy);
}

static inline void source_key(struct source *source, uint32_t keysym, uint32_t keycode, bool down)
{
    source->ops->key(source, keysym, keycode, down);
}

/* -ENOTSUP, -EMSGSIZE. */
static inline int source_clipboard(struct source *source, const char *text, size_t len)
{
    if (!source->ops->clipboard)
        return -ENOTSUP;
    return len > FRAME_CLIPBOARD_MAX ? -EMSGSIZE : source->ops->clipboard(source, text, len);
}

/* NULL-safe; returns NULL. */
static inline struct source *source_destroy(struct source *source)
{
    if (source)
        source->ops->destroy(source);
    return NULL;
}

#endif
