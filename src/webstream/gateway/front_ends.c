/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Further front-ends in this process (session/front_end.h): they share ports, store and sessions with the
 * gateway, and know nothing else of it. */
#include "webstream/gateway/gateway_priv.h"

static void client_address(void *process, const struct http_request *r, char ret_text[ADDR_TEXT_LEN])
{
    gateway_client(process, r, ret_text);
}

static void public_address(void *process, unsigned *ret_https_port, const char **ret_base_path)
{
    const struct gateway *g = process;
    *ret_https_port = g->https_port;
    *ret_base_path = g->base_path;
}

static void user_revoked(void *process, const char *user_id)
{
    gateway_user_revoked(process, user_id);
}

/* An end that was decided on a worker and goes on on the loop. */
struct ending {
    struct gateway *gateway;
    struct session_row row;
};

static void on_host_told(void *arg, const char *state)
{
    struct ending *ending = arg;
    if (!state)
        log_event(LOG_LEVEL_WARN, ending->row.id,
                  "%s cannot be told to end it now, and will be with its next report",
                  ending->row.server_url);
    free(ending);
}

static void end_on_loop(void *arg)
{
    struct ending *ending = arg;
    struct gateway *g = ending->gateway;
    if (ending->row.status != SESSION_TO_DESTROY || atomic_load(&g->draining)) {
        ws_links_close_session(g, ending->row.id);
        free(ending);
        return;
    }
    ws_links_expect_end(g, ending->row.id);
    gateway_host_end(g, ending->row.server_url, ending->row.id, "exit", on_host_told, ending);
}

static void session_ended(void *process, const struct session_row *row)
{
    struct ending *ending = xcalloc(1, sizeof(*ending));
    *ending = (struct ending){.gateway = process, .row = *row};
    loop_post(ending->gateway->loop, end_on_loop, ending);
}

static int start_one(struct gateway *g, const struct front_end *what, char **ret_cause)
{
    const struct front_end_services services = {
        .loop = g->loop,
        .config = g->config,
        .state_dir = g->state_dir,
        .store = g->store,
        .identity = g->identity,
        .broker = g->broker,
        .client = g->client,
        .shared_key = g->shared_key,
        .process = g,
        .public_address = public_address,
        .client_address = client_address,
        .user_revoked = user_revoked,
        .session_ended = session_ended,
    };
    struct gateway_front_end *to = &g->front_ends[g->front_end_count];
    int r = what->start(&services, &to->self, ret_cause);
    if (r < 0)
        return r;
    to->what = what;
    g->front_end_count++;
    return 0;
}

int gateway_front_ends_start(struct gateway *g, const struct front_end *const *list, char **ret_cause)
{
    for (; list && *list; list++) {
        if (!(*list)->enabled(g->config))
            continue;
        if (g->front_end_count == ARRAY_SIZE(g->front_ends))
            return -ENOSPC;
        int r = start_one(g, *list, ret_cause);
        if (r < 0) {
            if (!*ret_cause)
                *ret_cause = xasprintf("cannot start %s: %s", (*list)->name, strerror(-r));
            return r;
        }
    }
    for (size_t i = 0; i < g->front_end_count; i++) {
        const struct gateway_front_end *f = &g->front_ends[i];
        const struct {
            const struct http_route *routes;
            struct http_mount *to;
        } ports[] = {{f->what->public_routes, g->public_mounts},
                     {f->what->plain_routes, g->plain_mounts},
                     {f->what->internal_routes, g->internal_mounts}};
        for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
            struct http_mount *to = ports[p].to;
            while (to->routes)
                to++;
            if (ports[p].routes)
                *to = (struct http_mount){ports[p].routes, f->self};
        }
    }
    return 0;
}

void gateway_front_ends_sweep(struct gateway *g)
{
    for (size_t i = 0; i < g->front_end_count; i++) {
        if (g->front_ends[i].what->sweep)
            g->front_ends[i].what->sweep(g->front_ends[i].self);
    }
}

void gateway_front_ends_stop(struct gateway *g)
{
    for (size_t i = 0; i < g->front_end_count; i++) {
        if (g->front_ends[i].what->stop)
            g->front_ends[i].what->stop(g->front_ends[i].self);
    }
}

void gateway_front_ends_destroy(struct gateway *g)
{
    while (g->front_end_count > 0) {
        struct gateway_front_end *f = &g->front_ends[--g->front_end_count];
        f->what->destroy(f->self);
    }
}
