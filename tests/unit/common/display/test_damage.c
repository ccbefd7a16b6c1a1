/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "display/damage.h"

#define W 301
#define H 203

static uint32_t old[W * H], new[W * H];

static void apply(const struct frame_rect *rect, pixman_region32_t *changed)
{
    struct frame frame = {W, H, 4 * W, (uint8_t *)old};

    pixman_region32_init(changed);
    damage_apply(&frame, rect, (const uint8_t *)(new + rect->y *W + rect->x), 4 * W, changed);
}

static const struct frame_rect all = {0, 0, W, H};

static void test_tight(void **state)
{
    pixman_region32_t changed;

    (void)state;
    memset(old, 0, sizeof(old));
    memset(new, 0, sizeof(new));
    new[100 * W + 70] = 0x010203;
    new[102 * W + 75] = 0x010203;
    apply(&all, &changed);
    assert_int_equal(changed.extents.x1, 70);
    assert_int_equal(changed.extents.x2, 76);
    assert_int_equal(changed.extents.y1, 100);
    assert_int_equal(changed.extents.y2, 103);
    assert_memory_equal(old, new, sizeof(old));
    pixman_region32_fini(&changed);
    apply(&all, &changed);
    assert_false(pixman_region32_not_empty(&changed));
    pixman_region32_fini(&changed);
}

static void test_undefined_byte(void **state)
{
    pixman_region32_t changed;

    (void)state;
    memset(old, 0, sizeof(old));
    for (size_t i = 0; i < ARRAY_SIZE(new); i++)
        new[i] = 0xff000000;
    apply(&all, &changed);
    assert_false(pixman_region32_not_empty(&changed));
    pixman_region32_fini(&changed);
}

/* Only the rectangle is looked at, and everything in it that differs is found. */
static void test_random(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct frame_rect r = {rand_r(&seed) % W, rand_r(&seed) % H, 0, 0};
        pixman_region32_t changed;

        r.w = 1 + rand_r(&seed) % (W - r.x);
        r.h = 1 + rand_r(&seed) % (H - r.y);
        memset(old, 0, sizeof(old));
        memset(new, 0, sizeof(new));
        for (int i = 0; i < 20; i++)
            new[rand_r(&seed) % (W * H)] = 1;
        apply(&r, &changed);
        for (int y = 0; y < H; y++) {
            for (int x = 0; x < W; x++) {
                bool inside = x >= r.x && y >= r.y && x < r.x + r.w && y < r.y + r.h;

                assert_int_equal(old[y * W + x], inside ? new[y * W + x] : 0);
                if (inside && new[y * W + x])
                    assert_true(pixman_region32_contains_point(&changed, x, y, NULL));
            }
        }
        pixman_region32_fini(&changed);
    }
}

static void check_cover(const pixman_region32_t *region, size_t max, unsigned waste)
{
    struct frame_rect rects[64];
    size_t count = damage_rects(region, rects, max, waste);
    pixman_region32_t sum, left;

    assert_true(count <= max);
    pixman_region32_init(&sum);
    pixman_region32_init(&left);
    for (size_t i = 0; i < count; i++) {
        pixman_region32_init_rect(&left, rects[i].x, rects[i].y, (unsigned)rects[i].w, (unsigned)rects[i].h);
        pixman_region32_intersect(&left, &left, &sum);
        assert_false(pixman_region32_not_empty(&left));
        pixman_region32_union_rect(&sum, &sum, rects[i].x, rects[i].y, (unsigned)rects[i].w,
                                   (unsigned)rects[i].h);
    }
    pixman_region32_subtract(&left, (pixman_region32_t *)(uintptr_t)region, &sum);
    assert_false(pixman_region32_not_empty(&left));
    pixman_region32_fini(&sum);
    pixman_region32_fini(&left);
}

static void test_rects(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 200; round++) {
        pixman_region32_t region;

        pixman_region32_init(&region);
        for (int i = rand_r(&seed) % 150; i > 0; i--)
            pixman_region32_union_rect(&region, &region, rand_r(&seed) % 1900, rand_r(&seed) % 1000,
                                       1 + (unsigned)rand_r(&seed) % 60, 1 + (unsigned)rand_r(&seed) % 40);
        check_cover(&region, 64, 1024);
        check_cover(&region, 16, 32768);
        check_cover(&region, 1, 0);
        pixman_region32_fini(&region);
    }
}

static void test_rects_far_and_near(void **state)
{
    struct frame_rect rects[64];
    pixman_region32_t region;

    (void)state;
    pixman_region32_init_rect(&region, 0, 0, 10, 10);
    pixman_region32_union_rect(&region, &region, 12, 0, 10, 10);
    pixman_region32_union_rect(&region, &region, 1000, 1000, 10, 10);
    assert_int_equal(damage_rects(&region, rects, 64, 1024), 2);
    pixman_region32_fini(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tight),
        cmocka_unit_test(test_undefined_byte),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_rects),
        cmocka_unit_test(test_rects_far_and_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
