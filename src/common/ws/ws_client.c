/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"
#include "ws/ws_priv.h"

#define CLIENT_QUEUE ((size_t)1 << 20)

struct ws_client {
    struct ws_context context;
    struct ws_conn *conn;
    struct loop_timer *failed; /* reports a connection that failed before connect returned */
};

/* The connection is over; the client stays, for its owner to destroy. */
static void gone(struct ws_client *client)
{
    struct ws_conn *conn = client->conn;
    client->conn = NULL;
    if (conn)
        ws__conn_gone(conn);
}

static void on_failed(void *arg)
{
    gone(arg);
}

static int callback(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
    (void)user;
    struct lws_context *lws = lws_get_context(wsi);
    struct ws_context *context = lws ? lws_context_user(lws) : NULL;
    struct ws_client *client = context ? CONTAINER_OF(context, struct ws_client, context) : NULL;
    struct ws_conn *conn = client ? client->conn : NULL;
    if (!conn)
        return why == LWS_CALLBACK_CLIENT_RECEIVE || why == LWS_CALLBACK_CLIENT_WRITEABLE ? -1 : 0;
    switch (why) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        conn->wsi = wsi;
        ws__conn_opened(conn);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return ws__conn_received(conn, in, len);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return ws__conn_writable(conn);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return ws__conn_peer_closes(conn);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        conn->wsi = NULL;
        loop_timer_start(client->failed, 0, 0);
        return 0;
    default:
        return 0;
    }
}

/* libwebsockets leaks its watcher when the connection is refused, so somebody has to be there when it tries.
 */
static bool is_served(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd >= 0 && str_copy(address.sun_path, sizeof address.sun_path, socket_path) == 0 &&
           connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

static void connect_unix(struct ws_client *client, const char *socket_path, const char *path)
{
    cleanup_free char *address = xasprintf("+%s", socket_path); /* "+": a path, not a host */
    struct lws_client_connect_info info = {
        .context = client->context.lws,
        .vhost = client->context.vhost,
        .address = address,
        .port = 0,
        .path = path,
        .host = "localhost",
        .local_protocol_name = client->context.protocols[0].name,
        .ietf_version_or_minus_one = -1,
    };
    if (is_served(socket_path))
        client->conn->wsi = lws_client_connect_via_info(&info);
    if (!client->conn->wsi)
        loop_timer_start(client->failed, 0, 0);
    loop_guest_kick(client->context.guest);
}

int ws_client_connect_unix(struct loop *loop, const char *socket_path, const char *path, size_t max_message,
                           const struct ws_handlers *handlers, void *ctx, struct ws_client **ret_client)
{
    if (strlen(socket_path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return -ENAMETOOLONG;
    struct ws_client *client = xcalloc(1, sizeof *client);
    client->context.loop = loop;
    client->context.max_message = max_message;
    client->context.max_queue = CLIENT_QUEUE;
    client->context.handlers = handlers;
    client->context.ctx = ctx;
    client->context.is_client = true;
    int rc = ws__context_init(&client->context, callback, NULL);
    if (rc == 0)
        rc = loop_timer_create(loop, on_failed, client, &client->failed);
    if (rc < 0) {
        ws_client_destroy(client);
        return rc;
    }
    client->conn = ws__conn_new(&client->context, NULL, NULL);
    *ret_client = client;
    connect_unix(client, socket_path, path);
    return 0;
}

static void finish(void *arg)
{
    struct ws_client *client = arg;
    if (!ws__context_finish(&client->context))
        loop_post(client->context.loop, finish, client);
    else
        free(client);
}

struct ws_client *ws_client_destroy(struct ws_client *client)
{
    if (!client)
        return NULL;
    client->context.dead = true;
    gone(client);
    loop_timer_destroy(client->failed);
    finish(client);
    return NULL;
}
