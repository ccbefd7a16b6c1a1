/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pages may open a WebSocket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webstream/gateway/gateway_priv.h"

static void test_our_own_pages(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"https://desk.example", "desk.example"},
        {"https://desk.example", "desk.example:443"},
        {"https://desk.example:443", "desk.example"},
        {"https://desk.example:8443", "desk.example:8443"},
        {"https://Desk.Example", "desk.example"},
        {"https://[::1]:8443", "[::1]:8443"},
        {"https://[::1]", "[::1]:443"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        assert_true(origin_is_allowed(pairs[i][0], pairs[i][1], ""));
}

static void test_foreign_pages(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"http://desk.example", "desk.example"},
        {"https://desk.example.evil.org", "desk.example"},
        {"https://desk.example:8443", "desk.example"},
        {"https://desk.example", "desk.example:8443"},
        {"https://evil.org", "desk.example"},
        {"https://desk.example/", "desk.example"},
        {"https://", ""},
        {"https://:443", ":443"},
        {"null", "null"},
        {"", ""},
        {"https://[::443", "[:"},
        {"https://desk.example", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        assert_false(origin_is_allowed(pairs[i][0], pairs[i][1], ""));
}

static void test_listed_pages(void **state)
{
    (void)state;
    const char *list = "https://portal.example, http://old.example:81 ,https://x";
    assert_true(origin_is_allowed("https://portal.example", "desk.example", list));
    assert_true(origin_is_allowed("http://old.example:81", "desk.example", list));
    assert_true(origin_is_allowed("https://x", "desk.example", list));
    assert_false(origin_is_allowed("https://portal.exampl", "desk.example", list));
    assert_false(origin_is_allowed("https://portal.example.org", "desk.example", list));
    assert_false(origin_is_allowed("", "desk.example", list));
    assert_false(origin_is_allowed("null", "desk.example", list));
}

static void test_programs_without_origin(void **state)
{
    (void)state;
    assert_true(origin_is_allowed(NULL, "desk.example", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_our_own_pages),
        cmocka_unit_test(test_foreign_pages),
        cmocka_unit_test(test_listed_pages),
        cmocka_unit_test(test_programs_without_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
