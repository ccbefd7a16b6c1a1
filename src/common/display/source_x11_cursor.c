/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cursor's shape. A theme's animated cursor changes 60 times a second for ever: shapes are remembered by
 * serial, told at most so often, and more seldom still while changes come without a pause. */
#include "base/clock.h"
#include "display/source_x11_priv.h"

#define MIN_MS 50        /* between two shapes */
#define ANIMATED_MS 1000 /* between two shapes of an animation */
#define PAUSE_MS 300     /* without change: what comes next is a new shape, not an animation */
#define ANIMATED_RUN 8

static struct x11_cursor *cursor_find(struct x11 *x, uint32_t serial)
{
    for (size_t i = 0; i < X11_CURSORS; i++)
        if (x->cursor[i].argb && x->cursor[i].serial == serial)
            return &x->cursor[i];
    return NULL;
}

static void tell(struct x11 *x, const struct x11_cursor *c)
{
    struct frame_cursor cursor = {c->width, c->height, c->hot_x, c->hot_y, c->serial, c->argb};

    if (x->cursor_any && x->cursor_told == c->serial)
        return;
    x->cursor_any = true;
    x->cursor_told = c->serial;
    x->cursor_ms = clock_monotonic_ms(NULL);
    if (x->base.listener.cursor)
        x->base.listener.cursor(x->base.listener_arg, &cursor);
}

/* X gives pixels premultiplied with alpha, a PNG wants them plain. */
static uint32_t plain(uint32_t pixel)
{
    uint32_t a = pixel >> 24, r = pixel >> 16 & 0xff, g = pixel >> 8 & 0xff, b = pixel & 0xff;

    if (a == 0)
        return 0;
    r = MIN(r * 255 / a, 255u);
    g = MIN(g * 255 / a, 255u);
    b = MIN(b * 255 / a, 255u);
    return a << 24 | r << 16 | g << 8 | b;
}

static void cursor_store(struct x11_cursor *c, const xcb_xfixes_get_cursor_image_reply_t *r)
{
    const uint32_t *from = xcb_xfixes_get_cursor_image_cursor_image(r);
    uint32_t visible = 0;

    free(c->argb);
    *c = (struct x11_cursor){
        .serial = r->cursor_serial,
        .width = MIN(r->width, FRAME_CURSOR_MAX),
        .height = MIN(r->height, FRAME_CURSOR_MAX),
    };
    c->argb = xcalloc((size_t)c->width * (size_t)c->height + 1, sizeof(uint32_t));
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            uint32_t pixel = plain(from[(size_t)y * r->width + (size_t)x]);

            c->argb[y * c->width + x] = pixel;
            visible |= pixel;
        }
    }
    if (c->width == 0 || c->height == 0 || visible == 0) { /* 1 x 1 with serial 0, or wholly transparent */
        c->width = c->height = 0;
    } else {
        c->hot_x = MIN(r->xhot, c->width - 1);
        c->hot_y = MIN(r->yhot, c->height - 1);
    }
}

static void show(struct x11 *x);

static void on_image(struct x11 *x, const void *data)
{
    const xcb_xfixes_get_cursor_image_reply_t *reply = data;
    struct x11_cursor *c;

    bool again = x->cursor_again;

    x->cursor_asked = x->cursor_again = false;
    /* The session's programs may have taken over their display: its answers need not be what they say. */
    if (!reply || 4 * (uint64_t)reply->length + 32 < sizeof(*reply) + 4ull * reply->width * reply->height)
        return;
    c = cursor_find(x, reply->cursor_serial);
    if (!c) {
        c = &x->cursor[x->cursor_next];
        x->cursor_next = (x->cursor_next + 1) % X11_CURSORS;
    }
    cursor_store(c, reply);
    tell(x, c);
    if (again)
        show(x);
}

static void show(struct x11 *x)
{
    struct x11_cursor *c = cursor_find(x, x->cursor_serial);

    if (c) {
        tell(x, c);
    } else if (x->cursor_asked) {
        x->cursor_again = true; /* the answer may be of before this change */
    } else {
        x->cursor_asked = true;
        x->cursor_ms = clock_monotonic_ms(NULL);
        x11_await(x, xcb_xfixes_get_cursor_image(x->c).sequence, 0, on_image);
    }
}

static void on_timer(void *arg)
{
    struct x11 *x = arg;

    x->cursor_waiting = false;
    show(x);
}

void x11_cursor_event(struct x11 *x, const xcb_xfixes_cursor_notify_event_t *event)
{
    uint64_t now = clock_monotonic_ms(NULL), due;

    x->cursor_serial = event->cursor_serial;
    x->cursor_run = now - x->cursor_quiet_ms > PAUSE_MS ? 0 : MIN(x->cursor_run + 1, 1000u);
    x->cursor_quiet_ms = now;
    if (x->cursor_waiting)
        return;
    due = x->cursor_ms + (x->cursor_run > ANIMATED_RUN ? ANIMATED_MS : MIN_MS);
    if (now >= due) {
        show(x);
        return;
    }
    x->cursor_waiting = true;
    loop_timer_start(x->cursor_timer, due - now, 0);
}

int x11_cursor_start(struct x11 *x)
{
    int r = loop_timer_create(x->loop, on_timer, x, &x->cursor_timer);

    if (r < 0)
        return r;
    xcb_xfixes_select_cursor_input(x->c, x->root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
    x->cursor_asked = true;
    x11_await(x, xcb_xfixes_get_cursor_image(x->c).sequence, 0, on_image);
    return 0;
}

void x11_cursor_finish(struct x11 *x)
{
    for (size_t i = 0; i < X11_CURSORS; i++)
        free(x->cursor[i].argb);
}
