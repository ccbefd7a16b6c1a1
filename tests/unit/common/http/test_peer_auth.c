/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vectors were computed from docs/protocol/internal.md with another implementation of HMAC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"
#include "http/peer_auth.h"

#define PREFIX "v1 1800000000 00112233445566778899aabbccddeeff "
#define MAC_GET "08682339c321ef1700889453f48b325934108b29c9c6981b654705d358e8793f"
#define MAC_POST "b71ebaafa4825224b5ed0559af82cdaa03f6bb0a51c701a3146bd712703abebe"

static uint8_t key[32];
static const struct clock now = {.wall_s = 1800000000};

static const char *two_headers(const void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "x-session-id") == 0 ? "abc" : strcmp(name, "x-username") == 0 ? "J%C3%BC" : NULL;
}

static const char *evil_header(const void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "x-session-id") == 0 ? "abc\nx-username:root" : NULL;
}

static const struct peer_auth_request get = {"GET", "/getConnection?width=1&height=2", NULL, 0, two_headers,
                                             NULL};
static const struct peer_auth_request post = {"POST", "/session/end", "{\"a\":1}", 7, NULL, NULL};

static void test_vectors(void **state)
{
    (void)state;
    assert_int_equal(peer_auth_verify(key, &get, PREFIX MAC_GET, &now), 0);
    assert_int_equal(peer_auth_verify(key, &post, PREFIX MAC_POST, &now), 0);
    assert_int_equal(peer_auth_verify(key, &post, PREFIX MAC_GET, &now), -EACCES);
    uint8_t derived[32], wanted[32];
    peer_auth_streamer_key(key, "abc", derived);
    assert_int_equal(
        hex_decode("206be27c1bf71870fc7bd89628183ffe4171c5e87b26cd2d342a86ad57958b7f", wanted, 32), 0);
    assert_memory_equal(derived, wanted, 32);
}

static void test_round_trip(void **state)
{
    (void)state;
    cleanup_free char *value = peer_auth_sign(key, &get);
    cleanup_free char *again = peer_auth_sign(key, &get);
    assert_non_null(value);
    assert_string_not_equal(value, again);
    assert_int_equal(peer_auth_verify(key, &get, value, NULL), 0);
    struct peer_auth_request other = get;
    other.method = "HEAD";
    assert_int_equal(peer_auth_verify(key, &other, value, NULL), -EACCES);
    other = get;
    other.url = "/getConnection?width=1&height=3";
    assert_int_equal(peer_auth_verify(key, &other, value, NULL), -EACCES);
    other = get;
    other.header = NULL;
    assert_int_equal(peer_auth_verify(key, &other, value, NULL), -EACCES);
    uint8_t other_key[32] = {1};
    assert_int_equal(peer_auth_verify(other_key, &get, value, NULL), -EACCES);
    other.header = evil_header;
    assert_null(peer_auth_sign(key, &other));
}

static void test_time(void **state)
{
    (void)state;
    struct clock clock = now;
    clock.wall_s += 300;
    assert_int_equal(peer_auth_verify(key, &get, PREFIX MAC_GET, &clock), 0);
    clock.wall_s += 1;
    assert_int_equal(peer_auth_verify(key, &get, PREFIX MAC_GET, &clock), -ETIME);
    clock.wall_s = now.wall_s - 300;
    assert_int_equal(peer_auth_verify(key, &get, PREFIX MAC_GET, &clock), 0);
    clock.wall_s -= 1;
    assert_int_equal(peer_auth_verify(key, &get, PREFIX MAC_GET, &clock), -ETIME);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "v1",
        "v2 1800000000 00112233445566778899aabbccddeeff " MAC_GET,
        "v1  1800000000 00112233445566778899aabbccddeeff " MAC_GET,
        "v1 18e8 00112233445566778899aabbccddeeff " MAC_GET,
        "v1 -1800000000 00112233445566778899aabbccddeeff " MAC_GET,
        "v1 99999999999999999999 00112233445566778899aabbccddeeff " MAC_GET,
        "v1 1800000000 00112233445566778899aabbccddeef " MAC_GET,
        "v1 1800000000 00112233445566778899AABBCCDDEEFF " MAC_GET,
        PREFIX MAC_GET " ",
        PREFIX "0868",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (peer_auth_verify(key, &get, bad[i], &now) != -EINVAL)
            fail_msg("case %zu", i);
    assert_int_equal(peer_auth_verify(key, &get, NULL, &now), -EINVAL);
}

int main(void)
{
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
