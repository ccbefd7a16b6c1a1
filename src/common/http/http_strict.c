/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What libmicrohttpd lets pass and we do not. It splits the head in place: names and values point into one
 * buffer in which it has overwritten the line ends with NULs. So the exact distance from one field to the
 * next tells whether it was CRLF that ended a line, and whether a line was folded, had a NUL inside or was
 * skipped: a front-end before us that saw other fields than we do (request smuggling) cannot be. */
#include <strings.h>

#include "base/str.h"
#include "http/http_priv.h"

#define TOKEN_CHARS "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Two of one of these would mean two readings of one request. */
static const char *const single[] = {
    "Host",           "Content-Length", "Transfer-Encoding", "Content-Type",      "Authorization",
    "Origin",         "Upgrade",        "X-Session-ID",      "Sec-WebSocket-Key", "Sec-WebSocket-Version",
    "X-Isthmus-Auth", "Expect",         "X-Viewer-Role",
};

struct collector {
    struct http_field raw[HTTP_FIELD_LIMIT];
    size_t count;
    size_t bytes;
    bool too_many;
};

static enum MHD_Result collect(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct collector *c = arg;
    if (c->count == HTTP_FIELD_LIMIT) {
        c->too_many = true;
        return MHD_NO;
    }
    c->raw[c->count++] = (struct http_field){name, value ? value : ""};
    c->bytes += strlen(name) + (value ? strlen(value) : 0) + 2;
    return MHD_YES;
}

/* End of a line whose text starts at s: behind its CRLF, which has become two NULs. 0 when it was something
 * else. */
static uintptr_t line_end(const char *s, uintptr_t limit)
{
    uintptr_t end = (uintptr_t)s + strlen(s);
    if (end + 2 > limit || s[strlen(s) + 1] != 0)
        return 0;
    return end + 2;
}

static bool lines_are_exact(const struct collector *c, const char *method, const char *version,
                            size_t head_size)
{
    uintptr_t limit = (uintptr_t)method + head_size;
    uintptr_t at = (uintptr_t)version;
    if (!version || at < (uintptr_t)method || at >= limit)
        return false;
    at = line_end(version, limit);
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->raw[i].name;
        const char *value = c->raw[i].value;
        if (at == 0 || (uintptr_t)name != at)
            return false;
        const char *after = name + strlen(name) + 1;
        if ((uintptr_t)value < (uintptr_t)after || (uintptr_t)value >= limit ||
            (uintptr_t)after + strspn(after, " \t") != (uintptr_t)value)
            return false;
        at = line_end(value, limit);
    }
    return at != 0 && at + 2 == limit;
}

static size_t count_of(const struct http_request *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->field_count; i++)
        n += strcasecmp(r->fields[i].name, name) == 0;
    return n;
}

static const char *check_fields(struct http_request *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        if (!str_is_token(r->fields[i].name, TOKEN_CHARS, HTTP_HEAD_LIMIT))
            return "a header name has a character that is not allowed";
        if (!http__header_is_clean(r->fields[i].name, r->fields[i].value))
            return "a header value has a control character";
    }
    for (size_t i = 0; i < ARRAY_SIZE(single); i++)
        if (count_of(r, single[i]) > 1)
            return "a header that must be single was sent twice";
    const char *coding = http_header(r, "Transfer-Encoding");
    if (coding && http_header(r, "Content-Length"))
        return "Content-Length and Transfer-Encoding in one request";
    if (coding && strcasecmp(coding, "chunked") != 0)
        return "this Transfer-Encoding is not supported";
    r->chunked = coding != NULL;
    return NULL;
}

/* Our own copy: a worker may read it when libmicrohttpd has freed the connection. */
static bool copy_fields(struct http_request *r, const struct collector *c)
{
    r->head = malloc(c->bytes + 1);
    r->fields = calloc(c->count + 1, sizeof *r->fields);
    if (!r->head || !r->fields)
        return false;
    char *at = r->head;
    for (size_t i = 0; i < c->count; i++) {
        r->fields[i].name = at;
        at = stpcpy(at, c->raw[i].name) + 1;
        size_t len = strlen(c->raw[i].value);
        while (len > 0 && strchr(" \t", c->raw[i].value[len - 1]))
            len--;
        r->fields[i].value = at;
        memcpy(at, c->raw[i].value, len);
        at[len] = 0;
        at += len + 1;
    }
    r->field_count = c->count;
    return true;
}

void http__read_head(struct http_request *r, struct MHD_Connection *mhd, const char *method,
                     const char *version, struct http_refusal *ret_refusal)
{
    struct collector c = {.count = 0};
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, collect, &c);
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (c.too_many || !size || size->header_size > HTTP_HEAD_LIMIT) {
        *ret_refusal =
            (struct http_refusal){431, "headers_too_large", "the headers of the request are too large"};
        return;
    }
    if (str_copy(r->method, sizeof r->method, method) < 0) {
        *ret_refusal = (struct http_refusal){400, "bad_request", "this method is not known"};
        return;
    }
    const char *cause = NULL;
    if (!lines_are_exact(&c, method, version, size->header_size))
        cause = "a line of the head does not end in CRLF, is folded, or has a NUL in it";
    else if (!copy_fields(r, &c))
        cause = "no memory for the headers";
    else
        cause = check_fields(r);
    if (cause)
        *ret_refusal = (struct http_refusal){400, "bad_request", cause};
}
