/* SPDX-License-Identifier: GPL-3.0-or-later */
/* X-Isthmus-Auth: how the roles of a farm know each other (docs/protocol/internal.md). */
#ifndef ISTHMUS_HTTP_PEER_AUTH_H
#define ISTHMUS_HTTP_PEER_AUTH_H

#include "base/clock.h"
#include "base/util.h"

#define PEER_AUTH_HEADER "X-Isthmus-Auth"
#define PEER_AUTH_SKEW_S 300

/* The headers the gateway injects and the signature covers, in the order of the document; NULL-terminated. */
extern const char *const peer_auth_headers[];

struct peer_auth_request {
    const char *method;
    const char *url; /* path and query as sent */
    const void *body;
    size_t body_len;
    /* Value of a request header or NULL, for the names in peer_auth_headers. */
    const char *(*header)(const void *arg, const char *name);
    const void *arg;
};

/* The header's value, the caller frees; NULL when a header cannot be signed (a line feed in it, or more than
 * 64 KiB of headers). */
char *peer_auth_sign(const uint8_t key[32], const struct peer_auth_request *request);
/* 0; -EINVAL malformed; -ETIME too old or too new; -EACCES wrong. value may be NULL (-EINVAL). */
int peer_auth_verify(const uint8_t key[32], const struct peer_auth_request *request, const char *value,
                     const struct clock *clock);
/* The key between gateway and the streamer of one session. */
void peer_auth_streamer_key(const uint8_t key[32], const char *session_id, uint8_t ret_key[32]);

#endif
