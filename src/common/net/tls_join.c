/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes a TLS filter off its socketpair and joins it to a backend, with every byte that is under way. */
#include <sys/socket.h>

#include "base/buf.h"
#include "net/tls_priv.h"

#define JOIN_MAX ((size_t)1 << 20) /* more than a socketpair and a head can hold */

/* Never NULL, so that it may be copied from with length 0. */
static const uint8_t *stream_bytes(const struct tls_stream *s)
{
    return s->data ? s->data + s->at : (const uint8_t *)"";
}

/* Appends what a descriptor holds right now. */
static int drain(struct buf *b, int fd, bool *ret_eof)
{
    for (;;) {
        uint8_t *at;
        int rc = buf_reserve(b, 16384, &at);
        if (rc < 0)
            return rc;
        ssize_t n = recv(fd, at, 16384, MSG_DONTWAIT);
        if (n > 0) {
            buf_commit(b, (size_t)n);
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            *ret_eof = true;
        if (n == 0 || errno != EINTR)
            return 0;
    }
}

/* The stream's buffer becomes what b holds. */
static void stream_replace(struct tls_stream *s, struct buf *b)
{
    tls__stream_drop(s);
    s->data = b->data;
    s->len = b->len;
    s->cap = b->cap;
    b->data = NULL;
    b->len = b->cap = 0;
    if (tls__stream_empty(s))
        tls__stream_drop(s);
}

static int join_streams(struct tls_conn *conn, int plain_fd, const void *from_client, size_t from_client_len,
                        const void *from_other, size_t from_other_len)
{
    struct buf up, down;
    bool up_eof = false, down_eof = false;
    buf_init(&up, JOIN_MAX);
    buf_init(&down, JOIN_MAX);
    int rc = buf_append(&up, from_client, from_client_len);
    if (rc == 0)
        rc = drain(&up, plain_fd, &up_eof); /* its end only says what conn->up.eof says already */
    if (rc == 0)
        rc = buf_append(&up, stream_bytes(&conn->up), conn->up.len - conn->up.at);
    if (rc == 0)
        rc = buf_append(&down, stream_bytes(&conn->down), conn->down.len - conn->down.at);
    if (rc == 0)
        rc = drain(&down, conn->plain.fd, &down_eof);
    if (rc == 0)
        rc = buf_append(&down, from_other, from_other_len);
    if (rc == 0) {
        stream_replace(&conn->up, &up);
        stream_replace(&conn->down, &down);
        conn->up.shut = false; /* the backend has not been told yet */
        conn->up.bytes = conn->down.bytes = 0;
    }
    buf_finish(&up);
    buf_finish(&down);
    return rc;
}

int tls_conn__join(struct tls_conn *conn, int plain_fd, const void *from_client, size_t from_client_len,
                   int other_fd, const void *from_other, size_t from_other_len,
                   const struct tls_tunnel *tunnel)
{
    struct loop_poll *poll;
    if (conn->state != TLS_FILTER || conn->down.eof)
        return -EPIPE;
    int rc = loop_poll_create(conn->loop, other_fd, 0, tls__on_plain, conn, &poll);
    if (rc < 0)
        return rc;
    rc = join_streams(conn, plain_fd, from_client_len ? from_client : "", from_client_len,
                      from_other_len ? from_other : "", from_other_len);
    if (rc < 0) {
        loop_poll_destroy(poll);
        return rc;
    }
    tls__watch_stop(&conn->plain);
    close(plain_fd);
    conn->plain = (struct tls_watch){.fd = other_fd, .poll = poll};
    conn->state = TLS_JOINED;
    conn->tunnel = *tunnel;
    loop_timer_start(conn->timer, 0, 0);
    return 0;
}

void tls_conn__counters(const struct tls_conn *conn, uint64_t *ret_up, uint64_t *ret_down)
{
    *ret_up = conn->up.bytes;
    *ret_down = conn->down.bytes;
}
