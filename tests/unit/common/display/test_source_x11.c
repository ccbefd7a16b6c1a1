/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The X11 source against a real X server: what a client draws is what the frame holds, and what is typed is
 * what a client reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <X11/Xauth.h>
#include <cmocka.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "base/clock.h"
#include "common/display/x_fixture.h"
#include "display/input.h"
#include "display/source_x11.h"

struct state {
    struct x_fixture x;
    struct loop *loop;
    struct source *source;
    struct loop_timer *deadline;
    xcb_connection_t *c; /* a client of the session */
    xcb_window_t root, window;
    xcb_gcontext_t gc;
    /* what the listener heard */
    bool dirty, captured, resized, failed, timed_out;
    pixman_region32_t changed;
    int cursor_w, cursors, pointer_x, pointer_y;
};

static void on_dirty(void *arg)
{
    struct state *s = arg;

    s->dirty = true;
    loop_stop(s->loop);
}

static void on_captured(void *arg, const pixman_region32_t *changed, uint64_t time_us)
{
    struct state *s = arg;

    assert_true(time_us > 0);
    s->captured = true;
    pixman_region32_copy(&s->changed, (pixman_region32_t *)(uintptr_t)changed);
    loop_stop(s->loop);
}

static void on_resized(void *arg, int width, int height)
{
    struct state *s = arg;

    assert_int_equal(width, source_frame(s->source)->width);
    assert_int_equal(height, source_frame(s->source)->height);
    s->resized = true;
    loop_stop(s->loop);
}

static void on_cursor(void *arg, const struct frame_cursor *cursor)
{
    struct state *s = arg;

    s->cursor_w = cursor->width;
    s->cursors++;
    loop_stop(s->loop);
}

static void on_pointer(void *arg, int x, int y)
{
    struct state *s = arg;

    s->pointer_x = x;
    s->pointer_y = y;
    loop_stop(s->loop);
}

static void on_failed(void *arg, int error)
{
    struct state *s = arg;

    assert_true(error < 0);
    s->failed = true;
    loop_stop(s->loop);
}

static void on_deadline(void *arg)
{
    struct state *s = arg;

    s->timed_out = true;
    loop_stop(s->loop);
}

/* Turns the loop until a flag of the state is set. */
#define AWAIT(s, condition)                                                                                  \
    do {                                                                                                     \
        loop_timer_start((s)->deadline, 20000, 0);                                                           \
        (s)->timed_out = false;                                                                              \
        while (!(condition)) {                                                                               \
            loop_run((s)->loop);                                                                             \
            assert_false((s)->timed_out);                                                                    \
        }                                                                                                    \
        loop_timer_stop((s)->deadline);                                                                      \
    } while (0)

