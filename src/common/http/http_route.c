/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a request target to a route and its parameters. */
#include <strings.h>

#include "base/codec.h"
#include "base/str.h"
#include "http/http_priv.h"

/* "http://host/path" is a legal target (RFC 9112 section 3.2.2); only its path counts here. */
static const char *skip_authority(const char *target)
{
    const char *rest = NULL;
    if (strncasecmp(target, "http://", 7) == 0)
        rest = target + 7;
    else if (strncasecmp(target, "https://", 8) == 0)
        rest = target + 8;
    if (!rest)
        return target;
    rest += strcspn(rest, "/?");
    return *rest == '/' ? rest : NULL;
}

/* Takes the base path off, if it is there: a proxy before us may have done so already. "/base" alone means
 * "/base/". */
static void strip_base(struct http_request *r)
{
    const char *base = r->server->base_path;
    size_t len = strlen(base);
    if (len == 0 || strncmp(r->url, base, len) != 0)
        return;
    if (r->url[len] == '/') {
        r->url += len;
    } else if (r->url[len] == 0 || r->url[len] == '?') {
        char *target = xasprintf("/%s", r->url + len);
        free(r->raw);
        r->raw = target;
        r->url = target;
    }
}

static bool segment_matches(const char *pattern, size_t pattern_len, const char *segment, size_t len,
                            struct http_request *r)
{
    if (pattern_len > 2 && pattern[0] == '{' && pattern[pattern_len - 1] == '}') {
        char *value;
        if (len == 0 || r->param_count == HTTP_PARAM_LIMIT || percent_decode(segment, len, &value) < 0)
            return false;
        r->param[r->param_count].name = pattern + 1;
        r->param[r->param_count].name_len = pattern_len - 2;
        r->param[r->param_count++].value = value;
        return true;
    }
    cleanup_free char *text = NULL;
    return percent_decode(segment, len, &text) == 0 && strlen(text) == pattern_len &&
           memcmp(text, pattern, pattern_len) == 0;
}

static void forget_params(struct http_request *r)
{
    while (r->param_count > 0)
        free(r->param[--r->param_count].value);
}

static bool take_rest(const char *path, size_t len, struct http_request *r)
{
    char *value;
    if (r->param_count == HTTP_PARAM_LIMIT || percent_decode(path, len, &value) < 0)
        return false;
    r->param[r->param_count].name = "*";
    r->param[r->param_count].name_len = 1;
    r->param[r->param_count++].value = value;
    return true;
}

/* Segment by segment on the raw path, so that an encoded slash stays inside its segment. */
static bool path_matches(const char *pattern, const char *path, size_t len, struct http_request *r)
{
    const char *end = path + len;
    while (*pattern == '/' && path < end && *path == '/') {
        pattern++;
        path++;
        if (str_eq(pattern, "*"))
            return take_rest(path, (size_t)(end - path), r);
        size_t want = strcspn(pattern, "/");
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t have = (size_t)((slash ? slash : end) - path);
        if (!segment_matches(pattern, want, path, have, r))
            return false;
        pattern += want;
        path += have;
    }
    return *pattern == 0 && path == end;
}

static bool method_matches(const char *wanted, const char *method)
{
    return str_eq(wanted, method) || (str_eq(method, "HEAD") && str_eq(wanted, "GET"));
}

static void append_method(char *allow, size_t size, const char *method)
{
    if (strstr(allow, method)) /* no method is part of another one that we route */
        return;
    size_t len = strlen(allow);
    if (len + 2 + strlen(method) + 1 > size)
        return;
    if (len)
        len = (size_t)(stpcpy(allow + len, ", ") - allow);
    stpcpy(allow + len, method);
}

static bool find_in(struct http_request *r, const struct http_route *routes, size_t path_len, char *allow,
                    size_t allow_size)
{
    for (const struct http_route *route = routes; route->method; route++) {
        forget_params(r);
        if (!path_matches(route->path, r->url, path_len, r))
            continue;
        if (method_matches(route->method, r->method)) {
            r->route = route;
            return true;
        }
        append_method(allow, allow_size, route->method);
    }
    forget_params(r);
    return false;
}

static void find_route(struct http_request *r, size_t path_len, struct http_refusal *ret_refusal)
{
    char allow[128] = "";
    for (const struct http_mount *mount = r->server->options.mounts; mount && mount->routes; mount++) {
        if (find_in(r, mount->routes, path_len, allow, sizeof allow)) {
            r->ctx = mount->ctx;
            return;
        }
    }
    if (find_in(r, r->server->options.routes, path_len, allow, sizeof allow))
        return;
    if (allow[0]) {
        http_add_header(r, "Allow", allow);
        *ret_refusal =
            (struct http_refusal){405, "method_not_allowed", "this path does not answer to this method"};
    } else {
        *ret_refusal = (struct http_refusal){404, "not_found", "nothing is here"};
    }
}

void http__route(struct http_request *r, struct http_refusal *ret_refusal)
{
    const char *url = skip_authority(r->raw);
    if (strlen(r->raw) > HTTP_URL_LIMIT) {
        *ret_refusal = (struct http_refusal){414, "uri_too_long", "the request target is too long"};
        return;
    }
    if (!url || url[0] != '/') {
        *ret_refusal = (struct http_refusal){400, "bad_request", "the request target is not a path"};
        return;
    }
    r->url = url;
    strip_base(r);
    size_t len = strcspn(r->url, "?");
    r->query = r->url[len] == '?' ? r->url + len + 1 : NULL;
    if (percent_decode(r->url, len, &r->path) < 0) {
        *ret_refusal = (struct http_refusal){400, "bad_request", "the path is not percent-encoded UTF-8"};
        return;
    }
    find_route(r, len, ret_refusal);
}
