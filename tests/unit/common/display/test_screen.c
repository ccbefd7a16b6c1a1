/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Screen and viewers on a source without a display: what a client gets, decodes and sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "base/clock.h"
#include "common/display/png_read.h"
#include "display/capture_msg.h"
#include "display/screen.h"
#include "display/source_test.h"

#define QUEUE 64

struct client {
    struct state *state;
    struct viewer *viewer;
    bool auto_ack;
    struct rcbuf *got[QUEUE];
    size_t count;
    uint32_t sequence; /* of the last update applied */
    int width, height;
    uint32_t *canvas;
    unsigned records[8]; /* of each type, in the last update applied */
    unsigned flags;
};

struct state {
    struct loop *loop;
    struct loop_timer *deadline;
    struct source *source;
    struct screen *screen;
    bool timed_out;
};

static void on_deadline(void *arg)
{
    struct state *s = arg;

    s->timed_out = true;
    loop_stop(s->loop);
}

static void on_send(void *arg, struct rcbuf *message)
{
    struct client *c = arg;

    assert_true(c->count < QUEUE);
    c->got[c->count++] = rcbuf_ref(message);
    loop_stop(c->state->loop);
}

static int setup(void **state)
{
    static const struct screen_events events;
    struct state *s = xcalloc(1, sizeof(*s));
    struct screen_options options = {.frame_rate = 60, .compression = ENCODE_FASTEST, .events = &events};

    *state = s;
    assert_int_equal(loop_create(&s->loop), 0);
    assert_int_equal(loop_timer_create(s->loop, on_deadline, s, &s->deadline), 0);
    assert_int_equal(source_test_create(s->loop, 640, 480, &s->source), 0);
    options.loop = s->loop;
    options.source = s->source;
    assert_int_equal(screen_create(&options, &s->screen), 0);
    return 0;
}

static void turn(struct state *s, uint64_t ms)
{
    loop_timer_start(s->deadline, ms, 0);
    s->timed_out = false;
    loop_run(s->loop);
    loop_timer_stop(s->deadline);
}

static int teardown(void **state)
{
    struct state *s = *state;

    while (screen_pending(s->screen) > 0)
        turn(s, 1);
    screen_destroy(s->screen);
    source_destroy(s->source);
    loop_timer_destroy(s->deadline);
    loop_destroy(s->loop);
    free(s);
    return 0;
}

static void client_open(struct client *c, struct state *s)
{
    struct viewer_options options = {on_send, c};

    *c = (struct client){.state = s, .auto_ack = true};
    c->viewer = viewer_create(s->screen, &options);
}

static void client_close(struct client *c)
{
    c->viewer = viewer_destroy(c->viewer);
    for (size_t i = 0; i < c->count; i++)
        rcbuf_unref(c->got[i]);
    free(c->canvas);
}

static unsigned u16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static int ack(struct client *c, uint32_t sequence)
{
    uint8_t m[12] = {1,
                     1,
                     0,
                     0,
                     (uint8_t)sequence,
                     (uint8_t)(sequence >> 8),
                     (uint8_t)(sequence >> 16),
                     (uint8_t)(sequence >> 24)};

    return viewer_message(c->viewer, m, sizeof(m));
}

static void paint(struct client *c, const uint8_t *body, size_t len, unsigned type)
{
    int x = (int)u16(body), y = (int)u16(body + 2), w = (int)u16(body + 4), h = (int)u16(body + 6);
    uint32_t *pixels = NULL;

    assert_true(w > 0 && h > 0 && x + w <= c->width && y + h <= c->height);
    if (type == CAPTURE_PNG) {
        pixels = png_read(body + 16, len - 16, w, h);
        assert_non_null(pixels);
    }
    for (int row = 0; row < h; row++)
        for (int column = 0; column < w; column++)
            c->canvas[(y + row) * c->width + x + column] =
                pixels ? pixels[row * w + column]
                       : 0xff000000 | (uint32_t)body[8] << 16 | (uint32_t)body[9] << 8 | (uint32_t)body[10];
    free(pixels);
}

static void apply_record(struct client *c, unsigned type, const uint8_t *body, size_t len)
{
    c->records[type]++;
    if (type == CAPTURE_SIZE) {
        c->width = (int)u16(body);
        c->height = (int)u16(body + 2);
        free(c->canvas);
        c->canvas = xcalloc((size_t)c->width * (size_t)c->height, 4);
    } else if (type == CAPTURE_PNG || type == CAPTURE_SOLID) {
        paint(c, body, len, type);
    }
}

