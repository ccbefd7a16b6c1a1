/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void test_copy(void **state)
{
    char dst[4];
    (void)state;

    assert_int_equal(str_copy(dst, sizeof(dst), "abc"), 0);
    assert_string_equal(dst, "abc");
    assert_int_equal(str_copy(dst, sizeof(dst), "abcd"), -ENAMETOOLONG);
    assert_string_equal(dst, "");
    assert_int_equal(str_copy(dst, 0, ""), -ENAMETOOLONG);
}

static void test_int_exact(void **state)
{
    static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1a", "0x10", "--1", "1.0", "\xd9\xa1"};
    int64_t v = 42;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(str_to_int(bad[i], INT64_MIN, INT64_MAX, &v), -EINVAL);
    assert_int_equal(str_to_int(NULL, 0, 1, &v), -EINVAL);
    assert_int_equal(v, 42);
    assert_int_equal(str_to_int("-9223372036854775808", INT64_MIN, INT64_MAX, &v), 0);
    assert_true(v == INT64_MIN);
    assert_int_equal(str_to_int("9223372036854775807", INT64_MIN, INT64_MAX, &v), 0);
    assert_true(v == INT64_MAX);
    assert_int_equal(str_to_int("9223372036854775808", INT64_MIN, INT64_MAX, &v), -ERANGE);
    assert_int_equal(str_to_int("-9223372036854775809", INT64_MIN, INT64_MAX, &v), -ERANGE);
    assert_int_equal(str_to_int("99999999999999999999999999", INT64_MIN, INT64_MAX, &v), -ERANGE);
    assert_int_equal(str_to_int("99999999999999999999999999x", INT64_MIN, INT64_MAX, &v), -EINVAL);
    assert_int_equal(str_to_int("-0", 0, 1, &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(str_to_int("65536", 1, 65535, &v), -ERANGE);
    assert_int_equal(str_to_int("007", 1, 65535, &v), 0);
    assert_int_equal(v, 7);
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_false(str_eq("", NULL));
    assert_true(str_eq("a", "a"));
    assert_true(str_starts_with("abc", "ab"));
    assert_true(str_starts_with("abc", ""));
    assert_false(str_starts_with("a", "ab"));
    assert_true(str_ends_with("abc", "bc"));
    assert_false(str_ends_with("c", "bc"));
    assert_true(str_ends_with("c", ""));
}

static void test_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "abc",
                                       "\xc3\xa9",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xef\xbf\xbf",
                                       "\xed\x9f\xbf"};
    /* overlong forms, surrogates, past the end of Unicode, cut off, stray continuation, never-used bytes */
    static const char *const bad[] = {"\xc0\xaf",     "\xc1\xbf",     "\xe0\x80\xaf",     "\xf0\x80\x80\xaf",
                                      "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xc3",         "\xe2\x82",     "\xf0\x9f\x98",     "\x80",
                                      "\xfe",         "\xff",         "a\xc3(",           "\xe2\x28\xa1"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(str_is_utf8(good[i], strlen(good[i]), true));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(str_is_utf8(bad[i], strlen(bad[i]), false));
    assert_false(str_is_utf8("a\0b", 3, false));
    assert_true(str_is_utf8("a\nb", 3, false));
    assert_false(str_is_utf8("a\nb", 3, true));
    assert_false(str_is_utf8("\x1b[2J", 4, true));
    assert_false(str_is_utf8("\x7f", 1, true));
    assert_false(str_is_utf8("\xc2\x9b", 2, true)); /* CSI as one C1 character */
}

static void test_token_and_id(void **state)
{
    (void)state;
    assert_true(str_is_token("abc", "abc", 3));
    assert_false(str_is_token("abc", "abc", 2));
    assert_false(str_is_token("", "abc", 2));
    assert_false(str_is_token(NULL, "abc", 2));
    assert_false(str_is_token("abd", "abc", 3));
    assert_true(str_is_id("0123456789abcdef0123456789abcdef"));
    assert_false(str_is_id("0123456789abcdef0123456789abcde"));
    assert_false(str_is_id("0123456789abcdef0123456789abcdef0"));
    assert_false(str_is_id("0123456789ABCDEF0123456789abcdef"));
    assert_false(str_is_id("../../../../../../../etc/passwd0"));
    assert_false(str_is_id(""));
    assert_false(str_is_id(NULL));
    cleanup_free char *cut = xstrdup("0123456789abcdef"); /* nothing is read behind its end */
    assert_false(str_is_id(cut));
}

static void test_trim(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"abc", "abc"},
                                           {"a\xc3\xa9", "a\xc3\xa9"},
                                           {"a\xc3", "a"},
                                           {"\xf0\x9f\x98\x80\xf0\x9f\x98", "\xf0\x9f\x98\x80"},
                                           {"\xe2\x82\xac", "\xe2\x82\xac"},
                                           {"a\xe2\x82", "a"},
                                           {"\xe2", ""}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        cleanup_free char *s = xstrdup(pairs[i][0]);

        str_trim_utf8(s);
        assert_string_equal(s, pairs[i][1]);
    }
}

static void expect_replaced(const char *s, const char *needle, const char *with, const char *want)
{
    cleanup_free char *got = str_replace(s, needle, with);

    assert_string_equal(got, want);
}

static void test_replace(void **state)
{
    (void)state;
    expect_replaced("a%b%c", "%", "%%", "a%%b%%c");
    expect_replaced("aaa", "aa", "b", "ba");
    expect_replaced("abc", "x", "y", "abc");
    expect_replaced("abc", "", "y", "abc");
    expect_replaced("abc", "abc", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy), cmocka_unit_test(test_int_exact),    cmocka_unit_test(test_compare),
        cmocka_unit_test(test_utf8), cmocka_unit_test(test_token_and_id), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
