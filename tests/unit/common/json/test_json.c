/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "json/json.h"

static json_t *read_text(const char *text)
{
    char error[JSON_ERROR_LEN] = "";
    json_t *value = NULL;

    if (json_read(text, strlen(text), &value, error) < 0)
        fail_msg("%s: %s", text, error);
    return value;
}

static void expect_refused(const char *text, size_t len, const char *part)
{
    char error[JSON_ERROR_LEN] = "";
    json_t *value = NULL;

    assert_int_equal(json_read(text, len, &value, error), -EINVAL);
    assert_null(value);
    if (!strstr(error, part))
        fail_msg("no \"%s\" in \"%s\"", part, error);
}

static void test_read(void **state)
{
    cleanup_json json_t *object = read_text(" {\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\"} \n");
    cleanup_free char *text = json_text(object);
    (void)state;

    assert_string_equal(text, "{\"a\":[1,2,{\"b\":null}],\"c\":\"\xc3\xa9\"}");
}

static void test_refusals(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "1",
                                      "\"a\"",
                                      "null",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{'a':1}",
                                      "{a:1}",
                                      "{\"a\":1} x",
                                      "[]]",
                                      "[NaN]",
                                      "[01]",
                                      "[1e999]",
                                      "[99999999999999999999]",
                                      "{\"a\":1,\"a\":2}",
                                      "[\"\\u0000\"]",
                                      "[\"\\ud800\"]",
                                      "[\"\xff\"]",
                                      "[\"\xc0\xaf\"]",
                                      "[\"\n\"]",
                                      "// c\n[]",
                                      "\xef\xbb\xbf[]"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_refused(bad[i], strlen(bad[i]), "");
    expect_refused("[]\0", 3, "");
    expect_refused("[1\0]", 4, "");
    /* The quoted piece of the input is left out of the message. */
    char error[JSON_ERROR_LEN] = "";
    json_t *value = NULL;
    assert_int_equal(json_read("{\"password\" hunter2}", 20, &value, error), -EINVAL);
    assert_null(strstr(error, "hunter2"));
    assert_non_null(strstr(error, "line 1"));
}

static void test_depth(void **state)
{
    struct buf text;
    char error[JSON_ERROR_LEN];
    json_t *value = NULL;
    (void)state;

    buf_init(&text, 1 << 22);
    for (int i = 0; i < 32; i++)
        buf_append_str(&text, "[");
    for (int i = 0; i < 32; i++)
        buf_append_str(&text, "]");
    assert_int_equal(json_read((char *)text.data, text.len, &value, error), 0);
    json_decref(value);
    buf_finish(&text);
    for (int i = 0; i < 1000000; i++)
        buf_append_str(&text, "[");
    expect_refused((char *)text.data, text.len, "32");
    buf_finish(&text);
    /* Brackets inside strings are no nesting. */
    buf_append_str(&text, "[\"\\\"");
    for (int i = 0; i < 100; i++)
        buf_append_str(&text, "[{");
    buf_append_str(&text, "\"]");
    assert_int_equal(json_read((char *)text.data, text.len, &value, error), 0);
    json_decref(value);
    buf_finish(&text);
}

static void test_required(void **state)
{
    cleanup_json json_t *object = read_text(
        "{\"s\":\"text\",\"i\":7,\"t\":true,\"a\":[1,2],\"n\":null,\"r\":1.0,\"c\":\"a\\nb\",\"o\":{}}");
    char error[JSON_ERROR_LEN] = "";
    const char *s = NULL;
    const json_t *array = NULL;
    int64_t i = -1;
    bool t = false;
    (void)state;

    assert_int_equal(json_get_string(object, "s", 4, &s, error), 0);
    assert_string_equal(s, "text");
    s = NULL;
    assert_int_equal(json_get_string(object, "s", 3, &s, error), -EINVAL);
    assert_string_equal(error, "s is longer than 3 bytes");
    assert_int_equal(json_get_string(object, "c", 9, &s, error), -EINVAL);
    assert_string_equal(error, "c contains a control character");
    assert_int_equal(json_get_string(object, "i", 9, &s, error), -EINVAL);
    assert_int_equal(json_get_string(object, "n", 9, &s, error), -EINVAL);
    assert_int_equal(json_get_string(object, "x", 9, &s, error), -EINVAL);
    assert_string_equal(error, "x is missing");
    assert_int_equal(json_get_string(array, "x", 9, &s, error), -EINVAL);
    assert_null(s);
    assert_int_equal(json_get_int(object, "i", 7, 7, &i, error), 0);
    assert_int_equal(i, 7);
    assert_int_equal(json_get_int(object, "i", 8, 9, &i, error), -EINVAL);
    assert_string_equal(error, "i has to be between 8 and 9");
    assert_int_equal(json_get_int(object, "r", 0, 9, &i, error), -EINVAL);
    assert_int_equal(json_get_int(object, "t", 0, 9, &i, error), -EINVAL);
    assert_int_equal(i, 7);
    assert_int_equal(json_get_bool(object, "t", &t, error), 0);
    assert_true(t);
    assert_int_equal(json_get_bool(object, "i", &t, error), -EINVAL);
    assert_int_equal(json_get_array(object, "a", 2, &array, error), 0);
    assert_int_equal(json_array_size(array), 2);
    assert_int_equal(json_get_array(object, "a", 1, &array, error), -EINVAL);
    assert_int_equal(json_get_array(object, "o", 9, &array, error), -EINVAL);
    assert_int_equal(json_get_string(array, "s", 9, &s, error), -EINVAL);
    assert_string_equal(error, "not an object");
}

static void test_optional(void **state)
{
    cleanup_json json_t *object = read_text("{\"s\":\"text\",\"i\":7,\"t\":true,\"n\":null}");
    char error[JSON_ERROR_LEN] = "";
    const char *s = "before";
    int64_t i = 3;
    bool t = false;
    (void)state;

    assert_int_equal(json_opt_string(object, "x", 9, &s, error), 0);
    assert_int_equal(json_opt_string(object, "n", 9, &s, error), 0);
    assert_string_equal(s, "before");
    assert_int_equal(json_opt_string(object, "s", 9, &s, error), 0);
    assert_string_equal(s, "text");
    assert_int_equal(json_opt_int(object, "n", 0, 9, &i, error), 0);
    assert_int_equal(i, 3);
    assert_int_equal(json_opt_int(object, "i", 0, 6, &i, error), -EINVAL);
    assert_int_equal(json_opt_int(object, "i", 0, 9, &i, error), 0);
    assert_int_equal(i, 7);
    assert_int_equal(json_opt_bool(object, "x", &t, error), 0);
    assert_false(t);
    assert_int_equal(json_opt_bool(object, "t", &t, error), 0);
    assert_true(t);
    assert_int_equal(json_opt_bool(object, "s", &t, error), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),     cmocka_unit_test(test_refusals), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_required), cmocka_unit_test(test_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
