/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a message is laid out; that it is shown is seen in test_pool_instance.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pool/leader_message.h"

static void expect(const char *text, const char *expected)
{
    cleanup_free char *wrapped = leader_message_wrap(text);
    assert_string_equal(wrapped, expected);
}

static void test_wrap(void **state)
{
    (void)state;
    expect("", "");
    expect("short", "short");
    expect("two\n\nlines", "two\n\nlines");
    /* 64 characters fit, a 65th does not. */
    expect("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggg h",
           "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff\nggggg h");
    expect("aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff gggg h",
           "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff gggg\nh");
    /* Characters, not bytes. */
    expect("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
           "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
           "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 a a",
           "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
           "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
           "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 a a");
}

/* A message of nothing but ends of lines leaves its button on the screen. */
static void test_height(void **state)
{
    (void)state;
    char text[1001];
    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cleanup_free char *wrapped = leader_message_wrap(text);
    unsigned lines = 0;
    for (const char *at = wrapped; *at; at++)
        lines += *at == '\n';
    assert_in_range(lines, 1, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_height),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
