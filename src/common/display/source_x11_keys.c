/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys: a keysym becomes a key of the layout and the modifiers that it needs just then. What is down is
 * remembered, so that up lets go of the same key whatever the mapping says by then. The display does not
 * repeat keys by itself: repetitions come from the browser, so a stalled connection cannot type for ever. */
#include "display/source_x11_priv.h"

#define SHIFT_MASK 1
#define LOCK_MASK 2

static void fake(struct x11 *x, uint8_t keycode, bool down)
{
    xcb_test_fake_input(x->c, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, keycode, XCB_CURRENT_TIME, XCB_NONE, 0,
                        0, 0);
}

static struct x11_pressed *pressed_find(struct x11 *x, uint32_t keysym, uint32_t hint)
{
    for (size_t i = 0; i < x->pressed_count; i++)
        if (x->pressed[i].keysym == keysym && x->pressed[i].hint == hint)
            return &x->pressed[i];
    return NULL;
}

/* Presses or releases every key that is held as Shift. */
static void held_shifts(struct x11 *x, bool down)
{
    for (size_t i = 0; i < x->pressed_count; i++)
        if (x->keymap.modifiers[x->pressed[i].keycode] & SHIFT_MASK)
            fake(x, x->pressed[i].keycode, down);
}

static bool shift_is_held(const struct x11 *x)
{
    for (size_t i = 0; i < x->pressed_count; i++)
        if (x->keymap.modifiers[x->pressed[i].keycode] & SHIFT_MASK)
            return true;
    return false;
}

/* Presses a key so that it gives this level; the modifiers are afterwards as they were. */
static void press_at_level(struct x11 *x, uint8_t keycode, unsigned level)
{
    bool held = shift_is_held(x), wanted = level & KEYMAP_SHIFT;

    if (x->locked & LOCK_MASK) {
        xcb_xkb_latch_lock_state(x->c, XCB_XKB_ID_USE_CORE_KBD, LOCK_MASK, 0, 0, 0, 0, 0, 0);
        x->locked &= (uint8_t)~LOCK_MASK;
    }
    if (wanted && !held)
        fake(x, x->keymap.shift, true);
    else if (!wanted && held)
        held_shifts(x, false);
    if (level & KEYMAP_LEVEL3)
        fake(x, x->keymap.level3, true);
    fake(x, keycode, true);
    if (level & KEYMAP_LEVEL3)
        fake(x, x->keymap.level3, false);
    if (wanted && !held)
        fake(x, x->keymap.shift, false);
    else if (!wanted && held)
        held_shifts(x, true);
}

/* Finds the key for an event and presses it. */
static int press(struct x11 *x, const struct x11_key *key, uint8_t *ret_keycode, uint64_t *ret_wait_ms)
{
    uint8_t hint = key->hint >= x->min_keycode && key->hint <= x->max_keycode ? (uint8_t)key->hint : 0;
    struct keymap_hit hit;
    int r;

    if (key->keysym == 0) {
        if (hint == 0)
            return -ENOENT;
        *ret_keycode = hint;
        fake(x, hint, true);
        return 0;
    }
    if (keymap_is_char(key->keysym)) {
        unsigned level = shift_is_held(x) ? KEYMAP_SHIFT : 0;

        if (keymap_find_char(&x->keymap, key->keysym, x->group, level, hint, &hit) == 0) {
            *ret_keycode = hit.keycode;
            press_at_level(x, hit.keycode, hit.level);
            return 0;
        }
    } else if (keymap_find_key(&x->keymap, key->keysym, x->group, hint, ret_keycode) == 0) {
        fake(x, *ret_keycode, true);
        return 0;
    }
    r = x11_spare_take(x, key->keysym, ret_keycode, ret_wait_ms);
    if (r == 0)
        fake(x, *ret_keycode, true);
    return r;
}

static int on_down(struct x11 *x, const struct x11_key *key, uint64_t *ret_wait_ms)
{
    struct x11_pressed *held = pressed_find(x, key->keysym, key->hint);
    uint8_t keycode;
    int r;

    if (held && x->keymap.modifiers[held->keycode] != 0)
        return 0; /* a modifier is not repeated */
    if (!held && x->pressed_count == X11_PRESSED)
        return 0;
    if (held)
        fake(x, held->keycode, false);
    r = press(x, key, &keycode, ret_wait_ms);
    if (r < 0)
        return r;
    if (held)
        held->keycode = keycode;
    else
        x->pressed[x->pressed_count++] = (struct x11_pressed){key->keysym, key->hint, keycode};
    return 0;
}

static void on_up(struct x11 *x, const struct x11_key *key)
{
    struct x11_pressed *held = pressed_find(x, key->keysym, key->hint);

    if (!held)
        return;
    fake(x, held->keycode, false);
    *held = x->pressed[--x->pressed_count];
}

static void release_all(struct x11 *x)
{
    while (x->pressed_count > 0)
        fake(x, x->pressed[--x->pressed_count].keycode, false);
}

static void run(struct x11 *x)
{
    while (x->queue_count > 0) {
        const struct x11_key *key = &x->queue[x->queue_first];
        uint64_t wait_ms = 0;

        if (!key->down) {
            on_up(x, key);
        } else if (on_down(x, key, &wait_ms) == -EAGAIN) {
            loop_timer_start(x->key_timer, wait_ms, 0);
            return;
        }
        x->queue_first = (x->queue_first + 1) % X11_KEY_QUEUE;
        x->queue_count--;
    }
    if (x->queue_lost) {
        x->queue_lost = false;
        release_all(x);
    }
}

static void on_timer(void *arg)
{
    struct x11 *x = arg;

    run(x);
    x11_sent(x);
}

void x11_key(struct source *self, uint32_t keysym, uint32_t keycode, bool down)
{
    struct x11 *x = x11_of(self);
    bool waiting = x->queue_count > 0;

    if (x->failed)
        return;
    if (x->queue_count == X11_KEY_QUEUE) {
        x->queue_lost = true; /* an up may be among the lost */
        return;
    }
    x->queue[(x->queue_first + x->queue_count++) % X11_KEY_QUEUE] = (struct x11_key){keysym, keycode, down};
    if (waiting)
        return;
    run(x);
    x11_sent(x);
}

/* Keys that an earlier streamer left down would stay so for ever. */
static int release_foreign(struct x11 *x)
{
    xcb_query_keymap_reply_t *r = xcb_query_keymap_reply(x->c, xcb_query_keymap(x->c), NULL);

    if (!r)
        return -EIO;
    for (unsigned keycode = x->min_keycode; keycode <= x->max_keycode; keycode++)
        if (r->keys[keycode / 8] & (1u << keycode % 8))
            fake(x, (uint8_t)keycode, false);
    free(r);
    return 0;
}

int x11_keys_start(struct x11 *x)
{
    const uint32_t off = XCB_AUTO_REPEAT_MODE_OFF;
    int r = loop_timer_create(x->loop, on_timer, x, &x->key_timer);

    if (r == 0)
        r = x11_keymap_start(x);
    if (r == 0)
        r = release_foreign(x);
    if (r == 0)
        xcb_change_keyboard_control(x->c, XCB_KB_AUTO_REPEAT_MODE, &off);
    return r;
}

void x11_keys_finish(struct x11 *x)
{
    release_all(x);
}
