/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a browser's keyboard says (DOM code and key) as keysyms and physical keycodes, by the rules of
 * docs/protocol/control.md. One keyboard belongs to one connection and knows what that holds down. */
#ifndef ISTHMUS_DISPLAY_KEYBOARD_H
#define ISTHMUS_DISPLAY_KEYBOARD_H

#include "base/util.h"

#define KEYBOARD_CODE_MAX 32
#define KEYBOARD_HELD_MAX 32 /* more keys than hands can hold */

typedef void (*keyboard_emit_fn)(void *arg, uint32_t keysym, uint32_t keycode, bool down);

struct keyboard {
    keyboard_emit_fn emit;
    void *arg;
    size_t held_count;
    struct keyboard_held {
        char code[KEYBOARD_CODE_MAX + 1];
        uint32_t keysym, keycode;
    } held[KEYBOARD_HELD_MAX];
};

void keyboard_init(struct keyboard *kb, keyboard_emit_fn emit, void *arg);
/* A key went down (again, when it is held: a repetition) or up. code and key as the browser says them;
 * anything unknown is ignored. */
void keyboard_key(struct keyboard *kb, const char *code, const char *key, bool down);
/* Presses and releases a key for each character; text is valid UTF-8. Line ends become Return, tabs become
 * Tab. */
void keyboard_text(struct keyboard *kb, const char *text);
/* The same for a client that knows no physical keys (RFB): a keysym went down or up. What is held under
 * another case of the letter goes up too, as Shift may have been released in between. */
void keyboard_keysym(struct keyboard *kb, uint32_t keysym, bool down);
/* Everything that is held goes up. */
void keyboard_release(struct keyboard *kb);

/* The X keycode (evdev + 8) of a DOM physical code; 0 when unknown. */
uint32_t keyboard_keycode(const char *code);
/* The keysym of a named DOM key on a physical key ("Shift" differs by side); 0 when unknown. */
uint32_t keyboard_named_keysym(const char *code, const char *key);

#endif
