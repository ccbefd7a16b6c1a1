/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One client of a screen: what it has not seen yet, what is on its way, what its cache holds. While the
 * window is full damage is merged, never queued. */
#include <utlist.h>

#include "base/clock.h"
#include "display/screen_priv.h"

struct viewer *viewer_create(struct screen *screen, const struct viewer_options *options)
{
    struct viewer *v = xcalloc(1, sizeof(*v));

    v->screen = screen;
    v->options = *options;
    v->full = true;
    v->cache = region_cache_new(CAPTURE_CACHE_BYTES);
    pixman_region32_init(&v->pending);
    DL_APPEND(screen->viewers, v);
    screen->viewer_count++;
    screen_run(screen);
    return v;
}

struct viewer *viewer_destroy(struct viewer *viewer)
{
    if (!viewer)
        return NULL;
    if (viewer->job)
        viewer->job->viewer = NULL;
    DL_DELETE(viewer->screen->viewers, viewer);
    viewer->screen->viewer_count--;
    rcbuf_unref(viewer->held);
    region_cache_free(viewer->cache);
    pixman_region32_fini(&viewer->pending);
    free(viewer);
    return NULL;
}

bool viewer_has_news(const struct viewer *viewer)
{
    return viewer->full || viewer->cursor_due || viewer->pointer_due ||
           pixman_region32_not_empty((pixman_region32_t *)(uintptr_t)&viewer->pending);
}

bool viewer_is_open(const struct viewer *viewer)
{
    return !viewer->hidden && !viewer->job && !viewer->held && viewer->flight_count < VIEWER_WINDOW_UPDATES &&
           viewer->flight_bytes < VIEWER_WINDOW_BYTES;
}

void viewer_start(struct viewer *viewer, uint64_t now_us)
{
    const struct frame *frame = source_frame(viewer->screen->options.source);
    bool full = viewer->full;
    pixman_region32_t region;

    pixman_region32_init_rect(&region, 0, 0, (unsigned)frame->width, (unsigned)frame->height);
    if (!full)
        pixman_region32_intersect(&region, &region, &viewer->pending);
    viewer->next_us = screen_pace(viewer->screen, viewer->next_us, now_us);
    /* Before the start: it may be finished at once, and the screen looks again then. */
    pixman_region32_clear(&viewer->pending);
    viewer->full = false;
    if (update_job_start(viewer, &region, full) < 0)
        viewer->full = true; /* no memory: all of it later */
    pixman_region32_fini(&region);
}

static void flight_add(struct viewer *v, size_t bytes)
{
    v->flight[v->flight_count].sequence = v->sent;
    v->flight[v->flight_count].bytes = bytes;
    v->flight_count++;
    v->flight_bytes += bytes;
}

/* Sends what is held, when it fits. */
static void send_held(struct viewer *v)
{
    struct rcbuf *message = v->held;

    if (!message || v->flight_count == VIEWER_WINDOW_UPDATES ||
        (v->flight_count > 0 && v->flight_bytes + rcbuf_len(message) > VIEWER_WINDOW_BYTES))
        return;
    v->held = NULL;
    v->sent = v->sequence;
    v->sent_count++;
    flight_add(v, rcbuf_len(message));
    v->options.send(v->options.arg, message);
    rcbuf_unref(message);
}

static int add_piece(struct viewer *v, struct capture_update *u, const struct update_piece *p)
{
    const struct snapshot *s = &p->snapshot;
    int r;

    if (s->solid)
        return capture_add_solid(u, &s->rect, s->pixels[0]);
    if (p->cached)
        return capture_add_cached(u, &s->rect, s->hash);
    if (!p->png)
        return -ENOMEM;
    r = capture_add_png(u, &s->rect, s->hash, p->png);
    if (r == 0 && s->hash != 0)
        region_cache_store(v->cache, s->hash, 4 * (size_t)s->rect.w * (size_t)s->rect.h);
    return r;
}

