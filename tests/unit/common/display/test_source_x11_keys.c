/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typing on a real X server: what is typed is what a client reads, whatever the layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "common/display/x_source.h"

/* What a client makes of key presses: the character by the core mapping, Shift and the third level. */
struct typed {
    char text[8192];
    size_t len;
    int downs, ups;
};

static uint32_t lookup(struct state *s, uint8_t keycode, uint16_t mods)
{
    xcb_get_keyboard_mapping_reply_t *r =
        xcb_get_keyboard_mapping_reply(s->c, xcb_get_keyboard_mapping(s->c, keycode, 1), NULL);
    unsigned level = (mods & XCB_MOD_MASK_SHIFT ? 1 : 0) + (mods & XCB_MOD_MASK_5 ? 4u : 0);
    uint32_t keysym = level < r->keysyms_per_keycode ? xcb_get_keyboard_mapping_keysyms(r)[level] : 0;

    free(r);
    return keysym;
}

/* Reads events until a key with keysym End comes up, which the test types last. */
static void read_typed(struct state *s, struct typed *t)
{
    bool end = false;

    *t = (struct typed){0};
    while (!end) {
        xcb_generic_event_t *e = xcb_poll_for_event(s->c);

        if (!e) {
            loop_timer_start(s->deadline, 5,
                             0); /* the source may be pacing its spare keys: its loop has to turn */
            loop_run(s->loop);
            continue;
        }
        if ((e->response_type & 0x7f) == XCB_KEY_PRESS) {
            xcb_key_press_event_t *k = (void *)e;
            uint32_t keysym = lookup(s, k->detail, k->state);
            int n;

            t->downs++;
            end = keysym == XKB_KEY_End;
            n = xkb_keysym_to_utf8(keysym, t->text + t->len, sizeof(t->text) - t->len);
            if (n > 1 && !end && keysym != XKB_KEY_Return)
                t->len += (size_t)n - 1;
        } else if ((e->response_type & 0x7f) == XCB_KEY_RELEASE) {
            t->ups++;
        }
        free(e);
    }
    t->text[t->len] = '\0';
}

static void on_key(void *arg, uint32_t keysym, uint32_t keycode, bool down)
{
    struct state *s = arg;

    source_key(s->source, keysym, keycode, down);
}

static void type_end(struct keyboard *kb)
{
    keyboard_key(kb, "End", "End", true);
    keyboard_key(kb, "End", "End", false);
}

static void check_text(struct state *s, const char *text)
{
    struct keyboard kb;
    struct typed t;

    keyboard_init(&kb, on_key, s);
    keyboard_text(&kb, text);
    type_end(&kb);
    read_typed(s, &t);
    assert_string_equal(t.text, text);
}

static void test_text(void **state)
{
    struct state *s = *state;
    char many[4000];
    size_t len = 0;

    check_text(s, "Hello, World! ~`|\\{}[]<>@#$%^&*()_+-=0123456789");
    check_text(s, "äöüß ÄÖÜ é € 漢字 жЖ 😀 ∑≠");
    /* Far more characters than there are spare keys. */
    for (uint32_t c = 0x4e00; c < 0x4e00 + 200; c++)
        len += (size_t)snprintf(many + len, sizeof(many) - len, "%c%c%c", 0xe0 | (int)(c >> 12),
                                0x80 | (int)(c >> 6 & 0x3f), 0x80 | (int)(c & 0x3f));
    check_text(s, many);
}

