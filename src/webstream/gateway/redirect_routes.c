/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plain port: everything goes to https. Services that old clients need without TLS get their rows before
 * the last ones. */
#include "webstream/gateway/gateway_priv.h"

#define HOST_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"

/* Length of the name in "name:port" or "[address]:port". */
static size_t name_length(const char *host)
{
    if (*host != '[')
        return strcspn(host, ":");
    const char *end = strchr(host, ']');
    return end ? (size_t)(end - host) + 1 : 0;
}

static void route_redirect(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    const char *host = http_header(r, "Host");
    size_t len = host && str_is_token(host, HOST_SET, 255) ? name_length(host) : 0;
    if (len == 0) {
        http_answer_error(r, 400, "bad_host", "The request has no usable Host header.");
        return;
    }
    cleanup_free char *suffix = g->https_port == 443 ? xstrdup("") : xasprintf(":%u", g->https_port);
    cleanup_free char *to =
        xasprintf("https://%.*s%s%s%s", (int)len, host, suffix, g->base_path, http_url(r));
    http_add_header(r, "Location", to);
    http_add_header(r, "Cache-Control", "no-store"); /* the port may be another one tomorrow */
    http_answer(r, 307, "text/plain; charset=utf-8", to, strlen(to));
}

const struct http_route gateway_plain_routes[] = {
    {"GET", "/*", HTTP_ON_LOOP, 0, 0, route_redirect},
    {"POST", "/*", HTTP_ON_LOOP, 0, 65536, route_redirect},
    {0},
};
