/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the client's two files share. */
#ifndef ISTHMUS_HTTP_HTTP_CLIENT_PRIV_H
#define ISTHMUS_HTTP_HTTP_CLIENT_PRIV_H

#include <curl/curl.h>

#include "base/buf.h"
#include "http/http_client.h"

#define HTTP_ANSWER_FIELDS 256

struct http_call {
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    void *body;
    struct buf answer;
    int body_fd; /* 0: none */
    size_t stored, max_stored;
    char **fields; /* of the answer; NULL-terminated */
    size_t field_count;
    size_t head_size;
    bool too_large;
    bool done;
    CURLcode result;
    void (*fn)(void *arg, const struct http_answer *answer);
    void *arg;
    struct http_call *prev, *next;
};

/* Everything of options goes into call->easy and call; 0 or -errno. */
int http__call_set_options(struct http_call *call, const struct http_call_options *options);

#endif
