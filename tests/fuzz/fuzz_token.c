// links: identity
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The token reader. The input is read as a token as it is; and, because a wrong signature ends that at once,
 * the two parts before and after its first newline are signed with the right key, as header and claims, so
 * that everything behind the signature is reached, too. */
#include <stdio.h>

#include "base/codec.h"
#include "base/secret.h"
#include "identity/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[32] = {1, 2, 3};

/* What was accepted must survive being written and read again. */
static void check(const struct token_claims *claims)
{
    struct token_claims again;
    cleanup_free char *token = NULL;
    if (token_make(key, claims, &token) < 0 || token_read(key, token, &again) < 0 ||
        strcmp(again.subject, claims->subject) != 0 || strcmp(again.id, claims->id) != 0 ||
        again.expires != claims->expires || again.generation != claims->generation ||
        again.role != claims->role || strcmp(again.session_id, claims->session_id) != 0 ||
        strcmp(again.guest, claims->guest) != 0)
        abort();
    token_check_time(claims, 1800000000);
}

static void read_raw(const uint8_t *data, size_t size)
{
    struct token_claims claims;
    cleanup_free char *text = xcalloc(1, size + 1);
    memcpy(text, data, size);
    if (token_read(key, text, &claims) == 0)
        check(&claims);
}

static void read_signed(const uint8_t *data, size_t size)
{
    uint8_t mac[SECRET_HASH_LEN];
    struct token_claims claims;
    const uint8_t *line = memchr(data, '\n', size);
    size_t header_len = line ? (size_t)(line - data) : size;
    const uint8_t *rest = line ? line + 1 : data + size;
    cleanup_free char *header = base64url_encode(data, header_len);
    cleanup_free char *body = base64url_encode(rest, (size_t)(data + size - rest));
    if (!header || !body)
        return;
    cleanup_free char *text = xasprintf("%s.%s", header, body);
    secret_hmac_sha256(key, sizeof(key), text, strlen(text), mac);
    cleanup_free char *signature = base64url_encode(mac, sizeof(mac));
    cleanup_free char *token = xasprintf("%s.%s", text, signature);
    if (token_read(key, token, &claims) == 0)
        check(&claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2 * TOKEN_MAX)
        return 0;
    read_raw(data, size);
    read_signed(data, size);
    return 0;
}
