/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a program has put into the clipboard: asked for as UTF-8, then as Latin-1; long texts come in pieces.
 */
#include "base/clock.h"
#include "base/str.h"
#include "display/clip_text.h"
#include "display/source_x11_clip_priv.h"

#define TARGETS 2

static xcb_atom_t target_of(const struct x11_clip *clip, unsigned target)
{
    return target == 0 ? clip->atom[CLIP_UTF8] : (xcb_atom_t)XCB_ATOM_STRING;
}

/* Sets the timer for whatever comes next: giving up, or the next fetch. */
static void set_timer(struct clip_fetch *f)
{
    uint64_t now = clock_monotonic_ms(NULL);
    uint64_t due = f->window != XCB_NONE ? MIN(f->step_ms, f->end_ms) : f->due_ms;

    if (f->window != XCB_NONE || f->wanted)
        loop_timer_start(f->timer, due > now ? due - now : 0, 0);
    else
        loop_timer_stop(f->timer);
}

static void step(struct clip_fetch *f)
{
    f->step_ms = clock_monotonic_ms(NULL) + CLIP_STEP_MS;
    set_timer(f);
}

/* The fetch under way is over, whatever came of it. */
static void end(struct x11 *x)
{
    struct clip_fetch *f = &x->clip->fetch;

    if (f->window != XCB_NONE) {
        xcb_destroy_window(x->c, f->window);
        x11_sent(x);
        f->window = XCB_NONE;
        f->stale += f->reading;
        f->reading = f->more = f->incremental = false;
        buf_finish(&f->text);
    }
    set_timer(f);
}

static void convert(struct x11 *x)
{
    struct clip_fetch *f = &x->clip->fetch;

    xcb_convert_selection(x->c, f->window, x->clip->atom[CLIP_CLIPBOARD], target_of(x->clip, f->target),
                          x->clip->atom[CLIP_DATA], f->time);
    x11_sent(x);
    step(f);
}

static void begin(struct x11 *x)
{
    static const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;
    struct clip_fetch *f = &x->clip->fetch;
    uint64_t now = clock_monotonic_ms(NULL);

    f->wanted = false;
    f->due_ms = now + CLIP_PAUSE_MS;
    f->end_ms = now + CLIP_TOTAL_MS;
    f->target = 0;
    f->window = f->windows[f->next];
    f->next = (f->next + 1) % CLIP_WINDOWS;
    xcb_create_window(x->c, 0, f->window, x->root, -1, -1, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY,
                      XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &events);
    convert(x);
}

static void on_timer(void *arg)
{
    struct x11 *x = arg;
    struct clip_fetch *f = &x->clip->fetch;

    if (f->window != XCB_NONE)
        end(x);
    else if (f->wanted)
        begin(x);
}

/* UTF-8 with LF of what came, in the caller's hands; NULL: it is no text. */
static char *text_of(const struct x11_clip *clip, struct buf *raw, xcb_atom_t type, size_t *ret_len)
{
    char *text = NULL;
    size_t len = raw->len;

    if (type == XCB_ATOM_STRING) {
        if (clip_text_from_latin1(raw->data, raw->len, &text, &len) < 0)
            return NULL;
    } else if (type == clip->atom[CLIP_UTF8]) {
        text = buf_steal_str(raw);
    }
    if (text && str_is_utf8(text, len, false)) {
        *ret_len = clip_text_unify_lines(text, len);
        if (*ret_len <= FRAME_CLIPBOARD_MAX)
            return text;
    }
    free(text);
    return NULL;
}

static void finish(struct x11 *x)
{
    struct clip_fetch *f = &x->clip->fetch;
    size_t len = 0;
    cleanup_free char *text = text_of(x->clip, &f->text, f->type, &len);

    f->due_ms = clock_monotonic_ms(NULL) + CLIP_PAUSE_MS + len / 1024;
    end(x);
    if (text)
        clip_fetched(x, text, len);
}

