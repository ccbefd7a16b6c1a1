/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "base/str.h"
#include "display/clip_text.h"

static void test_latin1(void **state)
{
    char every[256], *text = NULL, *back = NULL;
    size_t len = 0, back_len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (char)i;
    assert_int_equal(clip_text_from_latin1(every, sizeof(every), &text, &len), 0);
    assert_int_equal(len, 128 + 2 * 128);
    assert_true(str_is_utf8(text + 1, len - 1, false)); /* but for the NUL */
    assert_int_equal(clip_text_to_latin1(text, len, &back, &back_len), 0);
    assert_int_equal(back_len, sizeof(every));
    assert_memory_equal(back, every, sizeof(every));
    free(text);
    free(back);

    assert_int_equal(clip_text_to_latin1("a€é🌊z", strlen("a€é🌊z"), &back, &back_len), 0);
    assert_string_equal(back, "a?\xe9?z");
    free(back);
    assert_int_equal(clip_text_from_latin1("", 0, &text, &len), 0);
    assert_int_equal(len, 0);
    assert_string_equal(text, "");
    free(text);
}

static void test_lines(void **state)
{
    char text[] = "\r\none\r\rtwo\n\r\nthree\r";
    size_t len;

    (void)state;
    len = clip_text_unify_lines(text, strlen(text));
    assert_int_equal(len, strlen("\none\n\ntwo\n\nthree\n"));
    assert_memory_equal(text, "\none\n\ntwo\n\nthree\n", len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_latin1), cmocka_unit_test(test_lines)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
