/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyboard and input: what the source is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include <stdio.h>

#include "display/input.h"
#include "display/source_test.h"

struct state {
    struct loop *loop;
    struct source *source;
    struct input_group group;
    struct input a, b;
    size_t seen;
};

static int setup(void **state)
{
    struct state *s = xcalloc(1, sizeof(*s));

    *state = s;
    assert_int_equal(loop_create(&s->loop), 0);
    assert_int_equal(source_test_create(s->loop, 640, 480, &s->source), 0);
    input_group_init(&s->group, s->source);
    input_open(&s->a, &s->group);
    input_open(&s->b, &s->group);
    return 0;
}

static int teardown(void **state)
{
    struct state *s = *state;

    input_close(&s->a);
    input_close(&s->b);
    source_destroy(s->source);
    loop_destroy(s->loop);
    free(s);
    return 0;
}

static void say(struct input *input, const char *json)
{
    struct control_message m;
    char error[JSON_ERROR_LEN];

    if (control_parse(json, strlen(json), &m, error) < 0)
        fail_msg("%s: %s", json, error);
    assert_int_equal(input_message(input, &m), 0);
    control_message_finish(&m);
}

/* What has arrived since the last call. */
static void expect(struct state *s, const char *want)
{
    const char *all = source_test_input(s->source);

    assert_string_equal(all + s->seen, want);
    s->seen = strlen(all);
}

static void key(struct input *input, const char *code, const char *name, bool down)
{
    keyboard_key(&input->keyboard, code, name, down);
}

static void test_pointer(void **state)
{
    struct state *s = *state;

    say(&s->a, "{\"type\":\"pointer\",\"x\":-7,\"y\":9999,\"buttons\":1}");
    expect(s, "p0,479,1 ");
    say(&s->b, "{\"type\":\"pointer\",\"x\":5,\"y\":6,\"buttons\":2}");
    expect(s, "p5,6,3 ");
    input_close(&s->a);
    expect(s, "p5,6,2 ");
    input_close(&s->a); /* twice is harmless */
    expect(s, "");
}

static void test_wheel(void **state)
{
    struct state *s = *state;

    say(&s->a, "{\"type\":\"wheel\",\"x\":0,\"y\":0,\"dx\":0,\"dy\":50}");
    say(&s->a, "{\"type\":\"wheel\",\"x\":0,\"y\":0,\"dx\":0,\"dy\":50}");
    expect(s, "");
    say(&s->a, "{\"type\":\"wheel\",\"x\":0,\"y\":0,\"dx\":-240,\"dy\":30}");
    expect(s, "w-2,1 ");
    say(&s->a, "{\"type\":\"wheel\",\"x\":3,\"y\":4,\"dx\":0,\"dy\":110}");
    expect(s, "p3,4,0 w0,1 ");
}

static void test_keys(void **state)
{
    struct state *s = *state;

    key(&s->a, "KeyA", "a", true);
    key(&s->a, "KeyA", "a", true);
    key(&s->a, "KeyA", "A", false);
    expect(s, "k0061,38,1 k0061,38,1 k0061,38,0 ");
    key(&s->a, "KeyA", "a", false); /* not held */
    expect(s, "");
    key(&s->a, "Enter", "Enter", true);
    key(&s->a, "Enter", "Enter", false);
    key(&s->a, "NumpadEnter", "Enter", true);
    key(&s->a, "NumpadEnter", "Enter", false);
    expect(s, "kff0d,36,1 kff0d,36,0 kff8d,104,1 kff8d,104,0 ");
    key(&s->a, "F24", "F24", true);
    key(&s->a, "F24", "F24", false);
    key(&s->a, "ShiftRight", "Shift", true);
    key(&s->a, "ShiftRight", "Shift", false);
    expect(s, "kffd5,202,1 kffd5,202,0 kffe2,62,1 kffe2,62,0 ");
}

static void test_ignored(void **state)
{
    struct state *s = *state;

    key(&s->a, "BracketLeft", "Dead", true);
    key(&s->a, "BracketLeft", "Dead", false);
    key(&s->a, "KeyA", "Process", true);
    key(&s->a, "AltRight", "AltGraph", true);
    key(&s->a, "CapsLock", "CapsLock", true);
    key(&s->a, "", "", true);
    key(&s->a, "Nothing", "LaunchCalendar", true);
    expect(s, "");
    /* What a phone's keyboard says; the text comes by itself. */
    key(&s->a, "", "Unidentified", true);
    expect(s, "");
}

