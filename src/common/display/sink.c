/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/sink.h"

#include <utlist.h>

#include "base/clock.h"
#include "display/screen_priv.h"

struct sink *sink_create(struct screen *screen, const struct sink_ops *ops, void *arg)
{
    struct sink *sink = xcalloc(1, sizeof(*sink));

    sink->screen = screen;
    sink->ops = ops;
    sink->arg = arg;
    sink->full = true;
    pixman_region32_init(&sink->pending);
    DL_APPEND(screen->sinks, sink);
    if (screen->cursor_known)
        ops->cursor(arg, &screen->cursor);
    return sink;
}

void sink_ready(struct sink *sink)
{
    sink->ready = true;
    screen_run(sink->screen);
}

struct sink *sink_destroy(struct sink *sink)
{
    if (!sink)
        return NULL;
    DL_DELETE(sink->screen->sinks, sink);
    pixman_region32_fini(&sink->pending);
    free(sink);
    return NULL;
}

bool sink_has_news(const struct sink *sink)
{
    return sink->full || pixman_region32_not_empty((pixman_region32_t *)(uintptr_t)&sink->pending);
}

void sink_deliver(struct sink *sink, uint64_t now_us)
{
    const struct frame *frame = source_frame(sink->screen->options.source);
    bool full = sink->full;
    pixman_region32_t region;

    pixman_region32_init_rect(&region, 0, 0, (unsigned)frame->width, (unsigned)frame->height);
    if (!full)
        pixman_region32_intersect(&region, &region, &sink->pending);
    sink->next_us = screen_pace(sink->screen, sink->next_us, now_us);
    pixman_region32_clear(&sink->pending);
    sink->full = sink->ready = false;
    sink->ops->update(sink->arg, frame, &region, full);
    pixman_region32_fini(&region);
}

/* Keeps the shape for sinks to come. */
void screen_keep_cursor(struct screen *screen, const struct frame_cursor *cursor)
{
    size_t size = 4 * (size_t)cursor->width * (size_t)cursor->height;
    uint32_t *argb = size > 0 ? malloc(size) : NULL;
    struct sink *sink;

    screen->cursor = *cursor;
    if (argb)
        memcpy(argb, cursor->argb, size);
    else
        screen->cursor.width = screen->cursor.height = 0;
    free(screen->cursor_argb);
    screen->cursor.argb = screen->cursor_argb = argb;
    DL_FOREACH(screen->sinks, sink)
    sink->ops->cursor(sink->arg, &screen->cursor);
}
