/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tunnel needs from a TLS filter, and how the filter's files share it. */
#ifndef ISTHMUS_NET_TLS_PRIV_H
#define ISTHMUS_NET_TLS_PRIV_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* A new session of the context; NULL when memory is gone. */
SSL *tls__session(struct tls_context *context);

/* What a filter tells the tunnel it has become. */
struct tls_tunnel {
    /* The filter is done and both its sockets are closed; the hold is still to be ended. */
    void (*closed)(void *arg);
    void *arg;
};

/* Bytes on their way in one direction. */
struct tls_stream {
    uint8_t *data; /* NULL while empty */
    size_t at, len, cap;
    bool eof;  /* the source has ended */
    bool shut; /* and the destination has been told, or is gone */
    uint64_t bytes;
};

/* A descriptor of ours and what we want to know about it. */
struct tls_watch {
    int fd;
    int events;
    struct loop_poll *poll;
};

enum tls_state { TLS_HANDSHAKE, TLS_FILTER, TLS_JOINED, TLS_CLOSED };

struct tls_conn {
    struct loop *loop;
    enum tls_state state;
    bool held;
    SSL *ssl;
    struct tls_watch client, plain;
    bool want_write; /* OpenSSL waits for the client's socket to take bytes */
    struct tls_stream up, down;
    struct loop_timer *timer; /* handshake deadline, then "go on", then linger */
    bool lingering;           /* all that was to be sent is sent */
    uint64_t ends_at;         /* monotonic ms; 0: open end */
    void (*opened)(void *arg, struct tls_conn *conn, int plain_fd_or_error);
    void *opened_arg;
    struct tls_tunnel tunnel;
    struct tls_conn *prev, *next;
};

/* tls_conn.c, for tls_join.c */
bool tls__stream_empty(const struct tls_stream *s);
void tls__stream_drop(struct tls_stream *s);
void tls__watch_stop(struct tls_watch *w);
void tls__on_plain(void *arg, int ready);

/* Takes the filter off its socketpair and joins it to other_fd (non-blocking; taken over on success).
 * plain_fd is the socketpair's far end, which the HTTP server has let go of; it is closed on success. No byte
 * is lost and the order stays: up, to other_fd, go from_client, then what lies in the socketpair, then what
 * was decrypted but not written; down, to the client, goes first what the HTTP server wrote, then from_other.
 * -EPIPE when the filter is closed already. */
int tls_conn__join(struct tls_conn *conn, int plain_fd, const void *from_client, size_t from_client_len,
                   int other_fd, const void *from_other, size_t from_other_len,
                   const struct tls_tunnel *tunnel);
/* Bytes written since the join to other_fd, and to the client. */
void tls_conn__counters(const struct tls_conn *conn, uint64_t *ret_up, uint64_t *ret_down);

#endif
