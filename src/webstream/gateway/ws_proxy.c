/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The admission of /capture, /control and /audio. Every check that needs no database comes first, and none of
 * them costs a backend anything. */
#include "webstream/gateway/ws_priv.h"

static const char *header_of(const void *arg, const char *name)
{
    return http_header(arg, name);
}

void ws_link_unref(struct ws_link *link)
{
    if (--link->refs > 0)
        return;
    atomic_fetch_sub(&link->gateway->link_count, 1);
    session_headers_finish(&link->headers);
    buf_finish(&link->out);
    buf_finish(&link->in);
    http_head_finish(&link->head);
    free(link);
}

/* The request is over, whatever became of it. */
static void on_request_gone(void *data)
{
    struct ws_link *link = data;
    link->request = NULL;
    ws_link_unref(link);
}

static void refuse_ticket(struct http_request *r)
{
    http_answer_error(r, 401, "bad_ticket", "The ticket is missing, used, expired or for another channel.");
}

static void answer_admission_failure(struct http_request *r, int error)
{
    if (error == -EACCES || error == -ENOENT)
        refuse_ticket(r);
    else if (error == -ESHUTDOWN)
        http_answer_error(r, 410, "session_ended", "The session has ended.");
    else if (error == -ENOTCONN)
        http_answer_error(r, 409, "not_connected",
                          "The session has no display yet; ask for /getConnection first.");
    else
        gateway_answer_failure(r, error);
}

static int admit(struct gateway *g, struct ws_link *link)
{
    struct identity_launch launch;
    struct identity_ticket *who = &link->who;
    int r = identity_ticket_redeem(g->identity, link->ticket, link->channel, who);
    if (r == 0)
        r = session_broker_get(g->broker, who->session_id, who->user_id, &link->row);
    if (r < 0)
        return r;
    if (who->role != IDENTITY_OWNER && link->row.status != SESSION_READY)
        return -ENOTCONN; /* nobody but the owner brings a session back */
    if (!session_status_is_alive(link->row.status))
        return -ESHUTDOWN;
    if (link->row.ws_port == 0)
        return -ENOTCONN;
    r = session_broker_launch(g->broker, who->session_id, &launch);
    if (r < 0)
        return r;
    r = session_headers_make(&link->row, &launch, who->role, &link->headers);
    identity_launch_finish(&launch);
    return r;
}

static void go_on(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct ws_link *link = http_data(r);
    if (atomic_load(&g->draining)) {
        http_answer_error(r, 503, "busy", "The gateway is stopping; try again in a moment.");
        return;
    }
    /* Somebody's access was taken away while the ticket was with the worker. It may have been this user's,
     * and the link was not in the list yet: a new ticket will tell. */
    if (link->revocations != g->revocations) {
        http_answer_error(r, 503, "busy", "Try again in a moment.");
        return;
    }
    if (ws_link_activate(link) < 0) {
        http_answer_error(r, 429, "too_many_sockets", "This session has too many connections.");
        return;
    }
    ws_backend_start(link);
}

static void redeem(struct http_request *r, void *ctx)
{
    int result = admit(ctx, http_data(r));
    if (result < 0)
        answer_admission_failure(r, result);
    else
        http_on_loop(r, go_on);
}

/* Answers and gives false when the handshake is not to be forwarded. */
static bool check_handshake(struct gateway *g, struct http_request *r, char ret_ticket[33])
{
    int result = http_head_check_upgrade(http_method(r), header_of, r);
    if (result == -EPROTONOSUPPORT) {
        http_add_header(r, "Sec-WebSocket-Version", "13");
        http_answer_error(r, 426, "bad_version", "WebSocket version 13 is spoken here.");
    } else if (result < 0) {
        http_answer_error(r, 400, "bad_handshake", "This address is for WebSockets.");
    } else if (!origin_is_allowed(http_header(r, "Origin"), http_header(r, "Host"),
                                  config_str(g->config, "gateway.allowedOrigins"))) {
        result = -EACCES;
        http_answer_error(r, 403, "bad_origin", "Pages of this origin may not connect.");
    } else {
        const char *protocols = http_header(r, "Sec-WebSocket-Protocol");
        result = protocols ? http_head_ticket(protocols, ret_ticket) : -EINVAL;
        if (result < 0)
            refuse_ticket(r);
    }
    return result == 0;
}

static void route_socket(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    char ticket[33];
    if (!check_handshake(g, r, ticket))
        return;
    if (atomic_load(&g->draining) || atomic_load(&g->link_count) >= WS_LINKS_MAX) {
        http_answer_error(r, 503, "busy", "The server is busy; try again in a moment.");
        return;
    }
    struct ws_link *link = xcalloc(1, sizeof(*link));
    link->gateway = g;
    link->revocations = g->revocations;
    link->refs = 1;
    link->request = r;
    link->fd = -1;
    buf_init(&link->out, 2 * HTTP_HEAD_MAX);
    buf_init(&link->in, HTTP_HEAD_MAX);
    atomic_fetch_add(&g->link_count, 1);
    http_set_data(r, link, on_request_gone);
    memcpy(link->ticket, ticket, sizeof(link->ticket));
    gateway_client(g, r, link->client);
    /* Cannot fail: the path is one of ours, and the key was found to be 16 bytes in base64. */
    if (str_copy(link->channel, sizeof(link->channel), http_path(r) + 1) < 0 ||
        str_copy(link->key, sizeof(link->key), http_header(r, "Sec-WebSocket-Key")) < 0) {
        http_answer_error(r, 400, "bad_handshake", "This address is for WebSockets.");
        return;
    }
    http_work(r, redeem);
}

const struct http_route gateway_socket_routes[] = {
    {"GET", "/capture", HTTP_ON_LOOP, 0, 0, route_socket},
    {"GET", "/control", HTTP_ON_LOOP, 0, 0, route_socket},
    {"GET", "/audio", HTTP_ON_LOOP, 0, 0, route_socket},
    {0},
};
