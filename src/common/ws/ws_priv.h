/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the WebSocket module. libwebsockets runs in a guest loop of its own (loop.h), one context for
 * each server and client: so that taking one down is complete when destroy returns. Sockets are accepted by
 * net/listener and adopted. */
#ifndef ISTHMUS_WS_WS_PRIV_H
#define ISTHMUS_WS_WS_PRIV_H

#include <libwebsockets.h>

#include "base/buf.h"
#include "net/listener.h"
#include "ws/ws.h"

#define WS_HEAD_MAX 65536
#define WS_CHUNK 65536
#define WS_FRAME_MAX                                                                                         \
    ((size_t)64 << 20) /* lws_write hands the socket a frame in one piece up to this size                    \
                        */
#define WS_CLOSE_MS 2000
#define WS_FRAMES_PER_S 5000
#define WS_CONTROL_PER_S (50 * (125 + 6)) /* bytes */

/* What a server and a client have in common. */
struct ws_context {
    struct loop *loop;
    struct loop_guest *guest;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    struct lws_protocols *protocols;
    size_t max_message;
    size_t max_queue;
    unsigned handshake_s;
    const struct ws_handlers *handlers;
    void *ctx;
    struct ws_conn *conns;
    bool is_client;
    bool dead; /* destroyed from inside a callback: nothing is reported any more */
};

struct ws_message {
    struct ws_message *next;
    struct rcbuf *data;
    bool text;
};

struct ws_conn {
    struct ws_context *context;
    struct lws *wsi;
    void *data;
    bool open;    /* opened was called */
    bool closing; /* ws_close was called, or a limit was broken */
    bool close_sent;
    unsigned code;
    char reason[124];
    struct loop_timer *timer; /* until the close is forced */
    struct ws_message *queue, *queue_tail;
    size_t queued;
    struct buf in; /* the message that is being received */
    /* flood limits, per second */
    uint64_t second;
    unsigned frames;
    size_t frame_left;
    uint64_t accounted;   /* bytes of data frames since the handshake */
    uint64_t second_base; /* control bytes when this second began */
    uint64_t received_base;
    struct ws_conn *prev, *next;
};

struct ws_handshake {
    struct lws *wsi;
    char *path;
    struct ws_text *texts;
};

/* ws_context.c */
int ws__context_init(struct ws_context *context, lws_callback_function *callback,
                     const char *const *protocols);
/* Takes libwebsockets down; false when that has to wait because one of its callbacks is running: post it
 * again. */
bool ws__context_finish(struct ws_context *context);

/* ws_handshake.c */
void ws__handshake_init(struct ws_handshake *h, struct lws *wsi);
void ws__handshake_finish(struct ws_handshake *h);
/* Writes an answer with an error object as its body. */
void ws__refuse(struct lws *wsi, unsigned status, const char *phrase, const char *code, const char *message);

/* ws_conn.c: the life of a connection after the handshake, the same for both sides. */
struct ws_conn *ws__conn_new(struct ws_context *context, struct lws *wsi, void *data);
void ws__conn_opened(struct ws_conn *conn);
/* Reports closed once and frees. */
void ws__conn_gone(struct ws_conn *conn);
int ws__conn_received(struct ws_conn *conn, const void *data, size_t len);
int ws__conn_writable(struct ws_conn *conn);
/* A close frame has come: nonzero ends the connection, zero lets libwebsockets answer it. */
int ws__conn_peer_closes(struct ws_conn *conn);
/* libwebsockets ends the connection by itself, because the peer is gone or broke the protocol: says so in
 * case it is the latter. */
void ws__conn_breaks(struct ws_conn *conn);
/* Once a second for each connection: control frames, of which libwebsockets tells nobody. */
void ws__conn_check_flood(struct ws_conn *conn);

#endif
