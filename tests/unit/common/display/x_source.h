/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An X11 source on a real X server with a client of the session beside it, for the tests of both halves.
 * Include cmocka.h first. */
#ifndef ISTHMUS_TESTS_DISPLAY_X_SOURCE_H
#define ISTHMUS_TESTS_DISPLAY_X_SOURCE_H

#include <X11/Xauth.h>
#include <xcb/xcb.h>

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
    char *copied; /* the last text of a program, and how many there were */
    size_t copied_len;
    unsigned copies;
};

static inline void on_dirty(void *arg)
{
    struct state *s = arg;

    s->dirty = true;
    loop_stop(s->loop);
}

static inline void on_captured(void *arg, const pixman_region32_t *changed, uint64_t time_us)
{
    struct state *s = arg;

    assert_true(time_us > 0);
    s->captured = true;
    pixman_region32_copy(&s->changed, (pixman_region32_t *)(uintptr_t)changed);
    loop_stop(s->loop);
}

static inline void on_resized(void *arg, int width, int height)
{
    struct state *s = arg;

    assert_int_equal(width, source_frame(s->source)->width);
    assert_int_equal(height, source_frame(s->source)->height);
    s->resized = true;
    loop_stop(s->loop);
}

static inline void on_cursor(void *arg, const struct frame_cursor *cursor)
{
    struct state *s = arg;

    s->cursor_w = cursor->width;
    s->cursors++;
    loop_stop(s->loop);
}

static inline void on_pointer(void *arg, int x, int y)
{
    struct state *s = arg;

    s->pointer_x = x;
    s->pointer_y = y;
    loop_stop(s->loop);
}

static inline void on_clipboard(void *arg, const char *text, size_t len)
{
    struct state *s = arg;

    free(s->copied);
    s->copied = malloc(len + 1);
    assert_non_null(s->copied);
    memcpy(s->copied, text, len);
    s->copied[len] = '\0';
    s->copied_len = len;
    s->copies++;
    loop_stop(s->loop);
}

static inline void on_failed(void *arg, int error)
{
    struct state *s = arg;

    assert_true(error < 0);
    s->failed = true;
    loop_stop(s->loop);
}

static inline void on_deadline(void *arg)
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

static inline void client_connect(struct state *s)
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

static inline int setup(void **state)
{
    static const struct frame_listener listener = {on_dirty,   on_captured, on_resized,  on_cursor,
                                                   on_pointer, on_failed,   on_clipboard};
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

static inline int teardown(void **state)
{
    struct state *s = *state;

    source_destroy(s->source);
    loop_timer_destroy(s->deadline);
    loop_destroy(s->loop);
    xcb_disconnect(s->c);
    pixman_region32_fini(&s->changed);
    x_fixture_stop(&s->x);
    free(s->copied);
    free(s);
    return 0;
}

static inline void capture(struct state *s)
{
    s->captured = s->dirty = false; /* it may be told dirty again from here on */
    assert_int_equal(source_capture(s->source), 0);
    AWAIT(s, s->captured);
}

static inline void client_sync(struct state *s)
{
    free(xcb_get_input_focus_reply(s->c, xcb_get_input_focus(s->c), NULL));
}

static inline void draw(struct state *s, int x, int y, int w, int h, uint32_t pixel)
{
    xcb_rectangle_t r = {(int16_t)x, (int16_t)y, (uint16_t)w, (uint16_t)h};

    xcb_change_gc(s->c, s->gc, XCB_GC_FOREGROUND, &pixel);
    xcb_poly_fill_rectangle(s->c, s->window, s->gc, 1, &r);
    client_sync(s);
}

/* The frame against the server's own picture, pixel by pixel. */
static inline void compare(struct state *s)
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

#endif
