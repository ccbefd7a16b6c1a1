/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <xxhash.h>

#include "base/str.h"
#include "display/clip_text.h"
#include "display/source_x11_clip_priv.h"

static int intern_atoms(struct x11 *x)
{
    static const char *const names[CLIP_ATOMS] = {
        [CLIP_CLIPBOARD] = "CLIPBOARD",
        [CLIP_TARGETS] = "TARGETS",
        [CLIP_TIMESTAMP] = "TIMESTAMP",
        [CLIP_MULTIPLE] = "MULTIPLE",
        [CLIP_ATOM_PAIR] = "ATOM_PAIR",
        [CLIP_INCR] = "INCR",
        [CLIP_UTF8] = "UTF8_STRING",
        [CLIP_TEXT] = "TEXT",
        [CLIP_MIME] = "text/plain;charset=utf-8",
        [CLIP_DATA] = "ISTHMUS_CLIPBOARD",
        [CLIP_STAMP] = "ISTHMUS_STAMP",
    };
    xcb_intern_atom_cookie_t cookies[CLIP_ATOMS];
    int r = 0;

    for (size_t i = 0; i < CLIP_ATOMS; i++)
        cookies[i] = xcb_intern_atom(x->c, false, (uint16_t)strlen(names[i]), names[i]);
    for (size_t i = 0; i < CLIP_ATOMS; i++) {
        xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(x->c, cookies[i], NULL);

        if (reply)
            x->clip->atom[i] = reply->atom;
        else
            r = -EPIPE;
        free(reply);
    }
    return r;
}

static void make_window(struct x11 *x)
{
    static const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    const struct x11_clip *clip = x->clip;

    xcb_create_window(x->c, 0, clip->window, x->root, -1, -1, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY,
                      XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &events);
    xcb_xfixes_select_selection_input(x->c, clip->window, clip->atom[CLIP_CLIPBOARD],
                                      XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER);
}

int x11_clipboard_start(struct x11 *x)
{
    struct x11_clip *clip = x->clip = xcalloc(1, sizeof(*clip));
    int r = intern_atoms(x);

    if (r == 0)
        r = clip_fetch_start(x);
    if (r == 0)
        r = clip_serve_start(x);
    if (r < 0)
        return r;
    clip->window = xcb_generate_id(x->c);
    make_window(x);
    /* With an answer to this, no change is missed from here on. */
    free(
        xcb_get_selection_owner_reply(x->c, xcb_get_selection_owner(x->c, clip->atom[CLIP_CLIPBOARD]), NULL));
    return 0;
}

void x11_clipboard_stop(struct x11 *x)
{
    loop_timer_stop(x->clip->fetch.timer);
    loop_timer_stop(x->clip->serve_timer);
}

static void drop_text(struct x11_clip *clip)
{
    clip->text = rcbuf_unref(clip->text);
    clip->latin1 = rcbuf_unref(clip->latin1);
}

void x11_clipboard_finish(struct x11 *x)
{
    if (!x->clip)
        return;
    clip_fetch_finish(x);
    clip_serve_finish(x);
    drop_text(x->clip);
    free(x->clip);
}

static uint64_t hash_of(const void *text, size_t len)
{
    return XXH3_64bits(text, len);
}

/* An owner has to say since when: a change of a property tells what time it is. */
static void ask_time(struct x11 *x)
{
    struct x11_clip *clip = x->clip;

    clip->asked = xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, clip->window, clip->atom[CLIP_STAMP],
                                      XCB_ATOM_INTEGER, 8, 0, NULL)
                      .sequence;
    x11_sent(x);
}

int x11_clipboard(struct source *self, const char *text, size_t len)
{
    struct x11 *x = x11_of(self);
    struct x11_clip *clip = x->clip;
    struct rcbuf *held;
    char *copy;

    if (x->failed)
        return -EPIPE;
    if (!str_is_utf8(text, len, false))
        return -EINVAL;
    copy = malloc(len + 1);
    if (!copy)
        return -ENOMEM;
    if (len > 0)
        memcpy(copy, text, len);
    len = clip_text_unify_lines(copy, len);
    held = rcbuf_new(copy, len);
    if (!held) {
        free(copy);
        return -ENOMEM;
    }
    drop_text(clip);
    clip->text = held;
    clip->given = true;
    clip->given_hash = hash_of(rcbuf_data(held), len);
    clip_fetch_forget(x);
    if (!clip->claiming)
        ask_time(x);
    clip->claiming = true;
    return 0;
}

