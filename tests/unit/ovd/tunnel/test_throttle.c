/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "ovd/tunnel/throttle_priv.h"

static void test_bucket(void **state)
{
    (void)state;
    struct tunnel_throttle *throttle = throttle__create(3, 1000);
    uint64_t now = 5000;
    assert_false(throttle__is_shut(throttle, now, "10.0.0.1"));
    for (int i = 0; i < 3; i++) {
        assert_false(throttle__is_shut(throttle, now, "10.0.0.1"));
        throttle__count(throttle, now, "10.0.0.1");
    }
    assert_true(throttle__is_shut(throttle, now, "10.0.0.1"));
    assert_true(throttle__is_shut(throttle, now + 999, "10.0.0.1"));
    assert_false(throttle__is_shut(throttle, now, "10.0.0.2"));
    now += 1000; /* one more */
    assert_false(throttle__is_shut(throttle, now, "10.0.0.1"));
    throttle__count(throttle, now, "10.0.0.1");
    assert_true(throttle__is_shut(throttle, now, "10.0.0.1"));
    now += 100000; /* all is forgiven, and no more than all */
    for (int i = 0; i < 3; i++)
        throttle__count(throttle, now, "10.0.0.1");
    assert_true(throttle__is_shut(throttle, now, "10.0.0.1"));
    throttle__destroy(throttle);
    throttle__destroy(NULL);
}

static void test_many_addresses(void **state)
{
    (void)state;
    struct tunnel_throttle *throttle = throttle__create(1, 1000000);
    char text[32];
    throttle__count(throttle, 1, "oldest");
    throttle__count(throttle, 1, "busy");
    for (int i = 0; i < THROTTLE_ADDRESSES_MAX - 1; i++) {
        throttle__count(throttle, 2, "busy"); /* stays young */
        snprintf(text, sizeof text, "10.%d.%d.1", i / 256, i % 256);
        throttle__count(throttle, 2, text);
    }
    assert_false(throttle__is_shut(throttle, 2, "oldest"));
    assert_true(throttle__is_shut(throttle, 2, "busy"));
    throttle__destroy(throttle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bucket), cmocka_unit_test(test_many_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
