/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that is no service: the browser client, ours or a host's. */
#include <strings.h>

#include "http/http_static.h"
#include "webstream/gateway/gateway_priv.h"

#define PAGE_MAX (16 * 1024 * 1024)
/* No foreign script, no frame around the session, no form that posts elsewhere. */
#define POLICY                                                                                               \
    "default-src 'self'; connect-src 'self' wss:; img-src 'self' blob: data:; worker-src 'self' blob:; "     \
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

static void add_page_headers(struct http_request *r)
{
    http_add_header(r, "Content-Security-Policy", POLICY);
    http_add_header(r, "X-Frame-Options", "DENY");
    http_add_header(r, "Cross-Origin-Opener-Policy", "same-origin");
}

struct page {
    struct http_request *request;
    char *url;
};

static void page_free(void *data)
{
    struct page *page = data;
    free(page->url);
    free(page);
}

static void copy_header(struct http_request *r, const struct http_answer *answer, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; answer->headers && answer->headers[i]; i++) {
        const char *line = answer->headers[i];
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1;
            http_add_header(r, name, line + strspn(line, " \t"));
            return;
        }
    }
}

static void on_page(void *arg, const struct http_answer *answer)
{
    struct page *page = arg;
    struct http_request *r = page->request;
    if (answer->error != 0 || answer->status < 200 ||
        (answer->status >= 300 && answer->status != 304 && answer->status != 404)) {
        http_answer_error(r, 502, "host_unreachable", "No session host gives out the pages.");
        return;
    }
    add_page_headers(r);
    copy_header(r, answer, "ETag");
    copy_header(r, answer, "Cache-Control");
    http_answer(r, answer->status, *answer->type ? answer->type : NULL, answer->body, answer->len);
}

static void fetch_page(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct page *page = http_data(r);
    const char *match = http_header(r, "If-None-Match");
    cleanup_free char *line = match ? xasprintf("If-None-Match: %s", match) : NULL;
    const char *const headers[] = {line, NULL};
    struct http_call_options options = {.method = "GET",
                                        .url = page->url,
                                        .headers = headers,
                                        .timeout_ms = GATEWAY_HOST_TIMEOUT_MS,
                                        .max_answer = PAGE_MAX};
    host_call_start(g, &options, on_page, page);
}

static void choose_host(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    char url[513];
    int result = session_broker_any_host(g->broker, url);
    if (result == -EHOSTDOWN)
        http_answer_error(r, 503, "no_host", "No session host is in service.");
    else if (result < 0)
        gateway_answer_failure(r, result);
    if (result < 0)
        return;
    struct page *page = xcalloc(1, sizeof(*page));
    *page = (struct page){.request = r, .url = xasprintf("%s%s", url, http_url(r))};
    http_set_data(r, page, page_free);
    http_on_loop(r, fetch_page);
}

static void route_page(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    if (!g->web_root) {
        http_work(r, choose_host);
        return;
    }
    add_page_headers(r);
    http_static_answer(r, g->web_root, http_path(r) + 1); /* the path always has its first slash */
}

const struct http_route gateway_static_routes[] = {
    {"GET", "/*", HTTP_ON_LOOP, 0, 0, route_page},
    {0},
};
