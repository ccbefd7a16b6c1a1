/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "display/capture_msg.h"

static void test_update(void **state)
{
    static const uint8_t want[] = {
        1, 1, 1, 0, 7,  0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0,    0,    4,    0, 71,
        0, 0, 0,                                      /* header */
        7, 0, 0, 0, 4,  0, 0, 0, 0x20, 3,    0x58, 2, /* size 800 x 600 */
        4, 0, 0, 0, 12, 0, 0, 0, 1,    0,    2,    0,    3,    0,    4,    0,    0xaa, 0xbb, 0xcc, 0, /* fill
                                                                                                       */
        2, 0, 0, 0, 16, 0, 0, 0, 1,    0,    2,    0,    3,    0,    4,    0,    8,    7,    6,    5, 4,
        3, 2, 1, /* cached */
        1, 0, 0, 0, 7,  0, 0, 0,
    };
    struct frame_rect rect = {1, 2, 3, 4};
    struct capture_update u;
    struct rcbuf *message;

    (void)state;
    assert_int_equal(capture_begin(&u), 0);
    assert_int_equal(capture_add_size(&u, 800, 600), 0);
    assert_int_equal(capture_add_solid(&u, &rect, 0xffaabbcc), 0);
    assert_int_equal(capture_add_cached(&u, &rect, 0x0102030405060708), 0);
    assert_int_equal(capture_add_pointer(&u, 9, 10), 0);
    assert_int_equal(capture_end(&u, CAPTURE_FLAG_FULL, 7, 0x1122334455667788, &message), 0);
    assert_int_equal(rcbuf_len(message), 24 + 12 + 20 + 24 + 12);
    assert_memory_equal(rcbuf_data(message), want, 20);
    assert_int_equal(rcbuf_data(message)[20], 68);
    assert_memory_equal(rcbuf_data(message) + 24, want + 24, 12 + 20 + 24);
    rcbuf_unref(message);
}

static void test_too_many_records(void **state)
{
    struct capture_update u;

    (void)state;
    assert_int_equal(capture_begin(&u), 0);
    for (int i = 0; i < CAPTURE_MAX_RECORDS; i++)
        assert_int_equal(capture_add_pointer(&u, i, i), 0);
    assert_int_equal(capture_add_pointer(&u, 0, 0), -EMSGSIZE);
    capture_abort(&u);
}

static void test_parse_good(void **state)
{
    static const uint8_t ack[] = {1, 1, 0, 0, 5, 0, 0, 0, 0x10, 0x27, 0, 0}, refresh[] = {1, 2, 0, 0},
                         miss[] = {1, 3, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 8, 7, 6, 5, 4, 3, 2, 1},
                         hidden[] = {1, 4, 0, 0, 1, 0, 0, 0};
    struct capture_request r;

    (void)state;
    assert_int_equal(capture_parse(ack, sizeof(ack), &r), 0);
    assert_int_equal(r.type, CAPTURE_ACK);
    assert_int_equal(r.sequence, 5);
    assert_int_equal(r.decode_us, 10000);
    assert_int_equal(capture_parse(refresh, sizeof(refresh), &r), 0);
    assert_int_equal(r.type, CAPTURE_REFRESH);
    assert_int_equal(capture_parse(miss, sizeof(miss), &r), 0);
    assert_int_equal(r.rect.h, 4);
    assert_true(r.hash == 0x0102030405060708);
    assert_int_equal(capture_parse(hidden, sizeof(hidden), &r), 0);
    assert_true(r.hidden);
}

static void test_parse_absurd(void **state)
{
    static const struct {
        size_t len;
        uint8_t data[24];
    } bad[] = {
        {0, {0}},
        {3, {1, 2, 0}},
        {4, {2, 2, 0, 0}}, /* version */
        {4, {1, 0, 0, 0}}, /* types */
        {4, {1, 5, 0, 0}},
        {4, {1, 255, 0, 0}},
        {4, {1, 2, 1, 0}},    /* reserved */
        {5, {1, 2, 0, 0, 0}}, /* lengths */
        {11, {1, 1, 0, 0, 1}},
        {13, {1, 1, 0, 0, 1}},
        {12, {1, 1, 0, 0, 0, 0, 0, 0}},                                     /* sequence 0 */
        {20, {1, 3, 0, 0, 1, 0, 2, 0, 0, 0, 4, 0, 8, 7, 6, 5, 4, 3, 2, 1}}, /* no width */
        {20, {1, 3, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1}}, /* no height */
        {20, {1, 3, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0}},                      /* hash 0 */
        {8, {1, 4, 0, 0, 2, 0, 0, 0}},
        {8, {1, 4, 0, 0, 1, 0, 0, 9}},
    };
    struct capture_request r;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(capture_parse(bad[i].data, bad[i].len, &r), -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_too_many_records),
        cmocka_unit_test(test_parse_good),
        cmocka_unit_test(test_parse_absurd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