static void claim(struct x11 *x, xcb_timestamp_t time)
{
    struct x11_clip *clip = x->clip;

    clip->claiming = false;
    clip->since = time;
    clip->owns = CLIP_OWNS_CLIPBOARD | CLIP_OWNS_PRIMARY;
    xcb_set_selection_owner(x->c, clip->window, clip->atom[CLIP_CLIPBOARD], time);
    xcb_set_selection_owner(x->c, clip->window, XCB_ATOM_PRIMARY, time);
    x11_sent(x);
}

static void lost(struct x11_clip *clip, unsigned selection)
{
    clip->owns &= ~selection;
    if (clip->owns == 0 && !clip->claiming)
        drop_text(clip);
}

static void on_current_owner(struct x11 *x, const void *data)
{
    const xcb_get_selection_owner_reply_t *reply = data;

    x->clip->owner_asked = false;
    if (reply && reply->owner != XCB_NONE && reply->owner != x->clip->window)
        clip_fetch_changed(x, XCB_CURRENT_TIME);
}

/* Any program can destroy any window. Until the new one is there changes are missed, so it is asked who owns
 * the clipboard now. */
static void on_destroyed(struct x11 *x, xcb_window_t window)
{
    struct x11_clip *clip = x->clip;

    if (window != clip->window) {
        clip_serve_gone(x, window);
        return;
    }
    lost(clip, CLIP_OWNS_CLIPBOARD | CLIP_OWNS_PRIMARY);
    make_window(x);
    if (clip->claiming)
        ask_time(x);
    if (!clip->owner_asked)
        x11_await(x, xcb_get_selection_owner(x->c, clip->atom[CLIP_CLIPBOARD]).sequence, 0, on_current_owner);
    clip->owner_asked = true;
}

static void on_owner(struct x11 *x, const xcb_xfixes_selection_notify_event_t *event)
{
    struct x11_clip *clip = x->clip;

    if (event->selection != clip->atom[CLIP_CLIPBOARD] || event->owner == clip->window)
        return;
    lost(clip, CLIP_OWNS_CLIPBOARD);
    if (event->owner != XCB_NONE)
        clip_fetch_changed(x, event->selection_timestamp);
}

static void on_property(struct x11 *x, const xcb_property_notify_event_t *event)
{
    struct x11_clip *clip = x->clip;

    if (event->window != clip->window) {
        clip_fetch_property(x, event);
        clip_serve_property(x, event);
    } else if (event->atom == clip->atom[CLIP_STAMP] && clip->claiming &&
               (int16_t)(event->sequence - (uint16_t)clip->asked) >= 0) {
        /* Another program's change of it, before ours, would give a time that is too early. */
        claim(x, event->time);
    }
}

static void on_clear(struct x11 *x, const xcb_selection_clear_event_t *event)
{
    if (event->selection == XCB_ATOM_PRIMARY)
        lost(x->clip, CLIP_OWNS_PRIMARY);
    else if (event->selection == x->clip->atom[CLIP_CLIPBOARD])
        lost(x->clip, CLIP_OWNS_CLIPBOARD);
}

static bool on_server_event(struct x11 *x, int type, const void *event)
{
    if (type == XCB_PROPERTY_NOTIFY)
        on_property(x, event);
    else if (type == XCB_SELECTION_REQUEST)
        clip_serve_request(x, event);
    else if (type == XCB_SELECTION_CLEAR)
        on_clear(x, event);
    else if (type == XCB_DESTROY_NOTIFY)
        on_destroyed(x, ((const xcb_destroy_notify_event_t *)event)->window);
    else if (type == x->fixes_event + XCB_XFIXES_SELECTION_NOTIFY)
        on_owner(x, event);
    else
        return false;
    return true;
}

bool x11_clipboard_event(struct x11 *x, const xcb_generic_event_t *event)
{
    /* What a program says is a lie, but for the answer to a question. */
    bool said = event->response_type & 0x80;
    int type = event->response_type & 0x7f;

    if (type != XCB_SELECTION_NOTIFY)
        return !said && on_server_event(x, type, event);
    clip_fetch_notify(x, (const void *)event);
    return true;
}

void x11_clipboard_error(struct x11 *x, const xcb_generic_error_t *error)
{
    if (error->error_code == XCB_WINDOW)
        clip_serve_gone(x, error->resource_id);
}

void clip_fetched(struct x11 *x, const char *text, size_t len)
{
    struct x11_clip *clip = x->clip;

    /* A clipboard manager that takes over what a viewer gave has nothing new. */
    if (len == 0 || (clip->given && clip->given_hash == hash_of(text, len)))
        return;
    clip->given = false;
    if (x->base.listener.clipboard)
        x->base.listener.clipboard(x->base.listener_arg, text, len);
}