static void client_connect(struct state *s)
{
    FILE *f = fopen(s->x.auth, "re");
    Xauth *entry = XauReadAuth(f);
    xcb_auth_info_t auth = {entry->name_length, entry->name, entry->data_length, entry->data};
    char name[16];
    const xcb_screen_t *screen;
    uint32_t values[] = {0x204060, 1,
                         XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_BUTTON_PRESS |
                             XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_EXPOSURE};

    fclose(f);
    snprintf(name, sizeof(name), ":%u", s->x.display);
    s->c = xcb_connect_to_display_with_auth_info(name, &auth, NULL);
    XauDisposeAuth(entry);
    assert_int_equal(xcb_connection_has_error(s->c), 0);
    screen = xcb_setup_roots_iterator(xcb_get_setup(s->c)).data;
    s->root = screen->root;
    s->window = xcb_generate_id(s->c);
    xcb_create_window(s->c, XCB_COPY_FROM_PARENT, s->window, s->root, 0, 0, 4000, 3000, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    xcb_map_window(s->c, s->window);
    s->gc = xcb_generate_id(s->c);
    xcb_create_gc(s->c, s->gc, s->window, 0, NULL);
    xcb_set_input_focus(s->c, XCB_INPUT_FOCUS_POINTER_ROOT, s->window, XCB_CURRENT_TIME);
    free(xcb_get_input_focus_reply(s->c, xcb_get_input_focus(s->c), NULL));
}

static int setup(void **state)
{
    static const struct frame_listener listener = {on_dirty,  on_captured, on_resized,
                                                   on_cursor, on_pointer,  on_failed};
    struct state *s = xcalloc(1, sizeof(*s));
    struct source_x11_options options = {0};
    char *cause = NULL;

    *state = s;
    assert_int_equal(x_fixture_start(&s->x, "800x600"), 0);
    client_connect(s);
    assert_int_equal(loop_create(&s->loop), 0);
    assert_int_equal(loop_timer_create(s->loop, on_deadline, s, &s->deadline), 0);
    options = (struct source_x11_options){s->x.socket, s->x.auth, s->x.display};
    if (source_x11_create(s->loop, &options, &s->source, &cause) < 0)
        fail_msg("%s", cause);
    pixman_region32_init(&s->changed);
    source_listen(s->source, &listener, s);
    return 0;
}

static int teardown(void **state)
{
    struct state *s = *state;

    source_destroy(s->source);
    loop_timer_destroy(s->deadline);
    loop_destroy(s->loop);
    xcb_disconnect(s->c);
    pixman_region32_fini(&s->changed);
    x_fixture_stop(&s->x);
    free(s);
    return 0;
}

static void capture(struct state *s)
{
    s->captured = s->dirty = false; /* it may be told dirty again from here on */
    assert_int_equal(source_capture(s->source), 0);
    AWAIT(s, s->captured);
}

static void client_sync(struct state *s)
{
    free(xcb_get_input_focus_reply(s->c, xcb_get_input_focus(s->c), NULL));
}

static void draw(struct state *s, int x, int y, int w, int h, uint32_t pixel)
{
    xcb_rectangle_t r = {(int16_t)x, (int16_t)y, (uint16_t)w, (uint16_t)h};

    xcb_change_gc(s->c, s->gc, XCB_GC_FOREGROUND, &pixel);
    xcb_poly_fill_rectangle(s->c, s->window, s->gc, 1, &r);
    client_sync(s);
}

/* The frame against the server's own picture, pixel by pixel. */
static void compare(struct state *s)
{
    const struct frame *f = source_frame(s->source);
    xcb_get_image_reply_t *image =
        xcb_get_image_reply(s->c,
                            xcb_get_image(s->c, XCB_IMAGE_FORMAT_Z_PIXMAP, s->root, 0, 0, (uint16_t)f->width,
                                          (uint16_t)f->height, ~0u),
                            NULL);
    const uint8_t *theirs;

    assert_non_null(image);
    theirs = xcb_get_image_data(image);
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            uint32_t a, b;

            memcpy(&a, f->pixels + (size_t)y * f->stride + 4 * (size_t)x, 4);
            memcpy(&b, theirs + 4 * ((size_t)y * (size_t)f->width + (size_t)x), 4);
            if (((a ^ b) & 0xffffff) != 0)
                fail_msg("pixel %d,%d is %06x, not %06x", x, y, a & 0xffffff, b & 0xffffff);
        }
    }
    free(image);
}

static void test_pixels(void **state)
{
    struct state *s = *state;
    const pixman_box32_t *e;

    capture(s);
    compare(s);
    assert_int_equal(s->changed.extents.x2, 800);
    assert_int_equal(s->changed.extents.y2, 600);

    draw(s, 101, 57, 33, 21, 0xff8800);
    AWAIT(s, s->dirty);
    capture(s);
    compare(s);
    e = &s->changed.extents;
    assert_int_equal(e->x1, 101);
    assert_int_equal(e->y1, 57);
    assert_int_equal(e->x2, 134);
    assert_int_equal(e->y2, 78);
}

static void test_unchanged(void **state)
{
    struct state *s = *state;

    draw(s, 10, 10, 300, 300, 0x123456);
    capture(s);
    draw(s, 20, 20, 100, 100, 0x123456); /* damage without change */
    AWAIT(s, s->dirty);
    capture(s);
    assert_false(pixman_region32_not_empty(&s->changed));
    capture(s); /* and one without damage */
    assert_false(pixman_region32_not_empty(&s->changed));
}

static void test_scattered(void **state)
{
    struct state *s = *state;

    capture(s);
    for (int i = 0; i < 400; i++)
        draw(s, i * 7919 % 790, i * 104729 % 590, 1 + i % 9, 1 + i % 7, (uint32_t)i * 2654435761u & 0xffffff);
    capture(s);
    compare(s);
}

static void resize_to(struct state *s, int width, int height)
{
    s->resized = false;
    assert_int_equal(source_resize(s->source, width, height), 0);
    AWAIT(s, s->resized);
    assert_int_equal(source_frame(s->source)->width, width);
    assert_int_equal(source_frame(s->source)->height, height);
    capture(s);
    draw(s, width - 5, height - 3, 5, 3, 0x00ff00);
    capture(s);
    compare(s);
}

