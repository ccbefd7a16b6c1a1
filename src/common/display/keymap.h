/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A display's keyboard mapping: which key with which modifiers gives which keysym. Pure functions. */
#ifndef ISTHMUS_DISPLAY_KEYMAP_H
#define ISTHMUS_DISPLAY_KEYMAP_H

#include "base/util.h"

#define KEYMAP_MAX_WIDTH 16

/* Shift is level bit 0, the third-level shift (AltGr) bit 1. */
enum { KEYMAP_SHIFT = 1, KEYMAP_LEVEL3 = 2, KEYMAP_LEVELS = 4 };

struct keymap {
    unsigned min, max;                      /* keycodes */
    uint32_t keysym[256][2][KEYMAP_LEVELS]; /* of both groups; normalised: a character is 0x01000000 + its
                                               code point */
    uint8_t modifiers[256]; /* modifier mask of each keycode: 1 Shift, 2 Lock, 4 Control ... */
    uint8_t shift, level3;  /* keycodes that give these modifiers; 0: none */
    uint8_t empty[256];     /* keycodes without keysym and modifier: can be lent */
    size_t empty_count;
};

struct keymap_hit {
    uint8_t keycode;
    uint8_t level;
};

/* From the core protocol's tables: width keysyms for each keycode from min on, and the keycodes of the 8
 * modifiers, per_modifier each. */
void keymap_build(struct keymap *map, unsigned min, unsigned max, const uint32_t *keysyms, unsigned width,
                  const uint8_t *modifier_keycodes, unsigned per_modifier);

/* The same number for all keysyms that produce the same character (number pad keys stay what they are). */
uint32_t keymap_normalise(uint32_t keysym);
bool keymap_is_char(uint32_t keysym);

/* The key to press for a character: preferred (0: none) when it gives it, with the modifiers as they are
 * (level) if possible. -ENOENT. */
int keymap_find_char(const struct keymap *map, uint32_t keysym, unsigned group, unsigned level,
                     uint8_t preferred, struct keymap_hit *ret_hit);
/* The key that has this keysym when no modifier is held; -ENOENT. */
int keymap_find_key(const struct keymap *map, uint32_t keysym, unsigned group, uint8_t preferred,
                    uint8_t *ret_keycode);

#endif