/* 0: more is to come; 1: that was all; or an error. */
static int take(struct x11_clip *clip, const xcb_get_property_reply_t *reply)
{
    struct clip_fetch *f = &clip->fetch;
    size_t len = reply->value_len;

    if (reply->type == clip->atom[CLIP_INCR] && !f->incremental) {
        f->incremental = true;
        return 0;
    }
    if (reply->type == XCB_NONE)
        return f->incremental ? 0 : -EPROTO;
    /* The session's programs may have taken over their display: its answers need not be what they say. */
    if (reply->format != 8 || reply->bytes_after > 0 || 4 * (uint64_t)reply->length < len)
        return -EPROTO;
    if (f->text.len == 0)
        f->type = reply->type;
    if (buf_append(&f->text, xcb_get_property_value(reply), len) < 0)
        return -EMSGSIZE;
    return f->incremental && len > 0 ? 0 : 1;
}

static void read_property(struct x11 *x);

static void on_property(struct x11 *x, const void *data)
{
    struct clip_fetch *f = &x->clip->fetch;
    bool more = f->more;
    int r;

    if (f->stale > 0) {
        f->stale--;
        return;
    }
    f->reading = f->more = false;
    r = data ? take(x->clip, data) : -EPROTO;
    if (r < 0) {
        end(x);
    } else if (r > 0) {
        finish(x);
    } else {
        step(f);
        if (more)
            read_property(x);
    }
}

/* Reading deletes: that tells the owner to go on. */
static void read_property(struct x11 *x)
{
    struct clip_fetch *f = &x->clip->fetch;

    f->reading = true;
    x11_await(x,
              xcb_get_property(x->c, true, f->window, x->clip->atom[CLIP_DATA], XCB_GET_PROPERTY_TYPE_ANY, 0,
                               FRAME_CLIPBOARD_MAX / 4 + 1)
                  .sequence,
              0, on_property);
}

void clip_fetch_notify(struct x11 *x, const xcb_selection_notify_event_t *event)
{
    struct clip_fetch *f = &x->clip->fetch;

    if (f->window == XCB_NONE || event->requestor != f->window || f->reading || f->incremental ||
        event->target != target_of(x->clip, f->target))
        return;
    if (event->property == x->clip->atom[CLIP_DATA])
        read_property(x);
    else if (++f->target < TARGETS)
        convert(x);
    else
        end(x);
}

void clip_fetch_property(struct x11 *x, const xcb_property_notify_event_t *event)
{
    struct clip_fetch *f = &x->clip->fetch;

    if (f->window == XCB_NONE || event->window != f->window || event->atom != x->clip->atom[CLIP_DATA] ||
        event->state != XCB_PROPERTY_NEW_VALUE)
        return;
    /* Events overtake answers here: the next piece may be there while the last one's answer is not. */
    if (f->reading)
        f->more = true;
    else if (f->incremental)
        read_property(x);
}

void clip_fetch_changed(struct x11 *x, xcb_timestamp_t time)
{
    struct clip_fetch *f = &x->clip->fetch;

    f->time = time;
    if (!f->wanted && f->window != XCB_NONE)
        f->end_ms = MIN(f->end_ms, clock_monotonic_ms(NULL) + CLIP_STALE_MS);
    f->wanted = true;
    set_timer(f);
}

void clip_fetch_forget(struct x11 *x)
{
    x->clip->fetch.wanted = false;
    end(x);
}

int clip_fetch_start(struct x11 *x)
{
    struct clip_fetch *f = &x->clip->fetch;

    for (size_t i = 0; i < CLIP_WINDOWS; i++)
        f->windows[i] = xcb_generate_id(x->c);
    buf_init(&f->text, FRAME_CLIPBOARD_MAX);
    return loop_timer_create(x->loop, on_timer, x, &f->timer);
}

void clip_fetch_finish(struct x11 *x)
{
    loop_timer_destroy(x->clip->fetch.timer);
    buf_finish(&x->clip->fetch.text);
}
