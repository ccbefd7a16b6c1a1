/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pool/cmdline.h"

static void check(const char *line, const char *user, const char *const *expected)
{
    char **argv = NULL;
    assert_int_equal(cmdline_build("prog", line, "5e55", user, &argv), 0);
    assert_string_equal(argv[0], "prog");
    size_t i = 0;
    for (; expected[i]; i++) {
        assert_non_null(argv[i + 1]);
        assert_string_equal(argv[i + 1], expected[i]);
    }
    assert_null(argv[i + 1]);
    cmdline_free(argv);
}

#define CHECK(line, user, ...) check(line, user, (const char *const[]){__VA_ARGS__})

static void test_words_and_quotes(void **state)
{
    (void)state;
    CHECK("", "ada", NULL);
    CHECK("  -a \t b ", "ada", "-a", "b", NULL);
    CHECK("'a b' \"c \\\"d\\\" \\\\\" e\\ f g'h'\"i\"", "ada", "a b", "c \"d\" \\", "e f", "ghi", NULL);
    CHECK("'' \"\"", "ada", "", "", NULL);
    CHECK("'$HOME `id` ; rm -rf *'", "ada", "$HOME `id` ; rm -rf *", NULL);
}

/* Whatever a user is called, it stays inside its element and is not read a second time. */
static void test_placeholders(void **state)
{
    (void)state;
    CHECK("--id={SESSION_ID} {USERNAME}", "ada", "--id=5e55", "ada", NULL);
    CHECK("{USERNAME} x", "a b' \"; rm", "a b' \"; rm", "x", NULL);
    CHECK("{USERNAME}", "{SESSION_ID}", "{SESSION_ID}", NULL);
    CHECK("{UNKNOWN} {", "ada", "{UNKNOWN}", "{", NULL);
}

static void test_refused(void **state)
{
    (void)state;
    char **argv = NULL;
    assert_int_equal(cmdline_build("prog", "'open", "5e55", "ada", &argv), -EINVAL);
    assert_int_equal(cmdline_build("prog", "\"open", "5e55", "ada", &argv), -EINVAL);
    assert_int_equal(cmdline_build("prog", "end\\", "5e55", "ada", &argv), -EINVAL);
    assert_int_equal(cmdline_build("", "x", "5e55", "ada", &argv), -EINVAL);
    char many[2 * CMDLINE_ARGS_MAX + 3];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'x';
    many[sizeof many - 1] = '\0';
    assert_int_equal(cmdline_build("prog", many, "5e55", "ada", &argv), -E2BIG);
    cleanup_free char *longer = calloc(1, 9001);
    memset(longer, 'x', 9000);
    assert_true(cmdline_build("prog", longer, "5e55", "ada", &argv) < 0);
}

/* A line with the program in it, and what a user chose behind it. */
static void test_split(void **state)
{
    (void)state;
    char **argv = NULL;
    assert_int_equal(cmdline_split(" 'my prog' -u {USERNAME} ", "a \"{SESSION_ID}\"", "5e55", "ada", &argv),
                     0);
    assert_string_equal(argv[0], "my prog");
    assert_string_equal(argv[1], "-u");
    assert_string_equal(argv[2], "ada");
    assert_string_equal(argv[3], "a \"{SESSION_ID}\"");
    assert_null(argv[4]);
    cmdline_free(argv);
    assert_int_equal(cmdline_split("prog", "", "5e55", "ada", &argv), 0);
    assert_null(argv[1]);
    cmdline_free(argv);
    assert_int_equal(cmdline_split("prog", NULL, "5e55", "ada", &argv), 0);
    cmdline_free(argv);
    assert_int_equal(cmdline_split("", "x", "5e55", "ada", &argv), -EINVAL);
    assert_int_equal(cmdline_split("  ", "x", "5e55", "ada", &argv), -EINVAL);
    assert_int_equal(cmdline_split("'' a", "x", "5e55", "ada", &argv), -EINVAL);
    assert_int_equal(cmdline_split("prog 'open", "x", "5e55", "ada", &argv), -EINVAL);
    char many[2 * CMDLINE_ARGS_MAX];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'x';
    many[sizeof many - 1] = '\0';
    assert_int_equal(cmdline_split(many, NULL, "5e55", "ada", &argv), 0);
    cmdline_free(argv);
    assert_int_equal(cmdline_split(many, "x", "5e55", "ada", &argv), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_and_quotes),
        cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
