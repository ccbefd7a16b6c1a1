/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probes of load balancers and service managers. */
#include "webstream/gateway/gateway_priv.h"

static void answer_text(struct http_request *r, unsigned status, const char *text)
{
    http_add_header(r, "Cache-Control", "no-store");
    http_answer(r, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void route_alive(struct http_request *r, void *ctx)
{
    (void)ctx;
    answer_text(r, 200, "OK");
}

static void route_ready(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    if (atomic_load(&g->draining))
        answer_text(r, 503, "the gateway is stopping");
    else if (!gateway_state_works(g))
        answer_text(r, 503, "the database cannot be used");
    else
        answer_text(r, 200, "OK");
}

const struct http_route gateway_health_routes[] = {
    {"GET", "/gateway/health", HTTP_ON_LOOP, 0, 0, route_alive},
    {"GET", "/healthz", HTTP_ON_LOOP, 0, 0, route_alive},
    {"GET", "/readyz", HTTP_ON_WORKER, 0, 0, route_ready},
    {0},
};
