/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The request as its handler sees it. */
#include <strings.h>

#include "base/codec.h"
#include "base/str.h"
#include "http/http_priv.h"
#include "uthash.h"
#include "utlist.h"

struct http_request *http__request_new(struct http_server *server, const char *uri)
{
    struct http_request *r = xcalloc(1, sizeof *r);
    r->refs = 1;
    r->server = server;
    r->loop = server->options.loop;
    r->gate = http__gate_ref(server->gate);
    r->ctx = server->options.ctx;
    r->raw = xstrdup(uri ? uri : "");
    r->url = r->raw;
    r->path = NULL;
    buf_init(&r->body, 0);
    DL_APPEND(server->requests, r);
    return r;
}

void http__request_unref(struct http_request *r)
{
    if (--r->refs > 0)
        return;
    if (r->server)
        DL_DELETE(r->server->requests, r);
    if (r->data_free)
        r->data_free(r->data);
    json_decref(r->json);
    buf_finish(&r->body);
    while (r->param_count > 0)
        free(r->param[--r->param_count].value);
    http__pairs_free(&r->queries);
    http__pairs_free(&r->out);
    if (r->response)
        MHD_destroy_response(r->response);
    http__gate_unref(r->gate);
    free(r->fields);
    free(r->head);
    free(r->path);
    free(r->raw);
    free(r);
}

struct http_pair *http__pair_add(struct http_pair **list, const char *name, const char *value)
{
    struct http_pair *pair = xcalloc(1, sizeof *pair);
    pair->name = xstrdup(name);
    pair->value = value ? xstrdup(value) : NULL;
    LL_APPEND(*list, pair);
    return pair;
}

void http__pairs_free(struct http_pair **list)
{
    struct http_pair *pair, *next;
    LL_FOREACH_SAFE(*list, pair, next)
    {
        free(pair->name);
        free(pair->value);
        free(pair);
    }
    *list = NULL;
}

bool http__header_is_clean(const char *name, const char *value)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f || *p == ':')
            return false;
    for (const unsigned char *p = (const unsigned char *)value; *p; p++)
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return *name != 0;
}

const char *http_method(const struct http_request *r)
{
    return r->method;
}

const char *http_path(const struct http_request *r)
{
    return r->path ? r->path : "";
}

const char *http_url(const struct http_request *r)
{
    return r->url;
}

const char *http_param(const struct http_request *r, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < r->param_count; i++)
        if (r->param[i].name_len == len && memcmp(r->param[i].name, name, len) == 0)
            return r->param[i].value;
    return NULL;
}

const char *http_query(const struct http_request *r, const char *name)
{
    struct http_pair *pair;
    LL_FOREACH(r->queries, pair)
    {
        if (str_eq(pair->name, name))
            return pair->value;
    }
    cleanup_free char *value = NULL;
    if (!r->query || query_get(r->query, name, &value) < 0)
        return NULL;
    /* Kept with the request, so that the caller gets a lent string: no visible state changes. */
    return http__pair_add(&((struct http_request *)(uintptr_t)r)->queries, name, value)->value;
}

const char *http_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (strcasecmp(r->fields[i].name, name) == 0)
            return r->fields[i].value;
    return NULL;
}

void http_each_header(const struct http_request *r,
                      void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
    for (size_t i = 0; i < r->field_count; i++)
        fn(arg, r->fields[i].name, r->fields[i].value);
}

const void *http_body(const struct http_request *r, size_t *ret_len)
{
    *ret_len = r->body.len;
    return r->body.len ? (const void *)r->body.data : "";
}

const char *http_peer(const struct http_request *r)
{
    return r->peer;
}

bool http_is_tls(const struct http_request *r)
{
    return r->is_tls;
}

static bool is_json_type(const char *type)
{
    if (!type)
        return true; /* small clients leave it out; the parser decides */
    size_t len = strcspn(type, "; \t");
    return (len == 16 && strncasecmp(type, "application/json", 16) == 0) ||
           (len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0);
}

const json_t *http_json(struct http_request *r)
{
    char error[JSON_ERROR_LEN];
    if (r->json)
        return r->json;
    if (!is_json_type(http_header(r, "Content-Type"))) {
        http_answer_error(r, 415, "unsupported_media_type", "the body has to be application/json");
        return NULL;
    }
    size_t len;
    const void *body = http_body(r, &len);
    if (json_read(body, len, &r->json, error) < 0) {
        http_answer_error(r, 400, "bad_json", error);
        return NULL;
    }
    if (!json_is_object(r->json)) {
        json_decref(r->json);
        r->json = NULL;
        http_answer_error(r, 400, "bad_json", "the body has to be a JSON object");
    }
    return r->json;
}

void http_set_data(struct http_request *r, void *data, void (*fn)(void *data))
{
    if (r->data_free && r->data != data)
        r->data_free(r->data);
    r->data = data;
    r->data_free = fn;
}

void *http_data(const struct http_request *r)
{
    return r->data;
}
