/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "common/display/png_read.h"
#include "display/encode.h"

#define W 317
#define H 59

static uint32_t pixels[W * H];
static const struct frame frame = {W, H, 4 * W, (uint8_t *)pixels};

static void check_round_trip(const struct frame_rect *rect, enum encode_compression compression)
{
    struct snapshot s;
    struct rcbuf *png;
    uint32_t *back;

    assert_int_equal(snapshot_init(&s, &frame, rect), 0);
    assert_int_equal(encode_snapshot(&s, compression, &png), 0);
    back = png_read(rcbuf_data(png), rcbuf_len(png), rect->w, rect->h);
    assert_non_null(back);
    for (int y = 0; y < rect->h; y++)
        for (int x = 0; x < rect->w; x++)
            assert_int_equal(back[y * rect->w + x], pixels[(rect->y + y) * W + rect->x + x] | 0xff000000);
    free(back);
    rcbuf_unref(png);
    snapshot_finish(&s);
}

/* One to 257 colours: every palette depth, and true colour. */
static void test_round_trip(void **state)
{
    static const unsigned colours[] = {1, 2, 3, 4, 5, 16, 17, 255, 256, 257, 5000};
    static const struct frame_rect rects[] = {
        {0, 0, W, H}, {3, 5, 1, 1}, {7, 1, 300, 1}, {316, 0, 1, 59}, {11, 13, 29, 31}};

    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(colours); c++) {
        for (unsigned i = 0; i < W * H; i++)
            pixels[i] = ((i * 7 % colours[c]) * 2654435761u) & 0xffffff;
        for (size_t r = 0; r < ARRAY_SIZE(rects); r++)
            for (int compression = ENCODE_FASTEST; compression <= ENCODE_SMALLEST; compression++)
                check_round_trip(&rects[r], (enum encode_compression)compression);
    }
}

static void test_snapshot(void **state)
{
    struct snapshot a, b, c;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pixels); i++)
        pixels[i] = 0x00123456;
    pixels[0] = 0xff123456; /* the undefined byte */
    assert_int_equal(snapshot_init(&a, &frame, &(struct frame_rect){0, 0, 20, 10}), 0);
    assert_int_equal(snapshot_init(&b, &frame, &(struct frame_rect){50, 30, 20, 10}), 0);
    assert_int_equal(snapshot_init(&c, &frame, &(struct frame_rect){0, 0, 10, 20}), 0);
    assert_true(a.solid && b.solid && c.solid);
    assert_true(a.hash == b.hash);
    assert_true(a.hash != c.hash); /* the same pixels in another shape */
    assert_int_equal(a.pixels[0], 0xff123456);
    snapshot_finish(&a);
    snapshot_finish(&b);
    snapshot_finish(&c);
    pixels[W * H - 1] ^= 1;
    assert_int_equal(snapshot_init(&a, &frame, &(struct frame_rect){0, 0, W, H}), 0);
    assert_false(a.solid);
    snapshot_finish(&a);
}

static void test_alpha(void **state)
{
    uint32_t cursor[6] = {0, 0x80ff0000, 0xff00ff00, 0x010000ff, 0xffffffff, 0x7f102030};
    struct rcbuf *png;
    uint32_t *back;

    (void)state;
    assert_int_equal(encode_argb(cursor, 3, 2, &png), 0);
    back = png_read(rcbuf_data(png), rcbuf_len(png), 3, 2);
    assert_memory_equal(back, cursor, sizeof(cursor));
    free(back);
    rcbuf_unref(png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_alpha),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
