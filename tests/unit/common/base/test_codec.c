/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"

static void test_hex(void **state)
{
    uint8_t raw[4] = {0};
    char text[9];
    (void)state;

    hex_encode("\x00\x7f\x80\xff", 4, text);
    assert_string_equal(text, "007f80ff");
    assert_int_equal(hex_decode("007F80fF", raw, 4), 0);
    assert_memory_equal(raw, "\x00\x7f\x80\xff", 4);
    assert_int_equal(hex_decode("007f80f", raw, 4), -EINVAL);
    assert_int_equal(hex_decode("007f80ff0", raw, 4), -EINVAL);
    assert_int_equal(hex_decode("007f80fg", raw, 4), -EINVAL);
    assert_int_equal(hex_decode("", raw, 0), 0);
}

static void expect_base64(const char *data, size_t len, const char *plain, const char *url)
{
    cleanup_free char *a = base64_encode(data, len);
    cleanup_free char *b = base64url_encode(data, len);
    cleanup_free uint8_t *back = NULL;
    cleanup_free uint8_t *back_url = NULL;
    size_t back_len = 99;

    assert_string_equal(a, plain);
    assert_string_equal(b, url);
    assert_int_equal(base64_decode(plain, strlen(plain), &back, &back_len), 0);
    assert_int_equal(back_len, len);
    assert_memory_equal(back, data, len);
    assert_int_equal(back[len], 0);
    assert_int_equal(base64url_decode(url, strlen(url), &back_url, &back_len), 0);
    assert_int_equal(back_len, len);
    assert_memory_equal(back_url, data, len);
}

static void test_base64(void **state)
{
    (void)state;
    expect_base64("", 0, "", "");
    expect_base64("f", 1, "Zg==", "Zg");
    expect_base64("fo", 2, "Zm8=", "Zm8");
    expect_base64("foo", 3, "Zm9v", "Zm9v");
    expect_base64("\xfb\xff\xbe", 3, "+/++", "-_--");
    expect_base64("a\0b", 3, "YQBi", "YQBi");
}

/* A second spelling of the same bytes would let one token be two. */
static void test_base64_refuses_other_spellings(void **state)
{
    static const char *const bad[] = {
        "Zg=", "Zg", "Zh==", "Zm9=", "Zg==\n", "Z===", "====", "=", "Zm9v=", "Zm 9", "-_--", "Zg==Zg=="};
    static const char *const bad_url[] = {"Z", "Zh", "Zm9", "Zg==", "+/++", "Zg\n"};
    uint8_t *data = NULL;
    size_t len = 0;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &data, &len), -EINVAL);
    for (size_t i = 0; i < ARRAY_SIZE(bad_url); i++)
        assert_int_equal(base64url_decode(bad_url[i], strlen(bad_url[i]), &data, &len), -EINVAL);
    assert_int_equal(base64_decode("Zg\0=", 4, &data, &len), -EINVAL);
    assert_null(data);
}

static void test_percent(void **state)
{
    static const char *const bad[] = {"%", "%1", "%zz", "%00", "%0a", "%c3", "a%ff", "\x01", "%ed%a0%80"};
    cleanup_free char *coded = percent_encode("a b/\xc3\xa9+~%");
    cleanup_free char *back = NULL;
    char *text = NULL;
    (void)state;

    assert_string_equal(coded, "a%20b%2F%C3%A9%2B~%25");
    assert_int_equal(percent_decode(coded, strlen(coded), &back), 0);
    assert_string_equal(back, "a b/\xc3\xa9+~%");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(percent_decode(bad[i], strlen(bad[i]), &text), -EINVAL);
    /* The escape is cut by the length, not by the NUL. */
    assert_int_equal(percent_decode("%41", 2, &text), -EINVAL);
    assert_null(text);
}

static void expect_query(const char *query, const char *name, int want, const char *value)
{
    cleanup_free char *got = NULL;

    assert_int_equal(query_get(query, name, &got), want);
    if (value)
        assert_string_equal(got, value);
    else
        assert_null(got);
}

static void test_query(void **state)
{
    (void)state;
    expect_query("width=800&height=600", "height", 0, "600");
    expect_query("width=800&height=600", "eight", -ENOENT, NULL);
    expect_query("awidth=1&width=2", "width", 0, "2");
    expect_query("a=1+2", "a", 0, "1+2");
    expect_query("a=%2B", "a", 0, "+");
    expect_query("a", "a", 0, "");
    expect_query("&&a=&&", "a", 0, "");
    expect_query("a=b=c", "a", 0, "b=c");
    expect_query("", "a", -ENOENT, NULL);
    expect_query(NULL, "a", -ENOENT, NULL);
    expect_query("a=%", "a", -EINVAL, NULL);
    expect_query("a=%0d%0aX", "a", -EINVAL, NULL);
    expect_query("a=1&a=2", "a", -EINVAL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_refuses_other_spellings),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
