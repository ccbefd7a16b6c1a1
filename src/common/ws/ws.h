/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSockets through libwebsockets as a guest of the loop: a server for the streamer's channels (TCP) and the
 * session host's control channel (Unix socket), and a small client for the streamer's side of the latter.
 * Never for bulk from the client's side. Text messages reach the callbacks only when they are valid UTF-8.
 * Everything runs on the loop's thread.
 *
 * A refused handshake is answered with the status of accept and {"success":false,"error":{"code","message"}};
 * a request that is no handshake with 426. Limits: 64 KiB of headers, 10 s for a handshake, and a connection
 * is closed with 1009 for a message over max_message, 1007 for text that is not UTF-8, 1008 for more than
 * 5000 frames or (TCP) more than 50 full-sized pings' worth of control frames in one second. */
#ifndef ISTHMUS_WS_WS_H
#define ISTHMUS_WS_WS_H

#include "base/rcbuf.h"
#include "base/util.h"
#include "loop/loop.h"

struct ws_server;
struct ws_conn;

struct ws_handshake; /* valid during accept only */
/* Path and query, which libwebsockets has percent-decoded. */
const char *ws_handshake_path(const struct ws_handshake *h);
const char *ws_handshake_header(const struct ws_handshake *h,
                                const char *name);    /* any header, lower-case name; NULL when absent */
uid_t ws_handshake_uid(const struct ws_handshake *h); /* of the peer of a Unix socket, else (uid_t)-1 */

struct ws_handlers {
    /* 0 accepts and may set *ret_data; otherwise the HTTP status to refuse with. */
    int (*accept)(void *ctx, const struct ws_handshake *handshake, void **ret_data);
    void (*opened)(void *ctx, struct ws_conn *conn, void *data);
    /* A whole message of at most max_message bytes. */
    void (*message)(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message, size_t len);
    /* The queue has been written out: room for the next frame. */
    void (*drained)(void *ctx, struct ws_conn *conn, void *data);
    /* Once for each accepted connection, the last call for it. */
    void (*closed)(void *ctx, struct ws_conn *conn, void *data);
};

struct ws_server_options {
    struct loop *loop;
    const char *bind;      /* address; "127.0.0.1" means just that */
    unsigned port;         /* 0 with unix_path */
    const char *unix_path; /* instead of TCP */
    mode_t unix_mode;
    const char *const *protocols; /* offered sub-protocols, NULL-terminated; NULL: none asked */
    size_t max_message;
    size_t max_queue;     /* bytes that may wait for the peer; ws_send past it is -ENOBUFS */
    unsigned handshake_s; /* for a handshake to arrive; 0: 10 */
    const struct ws_handlers *handlers;
    void *ctx;
};

int ws_server_create(const struct ws_server_options *options, struct ws_server **ret_server);
unsigned ws_server_port(const struct ws_server *server); /* the one that is bound; 0 for a Unix socket */
/* The port it listens on, also when 0 was asked for without unix_path (any free port). */
unsigned ws_server_port(const struct ws_server *server);
struct ws_server *
ws_server_destroy(struct ws_server *server); /* closed is called for what is open; NULL-safe; returns NULL */

/* Copies; -ENOBUFS when the queue is full, -EPIPE when closing. */
int ws_send_text(struct ws_conn *conn, const char *text);
/* Shares the buffer until it is written. */
int ws_send_binary(struct ws_conn *conn, struct rcbuf *message);
size_t ws_queued(const struct ws_conn *conn);
/* Sends a close frame with code and reason after what is queued, then closes; at the latest after 2 s.
 * Nothing is received or sent any more; closed comes later. */
void ws_close(struct ws_conn *conn, unsigned code, const char *reason);

/* Client on a Unix socket. handlers->accept is not used; closed is called for a failed connection too. */
struct ws_client;
int ws_client_connect_unix(struct loop *loop, const char *socket_path, const char *path, size_t max_message,
                           const struct ws_handlers *handlers, void *ctx, struct ws_client **ret_client);
struct ws_client *
ws_client_destroy(struct ws_client *client); /* without calling closed; NULL-safe; returns NULL */

#endif
