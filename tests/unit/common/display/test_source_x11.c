/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The X11 source against a real X server: what a client draws is what the frame holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "common/display/x_source.h"

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
    source_key(s->source, 0x61, 38, true);
    assert_int_equal(source_clipboard(s->source, "x", 1), -EPIPE);
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
    const struct CMUnitTest tests[] = {TEST(test_pixels),
                                       TEST(test_unchanged),
                                       TEST(test_scattered),
                                       TEST(test_resize),
                                       TEST(test_resize_by_session),
                                       TEST(test_pointer),
                                       TEST(test_cursor),
                                       TEST(test_death),
                                       TEST(test_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