static void test_keys(void **state)
{
    struct state *s = *state;
    struct keyboard kb;
    struct typed t;

    keyboard_init(&kb, on_key, s);
    /* A German "/" is Shift+7; the session's layout is American. */
    keyboard_key(&kb, "ShiftLeft", "Shift", true);
    keyboard_key(&kb, "Digit7", "/", true);
    keyboard_key(&kb, "Digit7", "/", false);
    keyboard_key(&kb, "KeyA", "A", true);
    keyboard_key(&kb, "KeyA", "A", false);
    keyboard_key(&kb, "ShiftLeft", "Shift", false);
    /* AltGr+Q is "@" there; Windows sends a Control before AltGr. */
    keyboard_key(&kb, "ControlLeft", "Control", true);
    keyboard_key(&kb, "AltRight", "AltGraph", true);
    keyboard_key(&kb, "KeyQ", "@", true);
    keyboard_key(&kb, "KeyQ", "@", false);
    keyboard_key(&kb, "AltRight", "AltGraph", false);
    keyboard_key(&kb, "ControlLeft", "Control", false);
    /* Z and Y are swapped. */
    keyboard_key(&kb, "KeyY", "z", true);
    keyboard_key(&kb, "KeyY", "z", false);
    type_end(&kb);
    read_typed(s, &t);
    assert_string_equal(t.text, "/A@z");
}

static void test_key_repeat_and_release(void **state)
{
    struct state *s = *state;
    struct keyboard kb;
    struct typed t;

    keyboard_init(&kb, on_key, s);
    for (int i = 0; i < 5; i++)
        keyboard_key(&kb, "KeyX", "x", true);
    keyboard_key(&kb, "KeyX", "X", false); /* up by code, whatever the key says by now */
    type_end(&kb);
    read_typed(s, &t);
    assert_string_equal(t.text, "xxxxx");

    keyboard_key(&kb, "ShiftLeft", "Shift", true);
    keyboard_key(&kb, "ControlLeft", "Control", true);
    keyboard_key(&kb, "KeyC", "C", true);
    keyboard_release(&kb);
    type_end(&kb);
    read_typed(s, &t);
    assert_int_equal(t.downs, 4); /* three and End */
    {
        xcb_query_keymap_reply_t *r = xcb_query_keymap_reply(s->c, xcb_query_keymap(s->c), NULL);

        for (size_t i = 0; i < sizeof(r->keys); i++)
            assert_int_equal(r->keys[i], 0);
        free(r);
    }
}

/* A shortcut on a Cyrillic keyboard arrives as the physical key. */
static void test_cyrillic_shortcut(void **state)
{
    struct state *s = *state;
    struct keyboard kb;
    struct typed t;

    keyboard_init(&kb, on_key, s);
    keyboard_key(&kb, "ControlLeft", "Control", true);
    keyboard_key(&kb, "KeyC", "с", true);
    keyboard_key(&kb, "KeyC", "с", false);
    keyboard_key(&kb, "ControlLeft", "Control", false);
    keyboard_key(&kb, "KeyC", "с", true);
    keyboard_key(&kb, "KeyC", "с", false);
    type_end(&kb);
    read_typed(s, &t);
    assert_string_equal(t.text, "cс");
}

static void test_layout_change(void **state)
{
    struct state *s = *state;
    char *argv[] = {"setxkbmap", "de", NULL};
    pid_t pid;

    if (x_fixture_spawn(&s->x, argv, &pid) < 0)
        skip();
    waitpid(pid, NULL, 0);
    /* The event of the new mapping comes before the answers to the first capture, the mapping (asked for
     * again when more events came meanwhile) before those to the later ones. */
    for (int i = 0; i < 4; i++)
        capture(s);
    check_text(s, "z/ß@€|漢");
}

/* Keysyms that the display itself would act on, the first of them by ending. */
static void test_server_keys(void **state)
{
    static const uint32_t keysyms[] = {XKB_KEY_Terminate_Server,   XKB_KEY_SlowKeys_Enable,
                                       XKB_KEY_Pointer_EnableKeys, XKB_KEY_XF86ClearGrab,
                                       XKB_KEY_XF86Switch_VT_1,    XKB_KEY_Next_Virtual_Screen};
    struct state *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(keysyms); i++) {
        source_key(s->source, keysyms[i], 0, true);
        source_key(s->source, keysyms[i], 0, false);
    }
    check_text(s, "still here");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_text),
                                       TEST(test_keys),
                                       TEST(test_key_repeat_and_release),
                                       TEST(test_cyrillic_shortcut),
                                       TEST(test_layout_change),
                                       TEST(test_server_keys)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
