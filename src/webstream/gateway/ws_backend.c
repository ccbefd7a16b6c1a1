/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer's side of a forwarded WebSocket: connect, repeat the handshake with our own headers, read the
 * answer's head, hand over to a tunnel. */
#include <stdio.h>
#include <sys/socket.h>

#include "webstream/gateway/ws_priv.h"

static void fail(struct ws_link *link, const char *why)
{
    log_event(LOG_LEVEL_WARN, link->row.id, "/%s to the streamer at %s port %d failed: %s", link->channel,
              link->row.server_url, link->row.ws_port, why);
    ws_link_finish(link, 502, "streamer_unreachable", "The session's streamer does not answer.");
}

static void on_deadline(void *arg)
{
    fail(arg, "it takes too long");
}

static void on_tunnel_closed(void *arg, uint64_t up, uint64_t down)
{
    struct ws_link *link = arg;
    link->tunnel = NULL;
    log_event(LOG_LEVEL_INFO, link->row.id, "/%s of %s closed after %llu bytes up, %llu down", link->channel,
              link->client, (unsigned long long)up, (unsigned long long)down);
    ws_link_finish(link, 0, NULL, NULL);
}

static void log_opened(const struct ws_link *link)
{
    bool guest = link->who.role != IDENTITY_OWNER;
    log_event(LOG_LEVEL_INFO, link->row.id, "/%s of %s%s%s from %s opened", link->channel,
              guest ? identity_role_words[link->who.role] : link->row.username, guest ? " guest " : "",
              guest ? link->who.guest : "", link->client);
}

/* The client's 101 is out (or fd < 0: the client is gone). */
static void on_upgraded(void *arg, int fd, struct tls_conn *tls, const void *early, size_t early_len)
{
    struct ws_link *link = arg;
    link->upgrading = false;
    if (fd < 0 || !link->active || link->fd < 0) {
        if (fd >= 0)
            close(fd);
        if (tls)
            tls_conn_close(tls);
        if (link->active)
            ws_link_finish(link, 0, NULL, NULL);
        ws_link_unref(link);
        return;
    }
    struct tunnel_options options = {.loop = link->gateway->loop,
                                     .client_fd = fd,
                                     .client_tls = tls,
                                     .from_client = early,
                                     .from_client_len = early_len,
                                     .backend_fd = link->fd,
                                     .from_backend = link->in.data ? link->in.data + link->head.length : NULL,
                                     .from_backend_len = link->in.len - link->head.length,
                                     .closed = on_tunnel_closed,
                                     .arg = link};
    link->fd = -1;
    if (tunnel_create(&options, &link->tunnel) < 0) {
        link->tunnel = NULL;
        ws_link_finish(link, 0, NULL, NULL);
    } else {
        buf_finish(&link->in);
        buf_finish(&link->out);
        session_headers_finish(&link->headers);
        /* A guest who watches does not keep the session: status tells the owner's own. */
        link->counted = strcmp(link->channel, "capture") == 0 && link->who.role == IDENTITY_OWNER;
        if (link->counted)
            viewers_add(link->gateway, link->row.id, 1);
        log_opened(link);
    }
    ws_link_unref(link);
}

/* The streamer said yes: so do we, with its proof that it read the client's key. */
static void accept_client(struct ws_link *link)
{
    struct http_request *r = link->request;
    link->deadline = loop_timer_destroy(link->deadline);
    link->poll = loop_poll_destroy(link->poll);
    http_add_header(r, "Upgrade", "websocket");
    http_add_header(r, "Sec-WebSocket-Accept", http_head_get(&link->head, "Sec-WebSocket-Accept"));
    http_add_header(r, "Sec-WebSocket-Protocol", WS_SUBPROTOCOL);
    link->upgrading = true;
    link->refs++; /* until on_upgraded */
    http_upgrade(r, on_upgraded, link);
}

