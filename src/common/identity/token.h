/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bearer tokens: JSON Web Tokens (RFC 7519) in compact form, signed with HMAC-SHA256 and nothing else.
 *
 * The header is {"alg":"HS256","typ":"JWT"} and has no other member: what a header could ask for (another
 * algorithm, a key to fetch) does not exist here. Claims: iss and aud "isthmus", sub the user, jti the
 * token's own id, iat, nbf, exp in Unix seconds, gen the user's token_generation at the time. A guest's token
 * has aud "isthmus-guest", sub the session's owner, and sid, role and name: what expects a login and knows
 * nothing of guests refuses it. */
#ifndef ISTHMUS_IDENTITY_TOKEN_H
#define ISTHMUS_IDENTITY_TOKEN_H

#include "identity/identity.h"

#define TOKEN_MAX 4096
#define TOKEN_LEEWAY_S 30 /* how far the clocks of two gateways may be apart */

struct token_claims {
    char subject[SECRET_ID_LEN];
    char id[SECRET_ID_LEN];
    int64_t issued, not_before, expires;
    int64_t generation;
    enum identity_role role; /* owner: a login */
    /* of a guest: */
    char session_id[SECRET_ID_LEN];
    char guest[IDENTITY_GUEST_MAX + 1];
};

/* The caller frees *ret_token. */
int token_make(const uint8_t key[32], const struct token_claims *claims, char **ret_token);
/* Signature and form, not the time: 0 or -EACCES. The signature is checked before anything is decoded. */
int token_read(const uint8_t key[32], const char *token, struct token_claims *ret_claims);
/* -EACCES when expired or not valid yet. */
int token_check_time(const struct token_claims *claims, int64_t now);

#endif
