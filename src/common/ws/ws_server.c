/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <strings.h>

#include "utlist.h"
#include "ws/ws_priv.h"

struct ws_server {
    struct ws_context context;
    struct listener *listener;
    struct loop_timer *watch; /* each second while connections are there */
};

static const struct {
    unsigned status;
    const char *phrase, *code, *message;
} refusals[] = {
    {400, "Bad Request", "bad_request", "this handshake is not well-formed"},
    {401, "Unauthorized", "unauthorized", "authentication is missing or wrong"},
    {403, "Forbidden", "forbidden", "this connection is not allowed"},
    {404, "Not Found", "not_found", "nothing is here"},
    {409, "Conflict", "conflict", "this is in use"},
    {410, "Gone", "gone", "this has ended"},
    {426, "Upgrade Required", "upgrade_required", "this path speaks WebSocket"},
    {429, "Too Many Requests", "too_many", "too many connections or attempts"},
    {503, "Service Unavailable", "busy", "try again later"},
};

static void refuse(struct lws *wsi, unsigned status)
{
    size_t i = 0;
    while (i + 1 < ARRAY_SIZE(refusals) && refusals[i].status != status)
        i++;
    if (refusals[i].status == status)
        ws__refuse(wsi, status, refusals[i].phrase, refusals[i].code, refusals[i].message);
    else
        ws__refuse(wsi, status, "Refused", "refused", "the handshake was refused");
}

/* 0 lets libwebsockets go on with the handshake, 1 tells it that an answer has been written. */
static int on_upgrade(struct ws_context *context, struct lws *wsi, const char *to)
{
    struct ws_handshake h;
    void *data = NULL;
    if (!to || strcasecmp(to, "websocket") != 0) { /* h2c, for one */
        refuse(wsi, 426);
        return 1;
    }
    ws__handshake_init(&h, wsi);
    const char *version = ws_handshake_header(&h, "sec-websocket-version");
    int status = 0;
    if (!version || strcmp(version, "13") != 0)
        status = 426;
    else if (!ws_handshake_header(&h, "sec-websocket-key"))
        status = 400;
    else if (context->dead)
        status = 503;
    else if (context->handlers->accept)
        status = context->handlers->accept(context->ctx, &h, &data);
    ws__handshake_finish(&h);
    if (status != 0) {
        refuse(wsi, (unsigned)status);
        return 1;
    }
    if (!context->conns)
        loop_timer_start(CONTAINER_OF(context, struct ws_server, context)->watch, 1000, 1000);
    lws_set_opaque_user_data(wsi, ws__conn_new(context, wsi, data));
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
    (void)user;
    struct lws_context *lws = lws_get_context(wsi);
    struct ws_context *context = lws ? lws_context_user(lws) : NULL;
    struct ws_conn *conn = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!context)
        return 0;
    switch (why) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(context, wsi, in);
    case LWS_CALLBACK_HTTP:
        refuse(wsi, 426);
        return -1;
    case LWS_CALLBACK_ESTABLISHED:
        if (conn)
            ws__conn_opened(conn);
        return conn ? 0 : -1;
    case LWS_CALLBACK_RECEIVE:
        return conn ? ws__conn_received(conn, in, len) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return conn ? ws__conn_writable(conn) : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return conn ? ws__conn_peer_closes(conn) : -1;
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        if (conn)
            ws__conn_breaks(conn);
        return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        if (conn)
            ws__conn_gone(conn);
        return 0;
    default:
        return 0;
    }
}

static void on_watch(void *arg)
{
    struct ws_server *server = arg;
    struct ws_conn *conn, *next;
    DL_FOREACH_SAFE(server->context.conns, conn, next)
    ws__conn_check_flood(conn);
    if (!server->context.conns)
        loop_timer_stop(server->watch);
}

static void on_accept(void *arg, int fd, const char *peer)
{
    (void)peer;
    struct ws_server *server = arg;
    if (!lws_adopt_socket_vhost(server->context.vhost, fd))
        return;                              /* it has closed fd */
    lws_cancel_service(server->context.lws); /* makes it look at its timers: a client may never say a word */
    loop_guest_kick(server->context.guest);
}

static int start(struct ws_server *server, const struct ws_server_options *o)
{
    int rc = ws__context_init(&server->context, callback, o->protocols);
    if (rc == 0)
        rc = loop_timer_create(o->loop, on_watch, server, &server->watch);
    if (rc < 0)
        return rc;
    if (o->unix_path)
        return listener_create_unix(o->loop, o->unix_path, o->unix_mode, on_accept, server,
                                    &server->listener);
    return listener_create(o->loop, o->bind, o->port, on_accept, server, &server->listener);
}

int ws_server_create(const struct ws_server_options *options, struct ws_server **ret_server)
{
    struct ws_server *server = xcalloc(1, sizeof *server);
    server->context.loop = options->loop;
    server->context.max_message = options->max_message;
    server->context.max_queue = options->max_queue;
    server->context.handshake_s = options->handshake_s;
    server->context.handlers = options->handlers;
    server->context.ctx = options->ctx;
    int rc = start(server, options);
    if (rc < 0)
        ws_server_destroy(server);
    else
        *ret_server = server;
    return rc;
}

unsigned ws_server_port(const struct ws_server *server)
{
    return listener_port(server->listener);
}

static void finish(void *arg)
{
    struct ws_server *server = arg;
    if (!ws__context_finish(&server->context))
        loop_post(server->context.loop, finish, server);
    else
        free(server);
}

struct ws_server *ws_server_destroy(struct ws_server *server)
{
    if (!server)
        return NULL;
    listener_destroy(server->listener);
    loop_timer_destroy(server->watch);
    while (server->context.conns)
        ws__conn_gone(server->context.conns);
    server->context.dead = true;
    finish(server);
    return NULL;
}
