/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of clients that send keysyms and no physical keys. The keysym stands for the key: its number is the
 * name under which it is held. */
#include <stdio.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "display/keyboard.h"

#define KEYSYM_MAX 0x1fffffff /* 29 bits */

static struct keyboard_held *find(struct keyboard *kb, uint32_t keysym)
{
    for (size_t i = 0; i < kb->held_count; i++)
        if (kb->held[i].keysym == keysym && kb->held[i].keycode == 0)
            return &kb->held[i];
    return NULL;
}

/* As in keyboard.c: the effect of these is already in the keysyms of other keys, and the session's own locks
 * stay out of it. */
static bool is_silent(uint32_t keysym)
{
    static const uint32_t silent[] = {XKB_KEY_ISO_Level3_Shift, XKB_KEY_Mode_switch, XKB_KEY_Caps_Lock,
                                      XKB_KEY_Shift_Lock,       XKB_KEY_Num_Lock,    XKB_KEY_Scroll_Lock};

    for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
        if (keysym == silent[i])
            return true;
    return keysym >= XKB_KEY_dead_grave && keysym <= XKB_KEY_dead_greek;
}

static bool is_letter(uint32_t keysym)
{
    return (keysym >= 'a' && keysym <= 'z') || (keysym >= 'A' && keysym <= 'Z');
}

/* The letter of a shortcut is large when Shift is held, and only then: Caps Lock does not make another
 * shortcut. */
static uint32_t shortcut_letter(const struct keyboard *kb, uint32_t keysym)
{
    bool shift = false, shortcut = false;

    for (size_t i = 0; i < kb->held_count; i++) {
        uint32_t s = kb->held[i].keysym;

        if (s == XKB_KEY_Shift_L || s == XKB_KEY_Shift_R)
            shift = true;
        else if (s >= XKB_KEY_Control_L && s <= XKB_KEY_Hyper_R)
            shortcut = true;
    }
    if (!shortcut || !is_letter(keysym))
        return keysym;
    return shift ? keysym & ~0x20u : keysym | 0x20u;
}

static void on_up(struct keyboard *kb, uint32_t keysym)
{
    struct keyboard_held *h = find(kb, keysym);

    if (!h && is_letter(keysym))
        h = find(kb, keysym ^ 0x20u);
    if (!h)
        h = find(kb, xkb_keysym_to_upper(keysym));
    if (!h)
        h = find(kb, xkb_keysym_to_lower(keysym));
    if (!h)
        return;
    keysym = h->keysym;
    *h = kb->held[--kb->held_count];
    kb->emit(kb->arg, keysym, 0, false);
}

void keyboard_keysym(struct keyboard *kb, uint32_t keysym, bool down)
{
    struct keyboard_held *h;

    if (keysym == 0 || keysym == XKB_KEY_VoidSymbol || keysym > KEYSYM_MAX || is_silent(keysym))
        return;
    if (!down) {
        on_up(kb, keysym);
        return;
    }
    keysym = shortcut_letter(kb, keysym);
    if (!find(kb, keysym)) {
        if (kb->held_count == KEYBOARD_HELD_MAX)
            return;
        h = &kb->held[kb->held_count++];
        *h = (struct keyboard_held){.keysym = keysym};
        (void)snprintf(h->code, sizeof(h->code), "#%x", (unsigned)keysym);
    }
    kb->emit(kb->arg, keysym, 0, true);
}
