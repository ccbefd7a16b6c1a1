/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/addr.h"

static void test_text(void **state)
{
    (void)state;
    char text[ADDR_TEXT_LEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    addr_text((const struct sockaddr *)&v4, text);
    assert_string_equal(text, "192.0.2.1");
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
    addr_text((const struct sockaddr *)&v6, text);
    assert_string_equal(text, "192.0.2.1");
    inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
    addr_text((const struct sockaddr *)&v6, text);
    assert_string_equal(text, "2001:db8::1");
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    addr_text((const struct sockaddr *)&local, text);
    assert_string_equal(text, "unix");
}

static void test_prefix(void **state)
{
    (void)state;
    char text[ADDR_TEXT_LEN];
    addr_prefix("192.0.2.1", text);
    assert_string_equal(text, "192.0.2.1");
    addr_prefix("2001:db8:1:2:3:4:5:6", text);
    assert_string_equal(text, "2001:db8:1:2::/64");
    addr_prefix("unix", text);
    assert_string_equal(text, "unix");
}

static void test_list(void **state)
{
    (void)state;
    assert_true(addr_in_list("10.1.2.3", "192.0.2.1, 10.0.0.0/8"));
    assert_false(addr_in_list("11.1.2.3", "192.0.2.1, 10.0.0.0/8"));
    assert_true(addr_in_list("10.0.0.127", "10.0.0.0/25"));
    assert_false(addr_in_list("10.0.0.128", "10.0.0.0/25"));
    assert_true(addr_in_list("::1", "::1"));
    assert_true(addr_in_list("2001:db8::5", "2001:db8::/32"));
    assert_false(addr_in_list("2001:db9::5", "2001:db8::/32"));
    assert_true(addr_in_list("1.2.3.4", "0.0.0.0/0"));
    assert_false(addr_in_list("2001:db8::5", "0.0.0.0/0"));
    /* What is broken matches nothing. */
    assert_false(addr_in_list("10.0.0.1", "10.0.0.0/33, 10.0.0.0/x, 10.0.0, /8, 10.0.0.0/-1"));
    assert_false(addr_in_list("unix", "0.0.0.0/0, ::/0"));
    assert_false(addr_in_list("10.0.0.1", ""));
    assert_false(addr_in_list("10.0.0.1", NULL));
}

static const char *client(const char *peer, const char *forwarded, const char *trusted)
{
    static char text[ADDR_TEXT_LEN];
    addr_client(peer, forwarded, trusted, text);
    return text;
}

static void test_client(void **state)
{
    (void)state;
    assert_string_equal(client("10.0.0.1", "192.0.2.1", "10.0.0.0/8"), "192.0.2.1");
    assert_string_equal(client("10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2", "10.0.0.0/8"), "192.0.2.1");
    assert_string_equal(client("192.0.2.9", "1.1.1.1", "10.0.0.0/8"), "192.0.2.9");
    assert_string_equal(client("10.0.0.1", NULL, "10.0.0.0/8"), "10.0.0.1");
    assert_string_equal(client("10.0.0.1", "", "10.0.0.0/8"), "10.0.0.1");
    assert_string_equal(client("10.0.0.1", "not an address", "10.0.0.0/8"), "10.0.0.1");
    assert_string_equal(client("10.0.0.1", "junk, 10.0.0.2", "10.0.0.0/8"), "10.0.0.1");
    assert_string_equal(client("10.0.0.1", "192.0.2.1,", "10.0.0.0/8"), "10.0.0.1");
    assert_string_equal(client("10.0.0.1", "10.0.0.3", "10.0.0.0/8"), "10.0.0.3");
    assert_string_equal(client("10.0.0.1", "2001:db8::1", "10.0.0.0/8"), "2001:db8::1");
    assert_string_equal(client("10.0.0.1", "192.0.2.1", ""), "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
