/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address of a session host, which the gateway will connect to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webstream/gateway/gateway_priv.h"

static void test_forms_of_one_host(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *normal;
        unsigned port;
    } rows[] = {
        {"http://10.0.0.5:9005", "10.0.0.5", "http://10.0.0.5:9005", 9005},
        {"http://10.0.0.5:9005/", "10.0.0.5", "http://10.0.0.5:9005", 9005},
        {"http://host-1.farm", "host-1.farm", "http://host-1.farm:80", 80},
        {"http://[::1]:9005", "::1", "http://[::1]:9005", 9005},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct host_url url;
        assert_int_equal(host_url_parse(rows[i].text, &url), 0);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.text, rows[i].normal);
        assert_int_equal(url.port, rows[i].port);
    }
}

static void test_what_is_no_host(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "http://",
        "https://10.0.0.5",
        "ftp://10.0.0.5",
        "HTTP://10.0.0.5",
        "http://10.0.0.5:0",
        "http://10.0.0.5:65536",
        "http://10.0.0.5:",
        "http://10.0.0.5:80x",
        "http://10.0.0.5:80:80",
        "http://10.0.0.5/path",
        "http://10.0.0.5//",
        "http://10.0.0.5?x=y",
        "http://10.0.0.5#x",
        "http://user@10.0.0.5",
        "http://user:secret@10.0.0.5",
        "http://10.0.0.5\r\nHost: x",
        "http://10.0.0.5 ",
        "http://[::1",
        "http://[::1]x",
        "http://[]:80",
        "http://[fe80::1%25eth0]:80",
        "http://::1",
        "http://h\xc3\xb6st",
    };
    struct host_url url;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (host_url_parse(bad[i], &url) != -EINVAL)
            fail_msg("%s is taken", bad[i]);
    char endless[700] = "http://";
    memset(endless + 7, 'a', sizeof(endless) - 8);
    assert_int_equal(host_url_parse(endless, &url), -EINVAL);
    endless[300] = '\0';
    assert_int_equal(host_url_parse(endless, &url), -EINVAL);
}

static void test_only_private_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"http://127.0.0.1", 0},
        {"http://10.1.2.3", 0},
        {"http://172.16.0.1", 0},
        {"http://172.31.255.255", 0},
        {"http://192.168.1.1", 0},
        {"http://[::1]", 0},
        {"http://[fd00::1]", 0},
        {"http://localhost", 0},
        {"http://172.32.0.1", -EACCES},
        {"http://8.8.8.8", -EACCES},
        {"http://169.254.169.254", -EACCES},
        {"http://0.0.0.0", -EACCES},
        {"http://[2001:db8::1]", -EACCES},
        {"http://[fe80::1]", -EACCES},
        {"http://[::ffff:8.8.8.8]", -EACCES},
        {"http://[::ffff:10.0.0.1]", 0},
        {"http://134744072", -EACCES},
        {"http://no-such-name.invalid", -ENOENT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct host_url url;
        assert_int_equal(host_url_parse(rows[i].text, &url), 0);
        if (host_url_check(&url) != rows[i].result)
            fail_msg("%s: %d", rows[i].text, host_url_check(&url));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_one_host),
        cmocka_unit_test(test_what_is_no_host),
        cmocka_unit_test(test_only_private_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