/* Waits for the next update, draws and acknowledges it. */
static void client_take(struct client *c)
{
    const uint8_t *p;
    size_t at = CAPTURE_HEADER_LEN;

    while (c->count == 0) {
        turn(c->state, 20000);
        assert_false(c->state->timed_out);
    }
    p = rcbuf_data(c->got[0]);
    assert_int_equal(p[0], 1);
    assert_int_equal(u32(p + 20) + CAPTURE_HEADER_LEN, rcbuf_len(c->got[0]));
    assert_int_equal(u32(p + 4), c->sequence + 1);
    c->sequence++;
    c->flags = u16(p + 2);
    memset(c->records, 0, sizeof(c->records));
    for (unsigned i = u16(p + 18); i > 0; i--) {
        assert_true(at + 8 <= rcbuf_len(c->got[0]));
        apply_record(c, p[at], p + at + 8, u32(p + at + 4));
        at += 8 + u32(p + at + 4);
    }
    assert_int_equal(at, rcbuf_len(c->got[0]));
    rcbuf_unref(c->got[0]);
    memmove(c->got, c->got + 1, --c->count * sizeof(c->got[0]));
    if (c->auto_ack)
        assert_int_equal(ack(c, c->sequence), 0);
}

static void check_canvas(struct client *c)
{
    const struct frame *f = source_frame(c->state->source);

    assert_int_equal(c->width, f->width);
    assert_int_equal(c->height, f->height);
    for (int i = 0; i < c->width * c->height; i++)
        if (((((const uint32_t *)(const void *)f->pixels)[i] ^ c->canvas[i]) & 0xffffff) != 0)
            fail_msg("pixel %d,%d differs", i % c->width, i / c->width);
}

static void test_attach_and_change(void **state)
{
    struct state *s = *state;
    struct client c;

    source_test_noise(s->source, &(struct frame_rect){10, 10, 300, 200}, 5);
    client_open(&c, s);
    client_take(&c);
    assert_int_equal(c.flags, CAPTURE_FLAG_FULL);
    assert_int_equal(c.records[CAPTURE_SIZE], 1);
    check_canvas(&c);

    source_test_noise(s->source, &(struct frame_rect){50, 60, 100, 30}, 6);
    client_take(&c);
    assert_int_equal(c.flags, 0);
    assert_int_equal(c.records[CAPTURE_PNG], 1);
    check_canvas(&c);

    source_test_fill(s->source, &(struct frame_rect){0, 0, 64, 64}, 0xff0000);
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_SOLID], 1);
    check_canvas(&c);
    client_close(&c);
}

/* Drawing the same pixels again is damage, but nothing to send; the next update is that of a later change. */
static void test_quiet(void **state)
{
    struct state *s = *state;
    struct client c;
    unsigned captures;

    client_open(&c, s);
    client_take(&c);
    captures = source_test_captures(s->source);
    source_test_fill(s->source, &(struct frame_rect){5, 5, 50, 50}, 0);
    while (source_test_captures(s->source) == captures)
        turn(s, 1);
    turn(s, 1);
    source_test_fill(s->source, &(struct frame_rect){100, 100, 8, 8}, 1);
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_SOLID], 1);
    assert_int_equal(c.count, 0);
    client_close(&c);
}

/* Nothing is read from the display when nobody looks. */
static void test_nobody(void **state)
{
    struct state *s = *state;

    for (int i = 0; i < 5; i++) {
        source_test_noise(s->source, &(struct frame_rect){0, 0, 640, 480}, (uint32_t)i);
        turn(s, 1);
    }
    assert_int_equal(source_test_captures(s->source), 0);
}

static void test_window(void **state)
{
    struct state *s = *state;
    struct client c;
    unsigned captures;

    client_open(&c, s);
    c.auto_ack = false;
    for (uint32_t i = 0; i < VIEWER_WINDOW_UPDATES; i++) {
        source_test_noise(s->source, &(struct frame_rect){0, 0, 100, 100}, i);
        client_take(&c);
    }
    /* The window is full: changes are merged, and not even read. */
    captures = source_test_captures(s->source);
    for (uint32_t i = 0; i < 20; i++) {
        source_test_noise(s->source, &(struct frame_rect){(int)i * 20, 200, 20, 20}, 100 + i);
        turn(s, 2);
    }
    assert_int_equal(c.count, 0);
    assert_int_equal(source_test_captures(s->source), captures);
    assert_int_equal(ack(&c, c.sequence), 0);
    client_take(&c);
    check_canvas(&c);
    assert_int_equal(c.count, 0);
    client_close(&c);
}

