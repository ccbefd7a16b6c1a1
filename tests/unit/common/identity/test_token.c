/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"
#include "base/str.h"
#include "identity/token.h"

static const uint8_t key[32] = "thirty-two bytes and not one NUL";

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"
#define CLAIMS                                                                                               \
    "{\"iss\":\"isthmus\",\"aud\":\"isthmus\",\"sub\":\"" ID_A "\",\"jti\":\"" ID_B                          \
    "\",\"iat\":100,\"nbf\":100,\"exp\":200,\"gen\":7}"

/* A token of any header and claims with a right signature: what only a holder of the key could make. */
static char *forge(const char *header, const char *claims)
{
    uint8_t mac[SECRET_HASH_LEN];
    cleanup_free char *h = base64url_encode(header, strlen(header));
    cleanup_free char *c = base64url_encode(claims, strlen(claims));
    cleanup_free char *text = xasprintf("%s.%s", h, c);
    secret_hmac_sha256(key, sizeof(key), text, strlen(text), mac);
    cleanup_free char *signature = base64url_encode(mac, sizeof(mac));
    return xasprintf("%s.%s", text, signature);
}

static int read_forged(const char *header, const char *claims)
{
    struct token_claims ret;
    cleanup_free char *token = forge(header, claims);
    return token_read(key, token, &ret);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct token_claims in = {
        .subject = ID_A, .id = ID_B, .issued = 5, .not_before = 6, .expires = 7, .generation = 8};
    struct token_claims out;
    cleanup_free char *token = NULL;
    assert_int_equal(token_make(key, &in, &token), 0);
    assert_int_equal(token_read(key, token, &out), 0);
    assert_string_equal(out.subject, ID_A);
    assert_string_equal(out.id, ID_B);
    assert_int_equal(out.issued, 5);
    assert_int_equal(out.not_before, 6);
    assert_int_equal(out.expires, 7);
    assert_int_equal(out.generation, 8);
    /* Another implementation would read it: the well-known form of the header. */
    assert_true(str_starts_with(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
}

static void test_every_changed_byte_is_refused(void **state)
{
    (void)state;
    struct token_claims out;
    cleanup_free char *token = forge(HEADER, CLAIMS);
    assert_int_equal(token_read(key, token, &out), 0);
    size_t len = strlen(token);
    for (size_t i = 0; i < len; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(token_read(key, token, &out), -EACCES);
        token[i] = was;
    }
    for (size_t cut = 1; cut < len; cut++) {
        token[len - cut] = '\0';
        assert_int_equal(token_read(key, token, &out), -EACCES);
    }
}

static void test_unsigned_and_foreign(void **state)
{
    (void)state;
    struct token_claims out;
    cleanup_free char *none = base64url_encode("{\"alg\":\"none\",\"typ\":\"JWT\"}", 27);
    cleanup_free char *claims = base64url_encode(CLAIMS, strlen(CLAIMS));
    cleanup_free char *empty_signature = xasprintf("%s.%s.", none, claims);
    cleanup_free char *two_parts = xasprintf("%s.%s", none, claims);
    cleanup_free char *good = forge(HEADER, CLAIMS);
    cleanup_free char *four_parts = xasprintf("%s.x", good);
    cleanup_free char *padded = xasprintf("%s=", good);
    cleanup_free char *spaced = xasprintf(" %s", good);
    const char *bad[] = {"",        ".",        "..",   "...", "a.b.c", empty_signature,
                         two_parts, four_parts, padded, spaced};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(token_read(key, bad[i], &out), -EACCES);
    uint8_t other[32] = {1};
    assert_int_equal(token_read(other, good, &out), -EACCES);
    cleanup_free char *huge = xcalloc(1, 3 * TOKEN_MAX);
    memset(huge, 'a', 3 * TOKEN_MAX - 1);
    assert_int_equal(token_read(key, huge, &out), -EACCES);
}

/* Even signed with the right key, a header may ask for nothing. */
static void test_headers(void **state)
{
    (void)state;
    const char *bad[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\"}",
        "{\"alg\":\"None\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS512\",\"typ\":\"JWT\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"hs256\",\"typ\":\"JWT\"}",
        "{\"alg\":[\"HS256\"],\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\"}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"other\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"jku\":\"http://127.0.0.1/keys\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"x5u\":\"http://127.0.0.1/cert\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}",
        "{\"alg\":\"none\",\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "[\"HS256\",\"JWT\"]",
        "\"HS256\"",
        "null",
        "{",
        "",
    };
    assert_int_equal(read_forged(HEADER, CLAIMS), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (read_forged(bad[i], CLAIMS) != -EACCES)
            fail_msg("accepted header %s", bad[i]);
    }
}

static void test_claims(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"\"iss\":\"isthmus\"", "\"iss\":\"other\""},
        {"\"iss\":\"isthmus\",", ""},
        {"\"aud\":\"isthmus\"", "\"aud\":\"other\""},
        {"\"aud\":\"isthmus\"", "\"aud\":[\"isthmus\"]"},
        {"\"sub\":\"" ID_A "\"", "\"sub\":\"admin\""},
        {"\"sub\":\"" ID_A "\"", "\"sub\":7"},
        {"\"jti\":\"" ID_B "\"", "\"jti\":\"\""},
        {"\"exp\":200", "\"exp\":\"200\""},
        {"\"exp\":200", "\"exp\":200.5"},
        {"\"exp\":200", "\"exp\":1e300"},
        {"\"exp\":200", "\"exp\":99999999999999999999"},
        {"\"exp\":200", "\"exp\":-1"},
        {"\"exp\":200,", ""},
        {"\"nbf\":100,", ""},
        {"\"iat\":100,", ""},
        {",\"gen\":7", ""},
        {"\"gen\":7", "\"gen\":null"},
        {"\"gen\":7", "\"gen\":7,\"exp\":300"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        cleanup_free char *claims = str_replace(CLAIMS, changes[i][0], changes[i][1]);
        assert_string_not_equal(claims, CLAIMS);
        if (read_forged(HEADER, claims) != -EACCES)
            fail_msg("accepted claims %s", claims);
    }
}

static void test_time(void **state)
{
    (void)state;
    struct token_claims c = {.issued = 1000, .not_before = 1000, .expires = 2000};
    assert_int_equal(token_check_time(&c, 1000), 0);
    assert_int_equal(token_check_time(&c, 1999), 0);
    assert_int_equal(token_check_time(&c, 2000), -EACCES);
    assert_int_equal(token_check_time(&c, 1000 - TOKEN_LEEWAY_S), 0);
    assert_int_equal(token_check_time(&c, 1000 - TOKEN_LEEWAY_S - 1), -EACCES);
    c.issued = 1100;
    assert_int_equal(token_check_time(&c, 1000), -EACCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_changed_byte_is_refused),
        cmocka_unit_test(test_unsigned_and_foreign),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
