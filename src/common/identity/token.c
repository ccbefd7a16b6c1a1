/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity/token.h"

#include "base/codec.h"
#include "base/str.h"
#include "json/json.h"

#define PARTY "isthmus"
#define GUEST_PARTY "isthmus-guest"
#define TIME_MAX INT64_C(253402300799) /* the end of the year 9999 */

static char *encode_json(json_t *value)
{
    cleanup_free char *text = json_text(value);
    json_decref(value);
    return text ? base64url_encode(text, strlen(text)) : NULL;
}

static char *sign(const uint8_t key[32], const char *text, size_t len)
{
    uint8_t mac[SECRET_HASH_LEN];
    secret_hmac_sha256(key, 32, text, len, mac);
    return base64url_encode(mac, sizeof(mac));
}

static json_t *body_of(const struct token_claims *claims)
{
    bool guest = claims->role != IDENTITY_OWNER;
    json_t *body = json_pack("{ssssssss sI sI sI sI}", "iss", PARTY, "aud", guest ? GUEST_PARTY : PARTY,
                             "sub", claims->subject, "jti", claims->id, "iat", (json_int_t)claims->issued,
                             "nbf", (json_int_t)claims->not_before, "exp", (json_int_t)claims->expires, "gen",
                             (json_int_t)claims->generation);
    if (body && guest) {
        json_object_set_new(body, "sid", json_string(claims->session_id));
        json_object_set_new(body, "role", json_string(identity_role_words[claims->role]));
        json_object_set_new(body, "name", json_string(claims->guest));
    }
    return body;
}

int token_make(const uint8_t key[32], const struct token_claims *claims, char **ret_token)
{
    cleanup_free char *header = encode_json(json_pack("{ssss}", "alg", "HS256", "typ", "JWT"));
    cleanup_free char *body = encode_json(body_of(claims));
    if (!header || !body)
        return -ENOMEM;
    cleanup_free char *text = xasprintf("%s.%s", header, body);
    cleanup_free char *mac = sign(key, text, strlen(text));
    *ret_token = xasprintf("%s.%s", text, mac);
    return 0;
}

static int decode_json(const char *text, size_t len, json_t **ret_value)
{
    char error[JSON_ERROR_LEN];
    cleanup_free uint8_t *data = NULL;
    size_t data_len = 0;
    if (base64url_decode(text, len, &data, &data_len) < 0 ||
        json_read((const char *)data, data_len, ret_value, error) < 0)
        return -EACCES;
    return 0;
}

static bool member_is(const json_t *object, const char *name, const char *wanted)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) && str_eq(json_string_value(value), wanted);
}

static bool header_is_ours(const json_t *header)
{
    return json_is_object(header) && json_object_size(header) == 2 && member_is(header, "alg", "HS256") &&
           member_is(header, "typ", "JWT");
}

static int read_id(const json_t *object, const char *name, char ret_id[SECRET_ID_LEN])
{
    const char *value = json_string_value(json_object_get(object, name));
    if (!value || !str_is_id(value))
        return -EACCES;
    return str_copy(ret_id, SECRET_ID_LEN, value);
}

/* A login has none of a guest's claims, a guest all of them. */
static int read_role(const json_t *body, struct token_claims *c)
{
    char error[JSON_ERROR_LEN];
    const char *word, *name;
    if (member_is(body, "aud", PARTY))
        return json_object_get(body, "sid") || json_object_get(body, "role") ? -EACCES : 0;
    if (!member_is(body, "aud", GUEST_PARTY) || read_id(body, "sid", c->session_id) < 0 ||
        json_get_string(body, "role", 16, &word, error) < 0 || identity_role_read(word, &c->role) < 0 ||
        c->role == IDENTITY_OWNER || json_get_string(body, "name", IDENTITY_GUEST_MAX, &name, error) < 0)
        return -EACCES;
    return str_copy(c->guest, sizeof(c->guest), name);
}

static int read_claims(const json_t *body, struct token_claims *ret_claims)
{
    char error[JSON_ERROR_LEN];
    struct token_claims c = {0};
    if (!json_is_object(body) || !member_is(body, "iss", PARTY) || read_role(body, &c) < 0)
        return -EACCES;
    if (read_id(body, "sub", c.subject) < 0 || read_id(body, "jti", c.id) < 0)
        return -EACCES;
    if (json_get_int(body, "iat", 0, TIME_MAX, &c.issued, error) < 0 ||
        json_get_int(body, "nbf", 0, TIME_MAX, &c.not_before, error) < 0 ||
        json_get_int(body, "exp", 0, TIME_MAX, &c.expires, error) < 0 ||
        json_get_int(body, "gen", 0, INT64_MAX, &c.generation, error) < 0)
        return -EACCES;
    *ret_claims = c;
    return 0;
}

static int check_signature(const uint8_t key[32], const char *token, size_t signed_len)
{
    cleanup_free char *wanted = sign(key, token, signed_len);
    const char *given = token + signed_len + 1;
    if (!wanted || strlen(given) != strlen(wanted) || !secret_equal(given, wanted, strlen(wanted)))
        return -EACCES;
    return 0;
}

int token_read(const uint8_t key[32], const char *token, struct token_claims *ret_claims)
{
    cleanup_json json_t *header = NULL;
    cleanup_json json_t *body = NULL;
    size_t len = strnlen(token, TOKEN_MAX + 1);
    if (len > TOKEN_MAX)
        return -EACCES;
    const char *first = strchr(token, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;
    if (!second || strchr(second + 1, '.'))
        return -EACCES;
    if (check_signature(key, token, (size_t)(second - token)) < 0 ||
        decode_json(token, (size_t)(first - token), &header) < 0 || !header_is_ours(header) ||
        decode_json(first + 1, (size_t)(second - first - 1), &body) < 0)
        return -EACCES;
    return read_claims(body, ret_claims);
}

int token_check_time(const struct token_claims *claims, int64_t now)
{
    if (now >= claims->expires || claims->not_before > now + TOKEN_LEEWAY_S ||
        claims->issued > now + TOKEN_LEEWAY_S)
        return -EACCES;
    return 0;
}