static int add_records(struct viewer *v, struct capture_update *u, const struct update_job *job)
{
    const struct screen *s = v->screen;
    int r = job->full ? capture_add_size(u, job->width, job->height) : 0;

    for (size_t i = 0; r == 0 && i < job->count; i++)
        r = add_piece(v, u, &job->piece[i]);
    if (r == 0 && s->cursor_known && (v->cursor_due || job->full))
        r = capture_add_cursor(u, s->cursor_w, s->cursor_h, s->cursor_x, s->cursor_y, s->cursor_png);
    if (r == 0 && v->pointer_due)
        r = capture_add_pointer(u, v->pointer_x, v->pointer_y);
    return r;
}

static int build(struct viewer *v, const struct update_job *job)
{
    struct capture_update u;
    uint32_t sequence = v->sequence == UINT32_MAX ? 1 : v->sequence + 1;
    int r = capture_begin(&u);

    if (r == 0)
        r = add_records(v, &u, job);
    if (r < 0) {
        capture_abort(&u);
        return r;
    }
    if (u.records == 0) { /* everything was cut away since */
        capture_abort(&u);
        return 0;
    }
    r = capture_end(&u, job->full ? CAPTURE_FLAG_FULL : 0, sequence, job->time_us, &v->held);
    if (r == 0) {
        v->sequence = sequence;
        v->cursor_due = v->pointer_due = false;
    }
    return r;
}

void viewer_finish_job(struct viewer *viewer, struct update_job *job)
{
    viewer->job = NULL;
    /* When the size has changed meanwhile this still fits the client's canvas, which changes with the next
     * update. */
    if (build(viewer, job) < 0)
        viewer->full = true;
    send_held(viewer);
    screen_run(viewer->screen);
}

/* How far before the last one sent a sequence number is; huge when it is after that. */
static uint32_t age(const struct viewer *v, uint32_t sequence)
{
    return v->sent - sequence;
}

static int on_ack(struct viewer *v, uint32_t sequence)
{
    size_t done = 0;

    if (age(v, sequence) >= v->sent_count)
        return -EPROTO;
    while (done < v->flight_count && age(v, v->flight[done].sequence) >= age(v, sequence))
        v->flight_bytes -= v->flight[done++].bytes;
    v->flight_count -= done;
    memmove(v->flight, v->flight + done, v->flight_count * sizeof(v->flight[0]));
    send_held(v);
    return 0;
}

static int on_miss(struct viewer *v, const struct capture_request *req)
{
    const struct frame *frame = source_frame(v->screen->options.source);
    const struct frame_rect *r = &req->rect;

    region_cache_forget(v->cache, req->hash);
    /* A miss may come from before a change of size that its sender has not seen yet. */
    if (r->x + r->w > frame->width || r->y + r->h > frame->height)
        return v->full || v->job || v->flight_count > 0 ? 0 : -EPROTO;
    pixman_region32_union_rect(&v->pending, &v->pending, r->x, r->y, (unsigned)r->w, (unsigned)r->h);
    return 0;
}

static bool too_many(struct viewer *v)
{
    uint64_t second = clock_monotonic_ms(NULL) / 1000;

    if (second != v->second) {
        v->second = second;
        v->requests = 0;
    }
    return ++v->requests > VIEWER_REQUESTS_PER_S;
}

static int on_request(struct viewer *v, const struct capture_request *req)
{
    switch (req->type) {
    case CAPTURE_ACK:
        return on_ack(v, req->sequence);
    case CAPTURE_REFRESH:
        if (too_many(v))
            return -EDQUOT;
        v->full = true;
        return 0;
    case CAPTURE_MISS:
        return too_many(v) ? -EDQUOT : on_miss(v, req);
    case CAPTURE_HIDDEN:
        if (v->hidden && !req->hidden)
            v->full = true;
        v->hidden = req->hidden;
        return 0;
    }
    return -EPROTO;
}

int viewer_message(struct viewer *viewer, const void *data, size_t len)
{
    struct capture_request req;
    int r = capture_parse(data, len, &req);

    if (r == 0)
        r = on_request(viewer, &req);
    if (r == 0)
        screen_run(viewer->screen);
    return r;
}
