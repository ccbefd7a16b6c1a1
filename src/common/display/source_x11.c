/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <xcb/xcbext.h>

#include "display/source_x11_priv.h"

#define PUMP_ROUNDS 64 /* of events and answers before the loop gets another turn */

void x11_sent(struct x11 *x)
{
    x->sent = true;
    if (!x->in_pump)
        loop_timer_start(x->kick, 0, 0);
}

void x11_await(struct x11 *x, unsigned sequence, unsigned generation, x11_reply_fn fn)
{
    /* Every user has a bounded number under way and the queue holds them all, unless the display sends events
     * that cannot be while it leaves requests unanswered. */
    if (x->wait_count == X11_WAITS) {
        xcb_discard_reply(x->c, sequence);
        x->overrun = true;
        return;
    }
    x->wait[(x->wait_first + x->wait_count++) % X11_WAITS] = (struct x11_wait){sequence, generation, fn};
    x11_sent(x);
}

static void on_event(struct x11 *x, const xcb_generic_event_t *event)
{
    int type = event->response_type & 0x7f;

    /* The error of a request without answer: what it was for will not happen, which its user notices. */
    if (type == 0)
        x11_clipboard_error(x, (const void *)event);
    else if (x11_clipboard_event(x, event))
        return;
    else if (type == x->damage_event + XCB_DAMAGE_NOTIFY)
        x11_dirty(x);
    else if (type == x->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY)
        x11_screen_event(x);
    else if (type == x->fixes_event + XCB_XFIXES_CURSOR_NOTIFY)
        x11_cursor_event(x, (const void *)event);
    else if (type == x->xkb_event)
        x11_xkb_event(x, event);
    else if (type == XCB_MAPPING_NOTIFY)
        x11_keymap_changed(x);
}

/* The answer at the head of the queue, if it is there. */
static bool take_reply(struct x11 *x)
{
    struct x11_wait w = x->wait[x->wait_first];
    xcb_generic_error_t *error = NULL;
    void *reply = NULL;

    if (x->wait_count == 0 || !xcb_poll_for_reply(x->c, w.sequence, &reply, &error))
        return false;
    x->wait_first = (x->wait_first + 1) % X11_WAITS;
    x->wait_count--;
    if (w.generation == 0 || w.generation == x->generation)
        w.fn(x, reply);
    free(reply);
    free(error);
    return true;
}

static bool take_event(struct x11 *x, xcb_generic_event_t *event)
{
    if (!event)
        return false;
    on_event(x, event);
    free(event);
    return true;
}

/* The first two read from the socket, each into the other's queue, too; what is left in memory would not wake
 * the loop again. */
static bool take_any(struct x11 *x)
{
    return take_event(x, xcb_poll_for_event(x->c)) || take_reply(x) ||
           take_event(x, xcb_poll_for_queued_event(x->c));
}

static void fail(struct x11 *x)
{
    x->failed = true;
    x->poll = loop_poll_destroy(x->poll);
    loop_timer_stop(x->kick);
    loop_timer_stop(x->cursor_timer);
    loop_timer_stop(x->key_timer);
    x11_clipboard_stop(x);
    if (x->base.listener.failed)
        x->base.listener.failed(x->base.listener_arg, -EPIPE);
}

static void pump(struct x11 *x)
{
    int rounds = PUMP_ROUNDS;

    if (x->failed)
        return;
    x->in_pump = true;
    while (rounds > 0 && take_any(x))
        rounds--;
    x->in_pump = false;
    if (x->sent)
        xcb_flush(x->c);
    if (x->overrun || xcb_connection_has_error(x->c)) {
        fail(x);
        return;
    }
    /* A flush may have read answers into memory, where the poll does not see them. */
    if (x->sent || rounds == 0)
        loop_timer_start(x->kick, 0, 0);
    x->sent = false;
}

static void on_kick(void *arg)
{
    pump(arg);
}

static void on_ready(void *arg, int ready)
{
    (void)ready;
    pump(arg);
}

static const struct frame *x11_frame(struct source *self)
{
    return &x11_of(self)->frame;
}

static void x11_destroy(struct source *self)
{
    struct x11 *x = x11_of(self);

    if (!x)
        return;
    x->poll = loop_poll_destroy(x->poll);
    if (x->c && !xcb_connection_has_error(x->c)) {
        x11_keys_finish(x);
        if (x->buttons != 0)
            x11_pointer(self, x->pointer_x, x->pointer_y, 0);
        xcb_flush(x->c);
    }
    x11_capture_finish(x);
    x11_cursor_finish(x);
    x11_keymap_finish(x);
    x11_clipboard_finish(x);
    if (x->c)
        xcb_disconnect(x->c);
    loop_timer_destroy(x->kick);
    loop_timer_destroy(x->cursor_timer);
    loop_timer_destroy(x->key_timer);
    free(x->queue);
    free(x);
}

static const struct source_ops ops = {
    .frame = x11_frame,
    .capture = x11_capture,
    .resize = x11_resize,
    .pointer = x11_pointer,
    .wheel = x11_wheel,
    .key = x11_key,
    .clipboard = x11_clipboard,
    .destroy = x11_destroy,
};

static int start(struct x11 *x, const struct source_x11_options *options, char **ret_cause)
{
    int r = loop_timer_create(x->loop, on_kick, x, &x->kick);

    if (r == 0)
        r = x11_connect(x, options, ret_cause);
    if (r == 0)
        r = x11_resize_start(x);
    if (r == 0)
        r = x11_capture_start(x);
    if (r == 0)
        r = x11_keys_start(x);
    if (r == 0)
        r = x11_pointer_start(x);
    if (r == 0)
        r = x11_cursor_start(x);
    if (r == 0)
        r = x11_clipboard_start(x);
    if (r == 0)
        r = loop_poll_create(x->loop, xcb_get_file_descriptor(x->c), LOOP_READ, on_ready, x, &x->poll);
    if (r == 0)
        x11_sent(x);
    return r;
}

int source_x11_create(struct loop *loop, const struct source_x11_options *options, struct source **ret_source,
                      char **ret_cause)
{
    struct x11 *x = xcalloc(1, sizeof(*x));
    char *cause = NULL;
    int r;

    x->base.ops = &ops;
    x->loop = loop;
    x->queue = xcalloc(X11_KEY_QUEUE, sizeof(*x->queue));
    r = start(x, options, &cause);
    if (r < 0) {
        *ret_cause = cause ? cause : xasprintf("the display cannot be used: %s", strerror(-r));
        x11_destroy(&x->base);
        return r;
    }
    *ret_source = &x->base;
    return 0;
}
