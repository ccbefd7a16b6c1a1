/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_limit(void **state)
{
    struct buf b;
    (void)state;

    buf_init(&b, 10);
    assert_int_equal(buf_append_str(&b, "0123456789"), 0);
    assert_int_equal(buf_append(&b, "x", 1), -EMSGSIZE);
    assert_int_equal(buf_append_fmt(&b, "%d", 7), -EMSGSIZE);
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "0123456789", 10);
    buf_consume(&b, 4);
    assert_int_equal(buf_append_fmt(&b, "%s", "abcd"), 0);
    assert_memory_equal(b.data, "456789abcd", 10);
    buf_finish(&b);
    assert_int_equal(b.max, 10);
    assert_int_equal(buf_append_str(&b, "again"), 0);
    buf_finish(&b);
    buf_finish(NULL);
}

static void test_huge_lengths_do_not_wrap(void **state)
{
    uint8_t *at = NULL;
    struct buf b;
    (void)state;

    buf_init(&b, 100);
    assert_int_equal(buf_append_u8(&b, 1), 0);
    assert_int_equal(buf_reserve(&b, SIZE_MAX, &at), -EMSGSIZE);
    assert_int_equal(buf_append(&b, "", SIZE_MAX - 1), -EMSGSIZE);
    buf_consume(&b, SIZE_MAX);
    assert_int_equal(b.len, 0);
    buf_finish(&b);
}

static void test_little_endian(void **state)
{
    static const uint8_t want[] = {1,    0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                   0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 9,    8};
    struct buf b;
    (void)state;

    buf_init(&b, sizeof(want));
    buf_append_u8(&b, 1);
    buf_append_u16le(&b, 0x0203);
    buf_append_u32le(&b, 0x04050607);
    assert_int_equal(buf_append_u64le(&b, 0x08090a0b0c0d0e0f), 0);
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.data, want, sizeof(want));
    assert_int_equal(buf_append_u16le(&b, 1), -EMSGSIZE);
    buf_finish(&b);
}

static void test_reserve_and_steal(void **state)
{
    uint8_t *at = NULL;
    struct buf b;
    char *s;
    (void)state;

    buf_init(&b, 200);
    assert_int_equal(buf_reserve(&b, 150, &at), 0);
    memset(at, 'a', 150);
    buf_commit(&b, 150);
    s = buf_steal_str(&b);
    assert_int_equal(strlen(s), 150);
    free(s);
    s = buf_steal_str(&b);
    assert_string_equal(s, "");
    free(s);
    /* Full to the maximum: the NUL does not count. */
    buf_init(&b, 64);
    assert_int_equal(buf_reserve(&b, 64, &at), 0);
    memset(at, 'b', 64);
    buf_commit(&b, 64);
    s = buf_steal_str(&b);
    assert_int_equal(strlen(s), 64);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_huge_lengths_do_not_wrap),
        cmocka_unit_test(test_little_endian),
        cmocka_unit_test(test_reserve_and_steal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
