/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The display's keyboard mapping, followed as clients change it, and the keycodes lent to characters it
 * lacks. */
#include "base/clock.h"
#include "display/source_x11_priv.h"

/* Clients read the mapping when they see the event, not in step with the keys: a keycode gets another meaning
 * only when the old one had this long to be read. */
#define SPARE_REST_MS 150

static bool newer(unsigned a, unsigned b)
{
    return (int)(a - b) > 0;
}

/* Spares of ours that the new mapping still shows, then the keycodes that it leaves empty. */
static void spares_update(struct x11 *x)
{
    size_t kept = 0;

    for (size_t i = 0; i < x->spare_count; i++) {
        struct x11_spare s = x->spare[i];
        uint32_t now = x->keymap.keysym[s.keycode][0][0];

        if (newer(s.changed, x->keymap_sequence) || (s.keysym != 0 && now == keymap_normalise(s.keysym)))
            x->spare[kept++] = s;
    }
    x->spare_count = kept;
    for (size_t i = x->keymap.empty_count; i > 0 && x->spare_count < X11_SPARES; i--) {
        uint8_t keycode = x->keymap.empty[i - 1];
        bool known = false;

        for (size_t k = 0; k < kept; k++)
            known = known || x->spare[k].keycode == keycode;
        if (!known)
            x->spare[x->spare_count++] =
                (struct x11_spare){.keycode = keycode, .changed = x->keymap_sequence};
    }
    /* What is lent is found through the spare, never as a key of the layout. */
    for (size_t i = 0; i < x->spare_count; i++)
        memset(x->keymap.keysym[x->spare[i].keycode], 0, sizeof(x->keymap.keysym[0]));
}

static bool take_keysyms(struct x11 *x, const xcb_get_keyboard_mapping_reply_t *r)
{
    unsigned count = x->max_keycode - x->min_keycode + 1u;

    if (!r || r->keysyms_per_keycode == 0 ||
        (unsigned)xcb_get_keyboard_mapping_keysyms_length(r) < count * r->keysyms_per_keycode)
        return false;
    free(x->keymap_keysyms);
    x->keymap_width = r->keysyms_per_keycode;
    x->keymap_keysyms = xcalloc((size_t)count * x->keymap_width, sizeof(uint32_t));
    memcpy(x->keymap_keysyms, xcb_get_keyboard_mapping_keysyms(r),
           (size_t)count * x->keymap_width * sizeof(uint32_t));
    return true;
}

static void take_modifiers(struct x11 *x, const xcb_get_modifier_mapping_reply_t *r)
{
    if (!r || !x->keymap_keysyms || 4 * (uint64_t)r->length < 8u * r->keycodes_per_modifier)
        return;
    keymap_build(&x->keymap, x->min_keycode, x->max_keycode, x->keymap_keysyms, x->keymap_width,
                 xcb_get_modifier_mapping_keycodes(r), r->keycodes_per_modifier);
    spares_update(x);
}

static void on_keysyms(struct x11 *x, const void *reply)
{
    take_keysyms(x, reply);
}

static void on_modifiers(struct x11 *x, const void *reply)
{
    take_modifiers(x, reply);
    x->keymap_asked = false;
    if (x->keymap_again)
        x11_keymap_changed(x);
}

static xcb_get_keyboard_mapping_cookie_t ask_keysyms(struct x11 *x)
{
    return xcb_get_keyboard_mapping(x->c, x->min_keycode, (uint8_t)(x->max_keycode - x->min_keycode + 1));
}

void x11_keymap_changed(struct x11 *x)
{
    unsigned sequence;

    x->keymap_again = x->keymap_asked;
    if (x->keymap_asked)
        return;
    x->keymap_asked = true;
    sequence = ask_keysyms(x).sequence;
    x->keymap_sequence = sequence;
    x11_await(x, sequence, 0, on_keysyms);
    x11_await(x, xcb_get_modifier_mapping(x->c).sequence, 0, on_modifiers);
}