static void test_resize(void **state)
{
    struct state *s = *state;

    resize_to(s, 1237, 811);
    resize_to(s, 801, 1201); /* one side grows, the other shrinks */
    resize_to(s, 333, 201);
    resize_to(s, 2561, 1441);
    assert_int_equal(source_resize(s->source, 0, 100), -ERANGE);
    assert_int_equal(source_resize(s->source, 100000, 100), -ERANGE);

    /* Of many wishes at once the newest counts. */
    for (int i = 0; i < 50; i++)
        assert_int_equal(source_resize(s->source, 640 + i, 480 + i), 0);
    AWAIT(s, source_frame(s->source)->width == 689);
    capture(s);
    compare(s);
}

static void test_resize_by_session(void **state)
{
    struct state *s = *state;
    char size[] = "640x480";
    char *argv[] = {"xrandr", "--size", size, NULL};
    pid_t pid;

    if (x_fixture_spawn(&s->x, argv, &pid) < 0)
        skip();
    waitpid(pid, NULL, 0);
    AWAIT(s, s->resized);
    assert_int_equal(source_frame(s->source)->width, 640);
    capture(s);
    compare(s);
}

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

static void test_pointer(void **state)
{
    struct state *s = *state;
    xcb_query_pointer_reply_t *r;
    uint8_t expect[] = {1, 1, 3, 3, 5, 5, 4, 4};
    size_t seen = 0;

    source_pointer(s->source, 123, 45, 1);
    source_pointer(s->source, 123, 45, 0);
    source_pointer(s->source, 123, 45, 2);
    source_pointer(s->source, 123, 45, 0);
    source_wheel(s->source, 0, 1);
    source_wheel(s->source, 0, -1);
    capture(s);
    r = xcb_query_pointer_reply(s->c, xcb_query_pointer(s->c, s->root), NULL);
    assert_int_equal(r->root_x, 123);
    assert_int_equal(r->root_y, 45);
    free(r);
    for (xcb_generic_event_t *e; (e = xcb_poll_for_event(s->c)); free(e)) {
        int type = e->response_type & 0x7f;

        if (type == XCB_BUTTON_PRESS || type == XCB_BUTTON_RELEASE) {
            assert_true(seen < sizeof(expect));
            assert_int_equal(((xcb_button_press_event_t *)(void *)e)->detail, expect[seen]);
            assert_int_equal(type, seen % 2 == 0 ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE);
            seen++;
        }
    }
    assert_int_equal(seen, sizeof(expect));

    xcb_warp_pointer(s->c, XCB_NONE, s->root, 0, 0, 0, 0, 400, 300);
    draw(s, 0, 0, 9, 9, 0xabcdef);
    capture(s);
    AWAIT(s, s->pointer_x == 400 && s->pointer_y == 300);
}

static void test_cursor(void **state)
{
    struct state *s = *state;
    xcb_font_t font = xcb_generate_id(s->c);
    xcb_cursor_t cursor = xcb_generate_id(s->c);
    int before;

    source_pointer(s->source, 50, 50, 0);
    AWAIT(s, s->cursors > 0);
    before = s->cursors;
    xcb_open_font(s->c, font, 6, "cursor");
    xcb_create_glyph_cursor(s->c, cursor, font, font, 68, 69, 0, 0, 0, 0xffff, 0xffff, 0xffff);
    xcb_change_window_attributes(s->c, s->window, XCB_CW_CURSOR, &cursor);
    client_sync(s);
    AWAIT(s, s->cursors > before);
    assert_true(s->cursor_w > 1);
}

static void test_death(void **state)
{
    struct state *s = *state;

    capture(s);
    x_fixture_kill(&s->x);
    AWAIT(s, s->failed);
    assert_int_equal(source_capture(s->source), -EPIPE);
    source_pointer(s->source, 1, 1, 1); /* harmless */
    source_key(s->source, XKB_KEY_a, 38, true);
}

static void test_refused(void **state)
{
    struct state *s = *state;
    struct source_x11_options options = {s->x.socket, NULL, s->x.display};
    struct source *source = NULL;
    char *cause = NULL;

    assert_int_equal(source_x11_create(s->loop, &options, &source, &cause), -EACCES);
    assert_non_null(cause);
    free(cause);
    options = (struct source_x11_options){"/nonexistent/X0", s->x.auth, s->x.display};
    assert_int_equal(source_x11_create(s->loop, &options, &source, &cause), -ENOENT);
    free(cause);
    assert_null(source);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pixels),
        TEST(test_unchanged),
        TEST(test_scattered),
        TEST(test_resize),
        TEST(test_resize_by_session),
        TEST(test_text),
        TEST(test_keys),
        TEST(test_key_repeat_and_release),
        TEST(test_cyrillic_shortcut),
        TEST(test_layout_change),
        TEST(test_pointer),
        TEST(test_cursor),
        TEST(test_death),
        TEST(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
