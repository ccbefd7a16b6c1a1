/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tries that are counted per address, with a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "webstream/gateway/attempts.h"

#define START UINT64_C(1000000)

static unsigned wait_s;

static int charge(struct attempts **table, const char *address, uint64_t now)
{
    wait_s = 0;
    return attempts_charge(table, address, now, &wait_s);
}

static void test_a_minute(void **state)
{
    struct attempts *table = NULL;
    (void)state;
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        assert_int_equal(charge(&table, "192.0.2.1", START), 0);
    assert_int_equal(charge(&table, "192.0.2.1", START + 500), -EAGAIN);
    assert_int_equal(wait_s, 60);
    assert_int_equal(charge(&table, "192.0.2.1", START + 59999), -EAGAIN);
    assert_int_equal(wait_s, 1);
    assert_int_equal(charge(&table, "192.0.2.2", START), 0);
    assert_int_equal(charge(&table, "192.0.2.1", START + ATTEMPTS_WINDOW_MS), 0);
    attempts_free(&table);
    assert_null(table);
}

static void test_what_was_right_does_not_count(void **state)
{
    struct attempts *table = NULL;
    (void)state;
    for (int i = 0; i < 10 * ATTEMPTS_MAX; i++) {
        assert_int_equal(charge(&table, "192.0.2.1", START), 0);
        attempts_refund(&table, "192.0.2.1");
    }
    attempts_refund(&table, "192.0.2.1"); /* more than was charged */
    attempts_refund(&table, "192.0.2.9"); /* a stranger */
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        assert_int_equal(charge(&table, "192.0.2.1", START), 0);
    assert_int_equal(charge(&table, "192.0.2.1", START), -EAGAIN);
    attempts_free(&table);
}

/* A network of IPv6 has as many addresses as somebody likes. */
static void test_one_network_is_one(void **state)
{
    struct attempts *table = NULL;
    char address[64];
    (void)state;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        (void)snprintf(address, sizeof(address), "2001:db8::%x", i + 1);
        assert_int_equal(charge(&table, address, START), 0);
    }
    assert_int_equal(charge(&table, "2001:db8::ffff", START), -EAGAIN);
    assert_int_equal(charge(&table, "2001:db8:0:1::1", START), 0);
    attempts_free(&table);
}

static void test_the_table_is_bounded(void **state)
{
    struct attempts *table = NULL;
    char address[64];
    (void)state;
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        assert_int_equal(charge(&table, "192.0.2.1", START), 0);
    /* Newcomers push the eldest out, not each other, and all of them when they are old. */
    for (int i = 0; i < 2 * ATTEMPTS_ADDRESSES_MAX; i++) {
        (void)snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_int_equal(charge(&table, address, START + (uint64_t)i), 0);
    }
    assert_int_equal(charge(&table, "192.0.2.1", START + 2 * ATTEMPTS_ADDRESSES_MAX), 0);
    attempts_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_minute),
        cmocka_unit_test(test_what_was_right_does_not_count),
        cmocka_unit_test(test_one_network_is_one),
        cmocka_unit_test(test_the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
