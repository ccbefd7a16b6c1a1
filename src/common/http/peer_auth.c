/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/peer_auth.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/secret.h"
#include "base/str.h"

#define NONCE_LEN 32
#define MAC_LEN (2 * SECRET_HASH_LEN)
/* A head of 64 KiB, the request line once more, and the fixed parts. */
#define SIGNED_MAX ((size_t)192 * 1024)

const char *const peer_auth_headers[] = {
    "x-session-id", "x-workspace-id", "x-workspace-name", "x-workspace-type",
    "x-app-id",     "x-app-exe",      "x-app-args",       "x-user-id",
    "x-username",   "x-org-id",       "x-policy-json",    "x-viewer-role",
    NULL,
};

struct auth_value {
    int64_t time;
    char time_text[21]; /* as sent: it is what the MAC covers */
    char nonce[NONCE_LEN + 1];
    uint8_t mac[SECRET_HASH_LEN];
};

static int append_headers(struct buf *b, const struct peer_auth_request *request)
{
    for (size_t i = 0; peer_auth_headers[i] && request->header; i++) {
        const char *value = request->header(request->arg, peer_auth_headers[i]);
        if (!value)
            continue;
        if (strchr(value, '\n')) /* would let one value pass for two */
            return -EINVAL;
        int rc = buf_append_fmt(b, "%s:%s\n", peer_auth_headers[i], value);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int compute(const uint8_t key[32], const struct peer_auth_request *request, const char *time,
                   const char *nonce, uint8_t ret_mac[SECRET_HASH_LEN])
{
    uint8_t hash[SECRET_HASH_LEN];
    char body[MAC_LEN + 1];
    secret_sha256(request->body_len ? request->body : "", request->body_len, hash);
    hex_encode(hash, sizeof hash, body);
    struct buf b;
    buf_init(&b, SIGNED_MAX);
    int rc = buf_append_fmt(&b, "v1\n%s\n%s\n%s\n%s\n%s\n", request->method, request->url, time, nonce, body);
    if (rc == 0)
        rc = append_headers(&b, request);
    if (rc == 0)
        secret_hmac_sha256(key, 32, b.data, b.len, ret_mac);
    buf_finish(&b);
    return rc;
}

/* One space after each part and nothing more: what is not canonical is not ours. */
static int parse_value(const char *value, struct auth_value *ret)
{
    if (strncmp(value, "v1 ", 3) != 0)
        return -EINVAL;
    const char *time = value + 3;
    size_t digits = strspn(time, "0123456789");
    if (digits == 0 || digits >= sizeof ret->time_text || time[digits] != ' ')
        return -EINVAL;
    memcpy(ret->time_text, time, digits);
    ret->time_text[digits] = 0;
    if (str_to_int(ret->time_text, 0, INT64_MAX / 2, &ret->time) < 0)
        return -EINVAL;
    const char *nonce = time + digits + 1;
    if (strlen(nonce) != NONCE_LEN + 1 + MAC_LEN || nonce[NONCE_LEN] != ' ')
        return -EINVAL;
    memcpy(ret->nonce, nonce, NONCE_LEN);
    ret->nonce[NONCE_LEN] = 0;
    if (!str_is_id(ret->nonce))
        return -EINVAL;
    return hex_decode(nonce + NONCE_LEN + 1, ret->mac, sizeof ret->mac);
}

char *peer_auth_sign(const uint8_t key[32], const struct peer_auth_request *request)
{
    char time[24], nonce[SECRET_ID_LEN], text[MAC_LEN + 1];
    uint8_t mac[SECRET_HASH_LEN];
    snprintf(time, sizeof time, "%" PRId64, clock_wall_s(NULL));
    secret_random_id(nonce);
    if (compute(key, request, time, nonce, mac) < 0)
        return NULL;
    hex_encode(mac, sizeof mac, text);
    return xasprintf("v1 %s %s %s", time, nonce, text);
}

int peer_auth_verify(const uint8_t key[32], const struct peer_auth_request *request, const char *value,
                     const struct clock *clock)
{
    struct auth_value got;
    uint8_t mac[SECRET_HASH_LEN];
    if (!value || parse_value(value, &got) < 0)
        return -EINVAL;
    int64_t now = clock_wall_s(clock);
    if (got.time < now - PEER_AUTH_SKEW_S || got.time > now + PEER_AUTH_SKEW_S)
        return -ETIME;
    if (compute(key, request, got.time_text, got.nonce, mac) < 0)
        return -EACCES;
    return secret_equal(mac, got.mac, sizeof mac) ? 0 : -EACCES;
}

void peer_auth_streamer_key(const uint8_t key[32], const char *session_id, uint8_t ret_key[32])
{
    cleanup_free char *label = xasprintf("streamer:%s", session_id);
    secret_hmac_sha256(key, 32, label, strlen(label), ret_key);
}
