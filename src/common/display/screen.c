/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <utlist.h>

#include "base/clock.h"
#include "base/str.h"
#include "display/screen_priv.h"

/* A timer counts milliseconds: a turn this much too early is good enough. */
#define SLACK_US 1000

/* Whether anything would be sent if time allowed. */
static bool wants(const struct screen *s, const struct viewer *v)
{
    return viewer_is_open(v) && (s->dirty || viewer_has_news(v));
}

static bool sink_wants(const struct screen *s, const struct sink *k)
{
    return k->ready && (s->dirty || sink_has_news(k));
}

static bool is_due(uint64_t next_us, uint64_t now_us)
{
    return now_us + SLACK_US > next_us;
}

/* Damage that changes no pixel leads to no update, so the viewers' turns alone would let a program that draws
 * the same again and again have the screen read without end. */
static bool may_capture(const struct screen *s, uint64_t now_us)
{
    return s->dirty && now_us + SLACK_US > s->next_us;
}

static void set_timer(struct screen *s, uint64_t now_us)
{
    uint64_t next = UINT64_MAX;
    const struct viewer *v;
    const struct sink *k;

    DL_FOREACH(s->viewers, v)
    {
        if (wants(s, v) && !is_due(v->next_us, now_us))
            next = MIN(next, v->next_us);
        else if (wants(s, v) && s->dirty && !may_capture(s, now_us))
            next = MIN(next, s->next_us);
    }
    DL_FOREACH(s->sinks, k)
    {
        if (sink_wants(s, k))
            next = MIN(next, s->dirty ? MAX(k->next_us, s->next_us) : k->next_us);
    }
    if (next == UINT64_MAX)
        loop_timer_stop(s->timer);
    else
        loop_timer_start(s->timer, MAX((next - now_us) / 1000, 1u), 0);
}

uint64_t screen_pace(const struct screen *screen, uint64_t next_us, uint64_t now_us)
{
    return MAX(next_us, now_us - screen->period_us) + screen->period_us;
}

void screen_run(struct screen *screen)
{
    uint64_t now = clock_monotonic_us();
    struct viewer *v, *tmp;
    struct sink *k;
    bool wanted = false;

    if (screen->failed || screen->capturing)
        return;
    DL_FOREACH(screen->viewers, v)
    wanted = wanted || (wants(screen, v) && is_due(v->next_us, now));
    DL_FOREACH(screen->sinks, k)
    wanted = wanted || (sink_wants(screen, k) && is_due(k->next_us, now));
    if (wanted && may_capture(screen, now) && source_capture(screen->options.source) == 0) {
        screen->dirty = false;
        screen->capturing = true;
        screen->next_us = screen_pace(screen, screen->next_us, now);
        return; /* goes on when the pixels are there */
    }
    if (wanted && screen->dirty && !may_capture(screen, now)) {
        set_timer(screen, now); /* what is there is old, after a change of size even black */
        return;
    }
    DL_FOREACH_SAFE(screen->viewers, v, tmp)
    if (viewer_is_open(v) && viewer_has_news(v) && is_due(v->next_us, now))
        viewer_start(v, now);
    DL_FOREACH(screen->sinks, k)
    if (k->ready && sink_has_news(k) && is_due(k->next_us, now))
        sink_deliver(k, now);
    set_timer(screen, now);
}

static void on_timer(void *arg)
{
    screen_run(arg);
}

static void on_dirty(void *arg)
{
    struct screen *s = arg;

    s->dirty = true;
    screen_run(s);
}

static void on_captured(void *arg, const pixman_region32_t *changed, uint64_t time_us)
{
    struct screen *s = arg;
    struct viewer *v;
    struct sink *k;

    s->capturing = false;
    s->captured_us = time_us;
    DL_FOREACH(s->viewers, v)
    pixman_region32_union(&v->pending, &v->pending, (pixman_region32_t *)(uintptr_t)changed);
    DL_FOREACH(s->sinks, k)
    pixman_region32_union(&k->pending, &k->pending, (pixman_region32_t *)(uintptr_t)changed);
    screen_run(s);
}

static void on_resized(void *arg, int width, int height)
{
    struct screen *s = arg;
    struct viewer *v;
    struct sink *k;

    s->capturing = false;
    s->dirty = true;
    DL_FOREACH(s->viewers, v)
    v->full = true;
    DL_FOREACH(s->sinks, k)
    {
        k->full = true;
        k->ops->resized(k->arg, width, height);
    }
    if (s->options.events->resized)
        s->options.events->resized(s->options.arg, width, height);
    screen_run(s);
}