static void on_head(struct ws_link *link)
{
    const char *protocol = http_head_get(&link->head, "Sec-WebSocket-Protocol");
    char why[64];
    if (link->head.status != 101) {
        snprintf(why, sizeof(why), "it answered %u", link->head.status);
        fail(link, why);
    } else if (http_head_check_websocket(&link->head, link->key) < 0 || !str_eq(protocol, WS_SUBPROTOCOL) ||
               http_head_get(&link->head, "Sec-WebSocket-Extensions")) {
        fail(link, "its handshake is not in order");
    } else {
        accept_client(link);
    }
}

static void read_answer(struct ws_link *link)
{
    uint8_t *at;
    size_t room = MIN(link->in.max - link->in.len, (size_t)16384);
    if (room == 0 || buf_reserve(&link->in, room, &at) < 0) {
        fail(link, "the head of its answer is too long");
        return;
    }
    ssize_t n = recv(link->fd, at, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        fail(link, "it closed the connection");
        return;
    }
    buf_commit(&link->in, (size_t)n);
    int r = http_head_parse_answer(link->in.data, link->in.len, &link->head);
    if (r == 0)
        on_head(link);
    else if (r != -EAGAIN)
        fail(link, "its answer is not HTTP");
}

static void write_handshake(struct ws_link *link)
{
    ssize_t n = send(link->fd, link->out.data, link->out.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        fail(link, "it closed the connection");
        return;
    }
    if (n > 0)
        buf_consume(&link->out, (size_t)n);
    loop_poll_set(link->poll, link->out.len > 0 ? LOOP_WRITE : LOOP_READ);
}

static void on_ready(void *arg, int ready)
{
    struct ws_link *link = arg;
    if (link->out.len > 0 && (ready & LOOP_WRITE))
        write_handshake(link);
    else if (link->out.len == 0 && (ready & LOOP_READ))
        read_answer(link);
}

/* Only what a WebSocket needs, and what we know about the session; nothing the client sent is passed on but
 * its key. */
static int build_handshake(struct ws_link *link)
{
    cleanup_free char *path = xasprintf("/%s", link->channel);
    const struct peer_auth_request request = {
        .method = "GET", .url = path, .header = session_headers_get, .arg = &link->headers};
    uint8_t key[32];
    peer_auth_streamer_key(link->gateway->shared_key, link->row.id, key);
    cleanup_free char *auth = peer_auth_sign(key, &request);
    secret_wipe(key, sizeof(key));

    struct buf *out = &link->out;
    int r =
        buf_append_fmt(out,
                       "GET %s HTTP/1.1\r\nHost: streamer:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
                       "Sec-WebSocket-Protocol: " WS_SUBPROTOCOL "\r\n" PEER_AUTH_HEADER ": %s\r\n",
                       path, link->row.ws_port, link->key, auth);
    for (size_t i = 0; i < link->headers.count && r == 0; i++)
        r = buf_append_fmt(out, "%s: %s\r\n", link->headers.field[i].name, link->headers.field[i].value);
    return r < 0 ? r : buf_append_str(out, "\r\n");
}

static void on_connected(void *arg, int fd_or_error)
{
    struct ws_link *link = arg;
    link->connector = connector_destroy(link->connector);
    if (fd_or_error < 0) {
        fail(link, strerror(-fd_or_error));
        return;
    }
    link->fd = fd_or_error;
    int on = 1;
    setsockopt(link->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (build_handshake(link) < 0)
        fail(link, "the handshake is too long");
    else if (loop_poll_create(link->gateway->loop, link->fd, LOOP_WRITE, on_ready, link, &link->poll) < 0)
        fail(link, "no memory");
}

void ws_backend_start(struct ws_link *link)
{
    struct host_url url;
    if (host_url_parse(link->row.server_url, &url) < 0 ||
        loop_timer_create(link->gateway->loop, on_deadline, link, &link->deadline) < 0) {
        fail(link, "its address is not known");
        return;
    }
    loop_timer_start(link->deadline, WS_BACKEND_MS, 0);
    int r = connector_create(link->gateway->loop, url.host, (unsigned)link->row.ws_port, WS_BACKEND_MS,
                             on_connected, link, &link->connector);
    if (r < 0)
        fail(link, strerror(-r));
}