static void test_alt_graph(void **state)
{
    struct state *s = *state;

    key(&s->a, "ControlLeft", "Control", true);
    expect(s, "kffe3,37,1 ");
    key(&s->a, "AltRight", "AltGraph", true);
    expect(s, "kffe3,37,0 ");
    key(&s->a, "KeyE", "€", true);
    key(&s->a, "KeyE", "€", false);
    expect(s, "k20ac,26,1 k20ac,26,0 ");
    key(&s->a, "ControlLeft", "Control", false);
    expect(s, "");
}

static void test_shortcut(void **state)
{
    struct state *s = *state;

    key(&s->a, "ControlLeft", "Control", true);
    key(&s->a, "KeyC", "с", true); /* Cyrillic */
    key(&s->a, "KeyC", "с", false);
    expect(s, "kffe3,37,1 k0000,54,1 k0000,54,0 ");
    key(&s->a, "Digit7", "/", true);
    key(&s->a, "Digit7", "/", false);
    expect(s, "k002f,16,1 k002f,16,0 ");
}

/* With Caps Lock browsers tell a large letter, with some modifiers a small one in spite of Shift. */
static void test_shortcut_case(void **state)
{
    struct state *s = *state;

    say(&s->a, "{\"type\":\"key\",\"code\":\"ControlLeft\",\"key\":\"Control\",\"down\":true}");
    say(&s->a, "{\"type\":\"key\",\"code\":\"KeyC\",\"key\":\"C\",\"down\":true}");
    expect(s, "kffe3,37,1 k0063,54,1 ");
    say(&s->a, "{\"type\":\"key\",\"code\":\"KeyC\",\"key\":\"C\",\"down\":false}");
    say(&s->a, "{\"type\":\"key\",\"code\":\"ShiftLeft\",\"key\":\"Shift\",\"down\":true}");
    say(&s->a, "{\"type\":\"key\",\"code\":\"KeyC\",\"key\":\"c\",\"down\":true}");
    expect(s, "k0063,54,0 kffe1,50,1 k0043,54,1 ");
}

static void test_meta_swallows_up(void **state)
{
    struct state *s = *state;

    key(&s->a, "MetaLeft", "Meta", true);
    key(&s->a, "KeyV", "v", true);
    expect(s, "kffeb,133,1 k0076,55,1 ");
    key(&s->a, "MetaLeft", "Meta", false);
    expect(s, "kffeb,133,0 k0076,55,0 ");
}

static void test_text(void **state)
{
    struct state *s = *state;

    say(&s->a, "{\"type\":\"text\",\"text\":\"a\\r\\nб😀\"}");
    expect(s, "k0061,0,1 k0061,0,0 kff0d,0,1 kff0d,0,0 k06c2,0,1 k06c2,0,0 k101f600,0,1 k101f600,0,0 ");
    key(&s->a, "KeyA", "e\xcc\x81", true); /* composed of two characters */
    expect(s, "k0065,0,1 k0065,0,0 k1000301,0,1 k1000301,0,0 ");
}

static void test_release(void **state)
{
    struct state *s = *state;

    key(&s->a, "ShiftLeft", "Shift", true);
    key(&s->a, "KeyA", "A", true);
    key(&s->b, "KeyB", "b", true);
    expect(s, "kffe1,50,1 k0041,38,1 k0062,56,1 ");
    input_close(&s->a);
    expect(s, "k0041,38,0 kffe1,50,0 ");
    say(&s->b, "{\"type\":\"releaseKeys\"}");
    expect(s, "k0062,56,0 ");
}

static void test_too_many_held(void **state)
{
    struct state *s = *state;
    char code[16];

    for (int i = 0; i < 100; i++) {
        snprintf(code, sizeof(code), "Key%d", i);
        key(&s->a, code, "x", true);
    }
    assert_int_equal(s->a.keyboard.held_count, KEYBOARD_HELD_MAX);
    input_close(&s->a);
    assert_int_equal(s->a.keyboard.held_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pointer),   TEST(test_wheel),    TEST(test_keys),          TEST(test_ignored),
        TEST(test_alt_graph), TEST(test_shortcut), TEST(test_shortcut_case), TEST(test_meta_swallows_up),
        TEST(test_text),      TEST(test_release),  TEST(test_too_many_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