static void test_ack_of_nothing(void **state)
{
    struct state *s = *state;
    struct client c;

    client_open(&c, s);
    assert_int_equal(ack(&c, 1), -EPROTO);
    client_take(&c);
    assert_int_equal(ack(&c, 1), 0); /* again */
    assert_int_equal(ack(&c, 2), -EPROTO);
    assert_int_equal(ack(&c, UINT32_MAX), -EPROTO);
    assert_int_equal(viewer_message(c.viewer, "x", 1), -EPROTO);
    client_close(&c);
}

static void test_cache(void **state)
{
    static const uint8_t miss_head[] = {1, 3, 0, 0, 0, 0, 0, 0, 200, 0, 100, 0};
    struct state *s = *state;
    struct frame_rect menu = {0, 0, 200, 100};
    uint8_t miss[20];
    struct client c;

    client_open(&c, s);
    client_take(&c);
    source_test_noise(s->source, &menu, 1);
    client_take(&c);
    source_test_noise(s->source, &menu, 0x40000000);
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_PNG], 1);
    source_test_noise(s->source, &menu, 1);
    while (c.count == 0)
        turn(s, 1000);
    memcpy(miss, miss_head, sizeof(miss_head));
    memcpy(miss + 12, rcbuf_data(c.got[0]) + CAPTURE_HEADER_LEN + 8 + 8, 8); /* the hash */
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_CACHED], 1);
    /* The client has not got it after all. */
    assert_int_equal(viewer_message(c.viewer, miss, sizeof(miss)), 0);
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_PNG], 1);
    check_canvas(&c);
    miss[8] = 0xff; /* outside the screen */
    miss[9] = 0xff;
    assert_int_equal(viewer_message(c.viewer, miss, sizeof(miss)), -EPROTO);
    client_close(&c);
}

static void test_resize(void **state)
{
    struct state *s = *state;
    struct client c;

    client_open(&c, s);
    client_take(&c);
    source_test_noise(s->source, &(struct frame_rect){0, 0, 640, 480}, 1);
    turn(s, 1); /* perhaps in the middle of encoding */
    assert_int_equal(source_resize(s->source, 321, 243), 0);
    while (c.width != 321)
        client_take(&c);
    assert_int_equal(c.flags, CAPTURE_FLAG_FULL);
    source_test_noise(s->source, &(struct frame_rect){0, 0, 321, 243}, 2);
    client_take(&c);
    check_canvas(&c);
    client_close(&c);
}

/* A program that draws the same again and again costs no more than the frame rate allows. */
static void test_same_again(void **state)
{
    struct state *s = *state;
    struct client c;
    uint64_t begin, now;
    unsigned captures;

    client_open(&c, s);
    source_test_fill(s->source, &(struct frame_rect){0, 0, 640, 480}, 0x336699);
    client_take(&c);
    captures = source_test_captures(s->source);
    begin = now = clock_monotonic_ms(NULL);
    while (now - begin < 200) {
        source_test_fill(s->source, &(struct frame_rect){0, 0, 640, 480}, 0x336699);
        turn(s, 1);
        now = clock_monotonic_ms(NULL);
    }
    captures = source_test_captures(s->source) - captures;
    assert_in_range(captures, 1, (now - begin) * 60 / 1000 + 3);
    client_close(&c);
}

static void test_hidden(void **state)
{
    static const uint8_t hide[] = {1, 4, 0, 0, 1, 0, 0, 0}, show[] = {1, 4, 0, 0, 0, 0, 0, 0};
    struct state *s = *state;
    struct client c;
    unsigned captures;

    client_open(&c, s);
    client_take(&c);
    assert_int_equal(viewer_message(c.viewer, hide, sizeof(hide)), 0);
    captures = source_test_captures(s->source);
    for (uint32_t i = 0; i < 10; i++) {
        source_test_noise(s->source, &(struct frame_rect){0, 0, 64, 64}, i);
        turn(s, 2);
    }
    assert_int_equal(c.count, 0);
    assert_int_equal(source_test_captures(s->source), captures);
    assert_int_equal(viewer_message(c.viewer, show, sizeof(show)), 0);
    client_take(&c);
    assert_int_equal(c.flags, CAPTURE_FLAG_FULL);
    check_canvas(&c);
    client_close(&c);
}

