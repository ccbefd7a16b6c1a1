/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "host/host_priv.h"

static const struct host_session_order asked = {.session_id = "0123456789abcdef0123456789abcdef",
                                                .username = "ada \"l\" \\ \xc3\xa9",
                                                .app_exe = "xterm",
                                                .app_args = "-e 'a b'",
                                                .app_mode = "app",
                                                .max_width = 1920,
                                                .clipboard = "in:4096",
                                                .max_height = 1080,
                                                .persistent = true,
                                                .legacy = true,
                                                .may_be_silent = true,
                                                .time_limit = 1800000000,
                                                .time_limit_message = "One line\nand another"};

static void test_written_and_read(void **state)
{
    (void)state;
    struct host_order order, again;
    host_order_copy(&order, &asked);
    order.width = 1024;
    order.height = 768;
    order.warned = true;
    cleanup_free char *text = host_order_text(&order);
    assert_int_equal(host_order_read(text, &again), 0);
    assert_string_equal(again.username, asked.username);
    assert_string_equal(again.app_exe, "xterm");
    assert_string_equal(again.app_args, asked.app_args);
    assert_string_equal(again.app_mode, "app");
    assert_string_equal(again.time_limit_message, asked.time_limit_message);
    assert_string_equal(again.clipboard, "in:4096");
    assert_int_equal(again.width, 1024);
    assert_int_equal(again.height, 768);
    assert_int_equal(again.max_width, 1920);
    assert_int_equal(again.max_height, 1080);
    assert_int_equal(again.time_limit, 1800000000);
    assert_true(again.legacy && again.may_be_silent && again.warned);
    host_order_finish(&again);

    /* As an earlier version wrote it. */
    cleanup_free char *old = str_replace(text, "\"clipboard\":\"in:4096\",", "");
    assert_true(strlen(old) < strlen(text));
    assert_int_equal(host_order_read(old, &again), 0);
    assert_string_equal(again.clipboard, "both");
    host_order_finish(&order);
    host_order_finish(&again);
}

/* Whoever gets more time is warned again before its end. */
static void test_terms(void **state)
{
    (void)state;
    struct host_order order;
    struct host_session_order terms = asked;
    host_order_copy(&order, &asked);
    order.warned = true;
    terms.legacy = terms.may_be_silent = false;
    terms.time_limit_message = NULL;
    host_order_set_terms(&order, &terms);
    assert_true(order.warned);
    assert_false(order.legacy || order.may_be_silent);
    assert_string_equal(order.time_limit_message, "");
    terms.time_limit += 60;
    host_order_set_terms(&order, &terms);
    assert_false(order.warned);
    assert_string_equal(order.app_exe, "xterm");
    host_order_finish(&order);
}

static void test_long_message(void **state)
{
    (void)state;
    struct host_order order;
    struct host_session_order long_one = asked;
    cleanup_free char *text = xcalloc(1, 3 * 1000 + 1);
    for (size_t i = 0; i < 1000; i++)
        memcpy(text + 3 * i, i % 2 ? "\xe2\x82\xac" : "\r\ny", 3);
    long_one.time_limit_message = text;
    host_order_copy(&order, &long_one);
    size_t len = strlen(order.time_limit_message);
    assert_in_range(len, POOL_MESSAGE_MAX - 4, POOL_MESSAGE_MAX);
    assert_true(str_is_utf8(order.time_limit_message, len, false));
    assert_null(strchr(order.time_limit_message, '\r'));
    host_order_finish(&order);
}

static void test_damaged(void **state)
{
    (void)state;
    struct host_order order;
    struct host_order none = {0};
    host_order_copy(&order, &asked);
    cleanup_free char *text = host_order_text(&order);
    host_order_finish(&order);
    for (size_t len = 0; len < strlen(text); len++) {
        cleanup_free char *shorter = strndup(text, len);
        assert_int_equal(host_order_read(shorter, &none), -EINVAL);
    }
    assert_int_equal(host_order_read("{}", &none), -EINVAL);
    assert_int_equal(host_order_read("[]", &none), -EINVAL);
    assert_int_equal(host_order_read("{\"username\":7}", &none), -EINVAL);
    assert_null(none.username);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_long_message),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
