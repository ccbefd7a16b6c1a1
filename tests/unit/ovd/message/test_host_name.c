/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "ovd/message/host_name.h"

static void test_names(void **state)
{
    static const struct {
        const char *host, *name;
        unsigned port;
    } good[] = {
        {"desk.example:8", "desk.example", 8},
        {"Desk_1", "Desk_1", 80},
        {"desk:", "desk", 80},
        {"10.0.0.1:65535", "10.0.0.1", 65535},
        {"[::1]", "[::1]", 80},
        {"[fe80::1]:8082", "[fe80::1]", 8082},
        {"a-b.c.", "a-b.c.", 80},
        {"x:00080", "x", 80},
    };
    char name[OVD_HOST_MAX + 1];
    unsigned port;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_true(ovd_host_read(good[i].host, name, &port));
        assert_string_equal(name, good[i].name);
        assert_int_equal(port, good[i].port);
    }
}

static void test_others(void **state)
{
    static const char *const bad[] = {
        "",       ":",    ":80",     "a b",  "a\tb",    "a/b",       "u@h",   "u@h:1",       "h?x",  "h#x",
        "h\"><x", "h:0",  "h:65536", "h:1x", "h:-1",    "h: 1",      "h:1:2", "caf\xc3\xa9", "[::1", "[::1]x",
        "[]",     "[]:1", "[a]b]:1", "::1",  "[::1]:0", "[fe80::g]", "x]y",   "h\r\nX",      "h%00", "h\\x"};
    char name[OVD_HOST_MAX + 1], longest[OVD_HOST_MAX + 2];
    unsigned port;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(ovd_host_read(bad[i], name, &port));
    assert_false(ovd_host_read(NULL, name, &port));
    memset(longest, 'e', OVD_HOST_MAX + 1);
    longest[OVD_HOST_MAX + 1] = '\0';
    assert_false(ovd_host_read(longest, name, &port));
    longest[OVD_HOST_MAX] = '\0';
    assert_true(ovd_host_read(longest, name, &port));
    assert_string_equal(name, longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
