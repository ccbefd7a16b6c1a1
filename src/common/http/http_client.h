/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP client: libcurl multi inside the loop. No redirects, no proxy from the environment, http and https
 * only. */
#ifndef ISTHMUS_HTTP_HTTP_CLIENT_H
#define ISTHMUS_HTTP_HTTP_CLIENT_H

#include "base/util.h"
#include "loop/loop.h"

struct http_client;
struct http_call;

struct http_answer {
    int error; /* 0, or -errno: -ECONNREFUSED, -ETIMEDOUT, -EMSGSIZE (answer too large), -EIO */
    unsigned status;
    const char *type;           /* Content-Type, or "" */
    const char *const *headers; /* "Name: value", NULL-terminated */
    const void *body;           /* NUL-terminated */
    size_t len;
    size_t stored; /* what went to body_fd instead */
};

struct http_call_options {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value" lines, NULL-terminated, or NULL */
    const void *body;
    size_t body_len;
    const uint8_t *peer_key; /* 32 bytes: adds X-Isthmus-Auth; NULL: none */
    unsigned timeout_ms;     /* 0: 10000 */
    size_t max_answer;       /* 0: 1 MiB */
    int body_fd; /* > 0: the body of a 2xx goes to this file, lent until fn is called, instead of memory.
                    Other bodies stay in memory, up to 1 MiB */
};

int http_client_create(struct loop *loop, struct http_client **ret_client);
/* Cancels what is under way without calling back. NULL-safe, returns NULL. */
struct http_client *http_client_destroy(struct http_client *client);
/* fn is called once on the loop, never from inside this call. Everything in options is copied. ret_call may
 * be NULL. */
int http_client_call(struct http_client *client, const struct http_call_options *options,
                     void (*fn)(void *arg, const struct http_answer *answer), void *arg,
                     struct http_call **ret_call);
/* Only before fn was called; fn will not be called. */
void http_call_cancel(struct http_call *call);

#endif
