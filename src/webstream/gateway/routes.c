/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which tables answer on which port. A new subject is a file with a table, and a row here. */
#include "webstream/gateway/gateway_priv.h"
#include "webstream/gateway/iam.h"

static const struct http_route *const public_tables[] = {
    gateway_health_routes, gateway_iam_routes,    gateway_session_routes,
    gateway_socket_routes, gateway_static_routes, /* the last one takes everything that is left */
};
static const struct http_route *const internal_tables[] = {gateway_health_routes, gateway_host_routes};

static struct http_route *join(const struct http_route *const *tables, size_t count)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        for (const struct http_route *route = tables[i]; route->method; route++)
            total++;
    struct http_route *out = xcalloc(total + 1, sizeof(*out));
    for (size_t i = 0; i < count; i++)
        for (const struct http_route *route = tables[i]; route->method; route++)
            out[at++] = *route;
    return out;
}

struct http_route *gateway_public_routes(void)
{
    return join(public_tables, ARRAY_SIZE(public_tables));
}

struct http_route *gateway_internal_routes(void)
{
    return join(internal_tables, ARRAY_SIZE(internal_tables));
}
