/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the head of an HTTP/1.1 message from bytes: for the backend's answer to a WebSocket handshake that
 * the gateway forwards. Strict: CRLF only, no folding, no NUL, no duplicate Content-Length, no spaces before
 * the colon. */
#ifndef ISTHMUS_HTTP_HTTP_HEAD_H
#define ISTHMUS_HTTP_HTTP_HEAD_H

#include "base/util.h"

#define HTTP_HEAD_MAX 65536
#define HTTP_HEAD_FIELDS 128

struct http_head {
    unsigned status; /* of an answer */
    size_t length;   /* bytes of the head, blank line included */
    size_t count;
    struct {
        char *name;
        char *value; /* trimmed */
    } field[HTTP_HEAD_FIELDS];
    char *storage; /* owned copy that the fields point into */
};

/* 0 and a head to finish; -EAGAIN when the blank line is not there yet; -EINVAL, -EMSGSIZE. */
int http_head_parse_answer(const void *data, size_t len, struct http_head *ret_head);
void http_head_finish(struct http_head *head); /* NULL-safe on a zeroed head */
const char *http_head_get(const struct http_head *head, const char *name);
/* 0 when the answer accepts a WebSocket handshake that was made with this Sec-WebSocket-Key, else -EPROTO. */
int http_head_check_websocket(const struct http_head *head, const char *key);
/* Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2); the caller frees. */
char *http_head_accept(const char *key);

/* The checks a forwarded handshake must pass before any backend is contacted: GET, Upgrade and Connection
 * tokens, version 13, a key of 16 bytes. header gives request headers by name. 0, -EINVAL, or
 * -EPROTONOSUPPORT (answer 426 with version 13). */
int http_head_check_upgrade(const char *method, const char *(*header)(const void *arg, const char *name),
                            const void *arg);
/* Splits Sec-WebSocket-Protocol "isthmus.v1, ticket.HEX": 0 and the 32 hex digits, or -EINVAL. */
int http_head_ticket(const char *protocols, char ret_ticket[33]);

#endif