static void test_request_limit(void **state)
{
    static const uint8_t refresh[] = {1, 2, 0, 0};
    struct state *s = *state;
    struct client c;
    int r = 0;

    client_open(&c, s);
    /* Even when the second changes in between. */
    for (int i = 0; r == 0 && i < 2 * VIEWER_REQUESTS_PER_S + 1; i++)
        r = viewer_message(c.viewer, refresh, sizeof(refresh));
    assert_int_equal(r, -EDQUOT);
    client_close(&c);
}

static void test_two_viewers(void **state)
{
    struct state *s = *state;
    struct client a, b;

    client_open(&a, s);
    client_open(&b, s);
    client_take(&a);
    client_take(&b);
    b.auto_ack = false;
    for (uint32_t i = 0; i < 12; i++) { /* b falls behind, a does not */
        source_test_noise(s->source, &(struct frame_rect){(int)i * 30, (int)i * 20, 99, 77}, i);
        client_take(&a);
        check_canvas(&a);
    }
    while (b.count > 0)
        client_take(&b);
    assert_int_equal(ack(&b, b.sequence), 0);
    client_take(&b);
    check_canvas(&b);
    client_close(&a);
    client_close(&b);
}

static void test_cursor(void **state)
{
    uint32_t argb[4] = {0xff000000, 0, 0, 0xffffffff};
    struct frame_cursor cursor = {2, 2, 1, 1, 9, argb}, hidden = {.serial = 10};
    struct state *s = *state;
    struct client c;

    client_open(&c, s);
    client_take(&c);
    source_test_cursor(s->source, &cursor);
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_CURSOR], 1);
    source_test_cursor(s->source, &hidden);
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_CURSOR], 1);
    client_close(&c);
    client_open(&c, s); /* a new one learns it with the first picture */
    client_take(&c);
    assert_int_equal(c.records[CAPTURE_CURSOR], 1);
    client_close(&c);
}

/* Gone while its picture is on a worker. */
static void test_leave_early(void **state)
{
    struct state *s = *state;
    struct client c;

    source_test_noise(s->source, &(struct frame_rect){0, 0, 640, 480}, 3);
    client_open(&c, s);
    for (int i = 0; i < 1000 && screen_pending(s->screen) == 0 && c.count == 0; i++)
        turn(s, 1);
    client_close(&c);
}

static void on_copied(void *arg, const char *text, size_t len)
{
    (void)text;
    *(size_t *)arg += len;
}

/* What the policy says about the clipboard holds for every viewer. */
static void test_clipboard_rule(void **state)
{
    static const struct screen_events events = {.clipboard = on_copied};
    static const struct {
        struct screen_clipboard_rule rule;
        int in, long_in;
        size_t out;
    } rows[] = {{{false, false, 0}, 0, 0, 3 + 100},
                {{false, true, 0}, 0, 0, 0},
                {{true, false, 0}, -EPERM, -EPERM, 3 + 100},
                {{true, true, 0}, -EPERM, -EPERM, 0},
                {{false, false, 10}, 0, -EMSGSIZE, 3}};
    struct state *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t told = 0;
        char many[100];
        struct source *source;
        struct screen *screen;
        struct screen_options options = {
            .loop = s->loop, .clipboard = rows[i].rule, .events = &events, .frame_rate = 60, .arg = &told};

        memset(many, 'x', sizeof(many));
        assert_int_equal(source_test_create(s->loop, 64, 48, &source), 0);
        options.source = source;
        assert_int_equal(screen_create(&options, &screen), 0);
        assert_int_equal(screen_clipboard(screen, "in", 2), rows[i].in);
        assert_int_equal(source_test_clipboard(source) != NULL, rows[i].in == 0);
        assert_int_equal(screen_clipboard(screen, many, sizeof(many)), rows[i].long_in);
        source_test_copy(source, "out", 3);
        source_test_copy(source, many, sizeof(many));
        assert_int_equal(told, rows[i].out);
        screen_destroy(screen);
        source_destroy(source);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_attach_and_change),
        TEST(test_quiet),
        TEST(test_nobody),
        TEST(test_window),
        TEST(test_ack_of_nothing),
        TEST(test_cache),
        TEST(test_resize),
        TEST(test_same_again),
        TEST(test_hidden),
        TEST(test_request_limit),
        TEST(test_two_viewers),
        TEST(test_cursor),
        TEST(test_leave_early),
        TEST(test_clipboard_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
