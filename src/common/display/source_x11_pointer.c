/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/source_x11_priv.h"

/* Bits of the DOM mask, in order, and the X buttons they are. */
static const uint8_t x_button[] = {1, 3, 2, 8, 9};

enum { WHEEL_UP = 4, WHEEL_DOWN = 5, WHEEL_LEFT = 6, WHEEL_RIGHT = 7 };

static void fake(struct x11 *x, uint8_t type, uint8_t detail, int px, int py)
{
    xcb_test_fake_input(x->c, type, detail, XCB_CURRENT_TIME, x->root, (int16_t)px, (int16_t)py, 0);
}

/* Buttons that an earlier streamer left down would stay so for ever. */
int x11_pointer_start(struct x11 *x)
{
    xcb_query_pointer_reply_t *r = xcb_query_pointer_reply(x->c, xcb_query_pointer(x->c, x->root), NULL);

    if (!r)
        return -EIO;
    x->pointer_x = r->root_x;
    x->pointer_y = r->root_y;
    for (unsigned i = 0; i < 3; i++)
        if (r->mask & (XCB_BUTTON_MASK_1 << i))
            fake(x, XCB_BUTTON_RELEASE, (uint8_t)(i + 1), 0, 0);
    free(r);
    return 0;
}

void x11_pointer(struct source *self, int px, int py, unsigned buttons)
{
    struct x11 *x = x11_of(self);
    unsigned changed = buttons ^ x->buttons;

    if (x->failed)
        return;
    /* Also when it seems to be there: the session may have moved it since. */
    fake(x, XCB_MOTION_NOTIFY, 0, px, py);
    x->pointer_x = px;
    x->pointer_y = py;
    x->pointer_moves++;
    for (unsigned i = 0; i < ARRAY_SIZE(x_button); i++)
        if (changed & (1u << i))
            fake(x, buttons & (1u << i) ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, x_button[i], 0, 0);
    x->buttons = buttons;
    x11_sent(x);
}

static void notches(struct x11 *x, int count, uint8_t negative, uint8_t positive)
{
    uint8_t button = count < 0 ? negative : positive;

    for (int i = 0; i < abs(count); i++) {
        fake(x, XCB_BUTTON_PRESS, button, 0, 0);
        fake(x, XCB_BUTTON_RELEASE, button, 0, 0);
    }
}

void x11_wheel(struct source *self, int dx, int dy)
{
    struct x11 *x = x11_of(self);

    if (x->failed)
        return;
    notches(x, dx, WHEEL_LEFT, WHEEL_RIGHT);
    notches(x, dy, WHEEL_UP, WHEEL_DOWN);
    x11_sent(x);
}

static void on_pointer(struct x11 *x, const void *data)
{
    const xcb_query_pointer_reply_t *r = data;

    x->pointer_asked = false;
    /* Moves of ours since the question make the answer old. */
    if (!r || x->query_moves != x->pointer_moves || (r->root_x == x->pointer_x && r->root_y == x->pointer_y))
        return;
    x->pointer_x = r->root_x;
    x->pointer_y = r->root_y;
    if (x->base.listener.pointer)
        x->base.listener.pointer(x->base.listener_arg, r->root_x, r->root_y);
}

/* There is no event for a pointer that the session moves by itself; it is looked at after each capture, as
 * something has happened then. */
void x11_query_pointer(struct x11 *x)
{
    if (x->pointer_asked)
        return;
    x->pointer_asked = true;
    x->query_moves = x->pointer_moves;
    x11_await(x, xcb_query_pointer(x->c, x->root).sequence, 0, on_pointer);
}
