/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/keymap.h"

#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#define UNICODE 0x01000000u

bool keymap_is_char(uint32_t keysym)
{
    uint32_t c;

    if (keysym >= XKB_KEY_KP_Space && keysym <= XKB_KEY_KP_9)
        return false;
    c = xkb_keysym_to_utf32(keysym);
    return c >= 0x20 && c != 0x7f;
}

uint32_t keymap_normalise(uint32_t keysym)
{
    return keymap_is_char(keysym) ? UNICODE | xkb_keysym_to_utf32(keysym) : keysym;
}

/* Where a level of a group stands in the core protocol's row. */
static unsigned column(unsigned group, unsigned level)
{
    static const unsigned columns[2][KEYMAP_LEVELS] = {{0, 1, 4, 5}, {2, 3, 6, 7}};

    return columns[group][level];
}

static void build_key(struct keymap *map, unsigned keycode, const uint32_t *row, unsigned width)
{
    bool any = false;

    for (unsigned group = 0; group < 2; group++) {
        for (unsigned level = 0; level < KEYMAP_LEVELS; level++) {
            unsigned i = column(group, level);
            uint32_t keysym = i < width ? row[i] : 0;

            map->keysym[keycode][group][level] = keymap_normalise(keysym);
            any = any || keysym != 0;
        }
    }
    if (map->keysym[keycode][0][0] == XKB_KEY_ISO_Level3_Shift && !map->level3)
        map->level3 = (uint8_t)keycode;
    if (map->keysym[keycode][0][0] == XKB_KEY_Shift_L && !map->shift)
        map->shift = (uint8_t)keycode;
    if (!any && map->modifiers[keycode] == 0)
        map->empty[map->empty_count++] = (uint8_t)keycode;
}

void keymap_build(struct keymap *map, unsigned min, unsigned max, const uint32_t *keysyms, unsigned width,
                  const uint8_t *modifier_keycodes, unsigned per_modifier)
{
    memset(map, 0, sizeof(*map));
    map->min = MAX(min, 8u);
    map->max = MIN(max, 255u);
    for (unsigned i = 0; i < 8 * per_modifier; i++)
        if (modifier_keycodes[i] != 0)
            map->modifiers[modifier_keycodes[i]] |= (uint8_t)(1u << (i / per_modifier));
    for (unsigned keycode = map->min; keycode <= map->max; keycode++)
        build_key(map, keycode, keysyms + (size_t)(keycode - min) * width, width);
}

static bool reachable(const struct keymap *map, unsigned level)
{
    return (!(level & KEYMAP_SHIFT) || map->shift) && (!(level & KEYMAP_LEVEL3) || map->level3);
}

/* Levels of one key, the one that needs no change of modifiers first. */
static bool find_level(const struct keymap *map, unsigned keycode, uint32_t wanted, unsigned group,
                       unsigned now, unsigned *ret_level)
{
    for (unsigned i = 0; i < KEYMAP_LEVELS; i++) {
        unsigned level = i ^ now;

        if (map->keysym[keycode][group][level] == wanted && reachable(map, level)) {
            *ret_level = level;
            return true;
        }
    }
    return false;
}

int keymap_find_char(const struct keymap *map, uint32_t keysym, unsigned group, unsigned level,
                     uint8_t preferred, struct keymap_hit *ret_hit)
{
    uint32_t wanted = keymap_normalise(keysym);
    unsigned best = KEYMAP_LEVELS, found;

    group = MIN(group, 1u);
    if (preferred >= map->min && find_level(map, preferred, wanted, group, level, &found)) {
        *ret_hit = (struct keymap_hit){preferred, (uint8_t)found};
        return 0;
    }
    for (unsigned keycode = map->min; keycode <= map->max; keycode++) {
        if (find_level(map, keycode, wanted, group, level, &found) && (found ^ level) < best) {
            best = found ^ level;
            *ret_hit = (struct keymap_hit){(uint8_t)keycode, (uint8_t)found};
        }
    }
    return best < KEYMAP_LEVELS ? 0 : -ENOENT;
}

int keymap_find_key(const struct keymap *map, uint32_t keysym, unsigned group, uint8_t preferred,
                    uint8_t *ret_keycode)
{
    uint32_t wanted = keymap_normalise(keysym);

    group = MIN(group, 1u);
    if (preferred >= map->min && map->keysym[preferred][group][0] == wanted) {
        *ret_keycode = preferred;
        return 0;
    }
    for (unsigned keycode = map->min; keycode <= map->max; keycode++) {
        if (map->keysym[keycode][group][0] == wanted) {
            *ret_keycode = (uint8_t)keycode;
            return 0;
        }
    }
    return -ENOENT;
}