static void on_cursor(void *arg, const struct frame_cursor *cursor)
{
    struct screen *s = arg;
    struct rcbuf *png = NULL;
    struct viewer *v;

    if (cursor->width > 0 && encode_argb(cursor->argb, cursor->width, cursor->height, &png) < 0)
        return;
    rcbuf_unref(s->cursor_png);
    s->cursor_png = png;
    s->cursor_w = cursor->width;
    s->cursor_h = cursor->height;
    s->cursor_x = cursor->hot_x;
    s->cursor_y = cursor->hot_y;
    s->cursor_known = true;
    screen_keep_cursor(s, cursor);
    DL_FOREACH(s->viewers, v)
    v->cursor_due = true;
    screen_run(s);
}

static void on_pointer(void *arg, int x, int y)
{
    struct screen *s = arg;
    struct viewer *v;
    struct sink *k;

    DL_FOREACH(s->viewers, v)
    {
        v->pointer_due = true;
        v->pointer_x = x;
        v->pointer_y = y;
    }
    DL_FOREACH(s->sinks, k)
    k->ops->pointer(k->arg, x, y);
    screen_run(s);
}

static void on_failed(void *arg, int error)
{
    struct screen *s = arg;

    s->failed = true;
    loop_timer_stop(s->timer);
    if (s->options.events->failed)
        s->options.events->failed(s->options.arg, error);
}

static bool is_too_long(const struct screen *s, size_t len)
{
    return s->options.clipboard.max != 0 && len > s->options.clipboard.max;
}

static void on_clipboard(void *arg, const char *text, size_t len)
{
    struct screen *s = arg;

    if (s->options.events->clipboard && !s->options.clipboard.no_out && !is_too_long(s, len))
        s->options.events->clipboard(s->options.arg, text, len);
}

int screen_create(const struct screen_options *options, struct screen **ret_screen)
{
    static const struct frame_listener listener = {on_dirty,   on_captured, on_resized,  on_cursor,
                                                   on_pointer, on_failed,   on_clipboard};
    struct screen *s = xcalloc(1, sizeof(*s));
    int r;

    s->options = *options;
    s->period_us = 1000000u / (unsigned)CLAMP(options->frame_rate, 1, 60);
    s->dirty = true; /* nothing has been captured yet */
    r = loop_timer_create(options->loop, on_timer, s, &s->timer);
    if (r < 0) {
        free(s);
        return r;
    }
    source_listen(options->source, &listener, s);
    *ret_screen = s;
    return 0;
}

struct screen *screen_destroy(struct screen *screen)
{
    static const struct frame_listener nobody;

    if (!screen)
        return NULL;
    source_listen(screen->options.source, &nobody, NULL);
    loop_timer_destroy(screen->timer);
    rcbuf_unref(screen->cursor_png);
    free(screen->cursor_argb);
    for (size_t i = 0; i < SCREEN_RECENT; i++)
        rcbuf_unref(screen->recent[i].png);
    free(screen);
    return NULL;
}

struct source *screen_source(struct screen *screen)
{
    return screen->options.source;
}

int screen_clipboard(struct screen *screen, const char *text, size_t len)
{
    if (screen->failed)
        return -EPIPE;
    if (screen->options.clipboard.no_in)
        return -EPERM;
    if (is_too_long(screen, len))
        return -EMSGSIZE;
    if (len <= FRAME_CLIPBOARD_MAX && !str_is_utf8(text, len, false))
        return -EINVAL;
    return source_clipboard(screen->options.source, text, len);
}

unsigned screen_pending(const struct screen *screen)
{
    return screen->pending;
}

struct rcbuf *screen_recent_find(struct screen *screen, uint64_t hash)
{
    for (size_t i = 0; i < SCREEN_RECENT; i++)
        if (screen->recent[i].png && screen->recent[i].hash == hash)
            return rcbuf_ref(screen->recent[i].png);
    return NULL;
}

void screen_recent_store(struct screen *screen, uint64_t hash, struct rcbuf *png)
{
    if (screen->viewer_count < 2)
        return;
    rcbuf_unref(screen->recent[screen->recent_next].png);
    screen->recent[screen->recent_next].hash = hash;
    screen->recent[screen->recent_next].png = rcbuf_ref(png);
    screen->recent_next = (screen->recent_next + 1) % SCREEN_RECENT;
}
