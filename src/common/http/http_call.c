/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request as libcurl gets it, and its answer as it comes in. */
#include <stdio.h>
#include <strings.h>

#include "base/str.h"
#include "http/http_client_priv.h"
#include "http/peer_auth.h"

#define DEFAULT_TIMEOUT_MS 10000
#define HEAD_MAX ((size_t)65536)

/* Less than len ends the transfer. */
static size_t store_body(struct http_call *call, const char *data, size_t len)
{
    size_t done = 0;
    if (len > call->max_stored - call->stored) {
        call->too_large = true;
        return 0;
    }
    while (done < len) {
        ssize_t n = write(call->body_fd, data + done, len - done);
        if (n < 0 && errno != EINTR)
            return 0;
        done += (size_t)MAX(n, 0);
    }
    call->stored += len;
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    long status = 0;
    if (call->body_fd > 0 && curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
        status / 100 == 2)
        return store_body(call, data, len);
    /* One byte of the maximum stays free for the NUL. */
    if (call->answer.len + len >= call->answer.max || buf_append(&call->answer, data, len) < 0) {
        call->too_large = true;
        return 0;
    }
    return len;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count, text = len;
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) { /* a new head: what came before was a 100 */
        while (call->field_count > 0)
            free(call->fields[--call->field_count]);
        call->fields[0] = NULL;
        return len;
    }
    while (text > 0 && (data[text - 1] == '\r' || data[text - 1] == '\n'))
        text--;
    call->head_size += len;
    if (call->head_size > HEAD_MAX || call->field_count == HTTP_ANSWER_FIELDS) {
        call->too_large = true;
        return 0;
    }
    if (text > 0 && (call->fields[call->field_count] = strndup(data, text)))
        call->fields[++call->field_count] = NULL;
    return len;
}

static int add_header(struct http_call *call, const char *line)
{
    if (strpbrk(line, "\r\n"))
        return -EINVAL;
    struct curl_slist *list = curl_slist_append(call->headers, line);
    if (!list)
        return -ENOMEM;
    call->headers = list;
    return 0;
}

/* Value of "Name: value" in options->headers. */
static const char *option_header(const void *arg, const char *name)
{
    const struct http_call_options *o = arg;
    size_t len = strlen(name);
    for (const char *const *h = o->headers; h && *h; h++)
        if (strncasecmp(*h, name, len) == 0 && (*h)[len] == ':')
            return *h + len + 1 + strspn(*h + len + 1, " \t");
    return NULL;
}

/* The request target as libcurl will send it. */
static char *target_of(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host || strchr(url, '#') || strpbrk(url, " \t\r\n"))
        return NULL;
    host += 3;
    const char *path = host + strcspn(host, "/?");
    return xasprintf("%s%s", *path == '/' ? "" : "/", path);
}

static int add_headers(struct http_call *call, const struct http_call_options *o)
{
    int rc = add_header(call, "Expect:"); /* no pause for a 100 that peers do not need */
    for (const char *const *h = o->headers; rc == 0 && h && *h; h++)
        rc = add_header(call, *h);
    if (rc == 0 && o->body_len && !option_header(o, "Content-Type"))
        rc = add_header(call, "Content-Type:");
    if (rc < 0 || !o->peer_key)
        return rc;
    cleanup_free char *target = target_of(o->url);
    struct peer_auth_request part = {o->method, target, o->body, o->body_len, option_header, o};
    cleanup_free char *value = target ? peer_auth_sign(o->peer_key, &part) : NULL;
    if (!value)
        return -EINVAL;
    cleanup_free char *line = xasprintf(PEER_AUTH_HEADER ": %s", value);
    return add_header(call, line);
}

static int set_method(struct http_call *call, const struct http_call_options *o)
{
    curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    if (str_eq(o->method, "HEAD")) {
        curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
        return 0;
    }
    if (o->body_len || !str_eq(o->method, "GET")) {
        call->body = malloc(o->body_len + 1);
        if (!call->body)
            return -ENOMEM;
        if (o->body_len)
            memcpy(call->body, o->body, o->body_len);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_len);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
    }
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, o->method);
    return 0;
}

int http__call_set_options(struct http_call *call, const struct http_call_options *o)
{
    CURL *easy = call->easy;
    long timeout = o->timeout_ms ? (long)o->timeout_ms : DEFAULT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "isthmus/" ISTHMUS_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    if (curl_easy_setopt(easy, CURLOPT_URL, o->url) != CURLE_OK)
        return -ENOMEM;
    int rc = set_method(call, o);
    if (rc == 0)
        rc = add_headers(call, o);
    if (rc == 0)
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    return rc;
}