void x11_xkb_event(struct x11 *x, const xcb_generic_event_t *event)
{
    const xcb_xkb_state_notify_event_t *state = (const void *)event;

    if (state->xkbType == XCB_XKB_STATE_NOTIFY) {
        x->group = state->group;
        x->locked = state->lockedMods;
    } else {
        x11_keymap_changed(x);
    }
}

int x11_keymap_start(struct x11 *x)
{
    const uint16_t events = XCB_XKB_EVENT_TYPE_STATE_NOTIFY | XCB_XKB_EVENT_TYPE_MAP_NOTIFY |
                            XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY;
    xcb_get_keyboard_mapping_cookie_t cookie = ask_keysyms(x);
    xcb_get_keyboard_mapping_reply_t *keysyms = xcb_get_keyboard_mapping_reply(x->c, cookie, NULL);
    xcb_get_modifier_mapping_reply_t *modifiers =
        xcb_get_modifier_mapping_reply(x->c, xcb_get_modifier_mapping(x->c), NULL);
    xcb_xkb_get_state_reply_t *state =
        xcb_xkb_get_state_reply(x->c, xcb_xkb_get_state(x->c, XCB_XKB_ID_USE_CORE_KBD), NULL);
    int r = -EIO;

    if (state && modifiers && take_keysyms(x, keysyms)) {
        x->keymap_sequence = cookie.sequence;
        x->group = state->group;
        x->locked = state->lockedMods;
        take_modifiers(x, modifiers);
        r = 0;
    }
    free(keysyms);
    free(modifiers);
    free(state);
    xcb_xkb_select_events(x->c, XCB_XKB_ID_USE_CORE_KBD, events, 0, events, 0xff, 0xff, NULL);
    return r;
}

void x11_keymap_finish(struct x11 *x)
{
    free(x->keymap_keysyms);
    x->keymap_keysyms = NULL;
}

static bool is_pressed(const struct x11 *x, uint8_t keycode)
{
    for (size_t i = 0; i < x->pressed_count; i++)
        if (x->pressed[i].keycode == keycode)
            return true;
    return false;
}

/* The one that has the keysym; else one never used; else the one used longest ago. */
static struct x11_spare *spare_choose(struct x11 *x, uint32_t keysym)
{
    struct x11_spare *best = NULL;

    for (size_t i = 0; i < x->spare_count; i++) {
        struct x11_spare *s = &x->spare[i];

        if (s->keysym == keysym)
            return s;
        if (!is_pressed(x, s->keycode) && (!best || s->used_ms < best->used_ms))
            best = s;
    }
    return best;
}

/* What the display does something about by itself: ends, lets go of grabs, switches screens, makes the
 * keyboard slow, has its number pad move the pointer. A key that has such a keysym gets the action too. */
static bool is_for_the_server(uint32_t keysym)
{
    return (keysym >= 0xfe70 && keysym <= 0xfe7f) || /* AccessX_Enable ... */
           (keysym >= 0xfed0 && keysym <= 0xfeff) || /* First_Virtual_Screen, Terminate_Server, Pointer_... */
           (keysym >= 0x1008fe00 && keysym <= 0x1008feff); /* Switch_VT_1, ClearGrab ... */
}

int x11_spare_take(struct x11 *x, uint32_t keysym, uint8_t *ret_keycode, uint64_t *ret_wait_ms)
{
    struct x11_spare *s = is_for_the_server(keysym) ? NULL : spare_choose(x, keysym);
    uint64_t now = clock_monotonic_ms(NULL);

    if (!s)
        return -ENOSPC;
    if (s->keysym != keysym) {
        const uint32_t both[] = {keysym, keysym}; /* with Shift and without */

        if (s->used_ms != 0 && now - s->used_ms < SPARE_REST_MS) {
            *ret_wait_ms = SPARE_REST_MS - (now - s->used_ms);
            return -EAGAIN;
        }
        s->changed = xcb_change_keyboard_mapping(x->c, 1, s->keycode, 2, both).sequence;
        s->keysym = keysym;
    }
    s->used_ms = now;
    *ret_keycode = s->keycode;
    return 0;
}
