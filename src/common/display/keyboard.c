/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/keyboard.h"

#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"

void keyboard_init(struct keyboard *kb, keyboard_emit_fn emit, void *arg)
{
    *kb = (struct keyboard){.emit = emit, .arg = arg};
}

/* Decodes one character of valid UTF-8 and moves past it. */
static uint32_t next_char(const char **at)
{
    const uint8_t *p = (const uint8_t *)*at;
    unsigned extra = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
    uint32_t c = extra == 0 ? p[0] : p[0] & (0x3fu >> extra);

    for (unsigned i = 1; i <= extra; i++)
        c = c << 6 | (p[i] & 0x3f);
    *at += extra + 1;
    return c;
}

static bool is_one_char(const char *key)
{
    const char *at = key;

    if (*at == '\0')
        return false;
    next_char(&at);
    return *at == '\0';
}

static bool is_name(const char *key)
{
    return (key[0] >= 'A' && key[0] <= 'Z') && key[1] >= '0' && key[1] < 0x7f;
}

static uint32_t char_keysym(uint32_t c)
{
    if (c == '\n' || c == '\r')
        return XKB_KEY_Return;
    if (c == '\t')
        return XKB_KEY_Tab;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return 0;
    return xkb_utf32_to_keysym(c);
}

static struct keyboard_held *find(struct keyboard *kb, const char *code)
{
    for (size_t i = 0; i < kb->held_count; i++)
        if (str_eq(kb->held[i].code, code))
            return &kb->held[i];
    return NULL;
}

static void release_one(struct keyboard *kb, struct keyboard_held *h)
{
    uint32_t keysym = h->keysym, keycode = h->keycode;

    *h = kb->held[--kb->held_count];
    kb->emit(kb->arg, keysym, keycode, false);
}

static bool is_modifier(uint32_t keysym)
{
    return keysym >= XKB_KEY_Shift_L && keysym <= XKB_KEY_Hyper_R;
}

/* Control, Alt or Meta: the key is a shortcut, not text. */
static bool shortcut_held(const struct keyboard *kb)
{
    for (size_t i = 0; i < kb->held_count; i++) {
        uint32_t s = kb->held[i].keysym;

        if (is_modifier(s) && s != XKB_KEY_Shift_L && s != XKB_KEY_Shift_R)
            return true;
    }
    return false;
}

static bool is_held(const struct keyboard *kb, uint32_t keysym)
{
    for (size_t i = 0; i < kb->held_count; i++)
        if (kb->held[i].keysym == keysym)
            return true;
    return false;
}

/* The letter of a shortcut is large when Shift is held, and only then: browsers tell a large one with Caps
 * Lock, where Control+C has to stay what it is, and on some systems a small one in spite of Shift. */
static uint32_t shortcut_letter(const struct keyboard *kb, uint32_t c)
{
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) || !shortcut_held(kb))
        return c;
    return is_held(kb, XKB_KEY_Shift_L) || is_held(kb, XKB_KEY_Shift_R) ? c & ~0x20u : c | 0x20u;
}

/* The operators of the number pad are keys of their own, its digits are plain text. */
static uint32_t numpad_keysym(const char *code)
{
    static const struct {
        const char *code;
        uint32_t keysym;
    } pad[] = {
        {"NumpadAdd", XKB_KEY_KP_Add},
        {"NumpadSubtract", XKB_KEY_KP_Subtract},
        {"NumpadMultiply", XKB_KEY_KP_Multiply},
        {"NumpadDivide", XKB_KEY_KP_Divide},
    };

    for (size_t i = 0; i < ARRAY_SIZE(pad); i++)
        if (str_eq(code, pad[i].code))
            return pad[i].keysym;
    return 0;
}

static void resolve(const struct keyboard *kb, const char *code, const char *key, uint32_t *ret_keysym,
                    uint32_t *ret_keycode)
{
    const char *at = key;
    uint32_t c;

    *ret_keycode = keyboard_keycode(code);
    if (!is_one_char(key)) {
        *ret_keysym = keyboard_named_keysym(code, key);
        return;
    }
    c = shortcut_letter(kb, next_char(&at));
    if (c > 0x7e && shortcut_held(kb) && *ret_keycode != 0) {
        *ret_keysym = 0;
        return;
    }
    *ret_keysym = numpad_keysym(code);
    if (*ret_keysym == 0)
        *ret_keysym = char_keysym(c);
}

static void press(struct keyboard *kb, const char *code, const char *key)
{
    struct keyboard_held h;

    if (kb->held_count == KEYBOARD_HELD_MAX || str_copy(h.code, sizeof(h.code), code) < 0)
        return;
    resolve(kb, code, key, &h.keysym, &h.keycode);
    if (h.keysym == 0 && (h.keycode == 0 || !(is_one_char(key) || str_eq(key, "Unidentified"))))
        return;
    /* Without a physical code up could not be told from another key's: this one is not held. */
    kb->emit(kb->arg, h.keysym, h.keycode, true);
    if (code[0] == '\0')
        kb->emit(kb->arg, h.keysym, h.keycode, false);
    else
        kb->held[kb->held_count++] = h;
}

static void on_up(struct keyboard *kb, const char *code)
{
    struct keyboard_held *h = find(kb, code);
    bool meta = h && (h->keysym == XKB_KEY_Super_L || h->keysym == XKB_KEY_Super_R);

    if (!h)
        return;
    release_one(kb, h);
    /* macOS does not report the release of keys that went up while Meta was held. */
    for (size_t i = kb->held_count; meta && i > 0; i--)
        if (!is_modifier(kb->held[i - 1].keysym))
            release_one(kb, &kb->held[i - 1]);
}

/* The effect of these is already in the text that other keys produce; the session's own locks stay out of it.
 */
static bool is_silent(const char *key)
{
    static const char *const keys[] = {"AltGraph", "CapsLock", "NumLock", "Dead",
                                       "Process",  "Fn",       "FnLock",  "Symbol"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (str_eq(key, keys[i]))
            return true;
    return false;
}

void keyboard_key(struct keyboard *kb, const char *code, const char *key, bool down)
{
    struct keyboard_held *h = find(kb, code);

    if (!down) {
        on_up(kb, code);
        return;
    }
    if (str_eq(key, "AltGraph")) {
        /* Windows sends a Control of its own before AltGr. */
        struct keyboard_held *control = find(kb, "ControlLeft");

        if (control)
            release_one(kb, control);
    }
    if (is_silent(key))
        return;
    if (h)
        kb->emit(kb->arg, h->keysym, h->keycode, true);
    else if (is_one_char(key) || is_name(key))
        press(kb, code, key);
    else
        keyboard_text(kb, key); /* several characters: what an input method or a dead key composed */
}

void keyboard_text(struct keyboard *kb, const char *text)
{
    for (const char *at = text; *at;) {
        uint32_t c = next_char(&at);
        uint32_t keysym = char_keysym(c);

        if (c == '\r' && *at == '\n')
            continue;
        if (keysym == 0)
            continue;
        kb->emit(kb->arg, keysym, 0, true);
        kb->emit(kb->arg, keysym, 0, false);
    }
}

void keyboard_release(struct keyboard *kb)
{
    while (kb->held_count > 0)
        release_one(kb, &kb->held[kb->held_count - 1]);
}
