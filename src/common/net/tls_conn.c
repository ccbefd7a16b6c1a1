/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TLS filter: two pumps between the client's TLS socket and a plain descriptor, which is our end of a
 * socketpair at first and a backend's socket after tls_conn__join. "Up" is from the client, "down" to it. A
 * buffer exists only while bytes are waiting in it; while it does, its source is not read: that is the back
 * pressure. */
#include <openssl/err.h>

#include <sys/socket.h>

#include "base/clock.h"
#include "net/tls_priv.h"
#include "utlist.h"

#define HANDSHAKE_MS 10000
#define DRAIN_MS 60000 /* for the client to take what is left when the other side has closed */
#define LINGER_MS 5000 /* for it to close, too, after that */
#define CHUNK ((size_t)65536)
#define ROUNDS 32 /* of 64 KiB, before others on the loop have their turn */

/* One loop, one thread, in every process that has filters. */
static struct tls_conn *all;
static unsigned count;

bool tls__stream_empty(const struct tls_stream *s)
{
    return s->at == s->len;
}

void tls__stream_drop(struct tls_stream *s)
{
    free(s->data);
    s->data = NULL;
    s->at = s->len = s->cap = 0;
}

void tls__watch_stop(struct tls_watch *w)
{
    w->poll = loop_poll_destroy(w->poll);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    w->events = 0;
}

static bool stream_reserve(struct tls_stream *s)
{
    if (!s->data) {
        s->data = malloc(CHUNK);
        s->cap = s->data ? CHUNK : 0;
        s->at = s->len = 0;
    }
    return s->data != NULL;
}

static void watch_set(struct tls_watch *w, int events)
{
    if (w->events == events)
        return;
    w->events = events;
    loop_poll_set(w->poll, events);
}

static void conn_free(struct tls_conn *conn)
{
    if (conn->state == TLS_CLOSED && !conn->held)
        free(conn);
}

/* Closes both sides. What calls it touches conn no more: the tunnel's callback may free it. */
static void conn_end(struct tls_conn *conn)
{
    if (conn->state == TLS_CLOSED)
        return;
    struct tls_tunnel tunnel = conn->tunnel;
    bool joined = conn->state == TLS_JOINED;
    conn->state = TLS_CLOSED;
    tls__watch_stop(&conn->client);
    tls__watch_stop(&conn->plain);
    conn->timer = loop_timer_destroy(conn->timer);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    tls__stream_drop(&conn->up);
    tls__stream_drop(&conn->down);
    DL_DELETE(all, conn);
    count--;
    conn_free(conn);
    if (joined && tunnel.closed)
        tunnel.closed(tunnel.arg);
}

/* What OpenSSL says after a call that moved nothing: 0 to wait, -ECONNRESET when the connection is dead. */
static int ssl_wait(struct tls_conn *conn, int rc)
{
    int error = SSL_get_error(conn->ssl, rc);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_WRITE)
        conn->want_write = true;
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -ECONNRESET;
}

/* Each step moves one piece: 1 moved, 0 has to wait, negative: the client's side is dead. */

static int up_read(struct tls_conn *conn)
{
    struct tls_stream *s = &conn->up;
    if (s->eof || !tls__stream_empty(s))
        return 0;
    if (!stream_reserve(s))
        return -ENOMEM;
    ERR_clear_error();
    size_t got = 0;
    int rc = SSL_read_ex(conn->ssl, s->data, s->cap, &got);
    if (rc == 1) {
        s->at = 0;
        s->len = got;
        return 1;
    }
    tls__stream_drop(s);
    if (SSL_get_error(conn->ssl, rc) == SSL_ERROR_ZERO_RETURN) {
        s->eof = true;
        return 1;
    }
    return ssl_wait(conn, rc);
}

static int up_write(struct tls_conn *conn)
{
    struct tls_stream *s = &conn->up;
    if (s->shut)
        return 0;
    if (tls__stream_empty(s)) {
        if (!s->eof)
            return 0;
        shutdown(conn->plain.fd, SHUT_WR);
        s->shut = true;
        return 1;
    }
    ssize_t n = send(conn->plain.fd, s->data + s->at, s->len - s->at, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0) { /* nobody reads that any more; what comes down still counts */
        tls__stream_drop(s);
        s->eof = s->shut = true;
        return 1;
    }
    s->at += (size_t)n;
    s->bytes += (uint64_t)n;
    if (tls__stream_empty(s))
        tls__stream_drop(s);
    return 1;
}

static int down_read(struct tls_conn *conn)
{
    struct tls_stream *s = &conn->down;
    if (s->eof || !tls__stream_empty(s))
        return 0;
    if (!stream_reserve(s))
        return -ENOMEM;
    ssize_t n = recv(conn->plain.fd, s->data, s->cap, 0);
    if (n > 0) {
        s->at = 0;
        s->len = (size_t)n;
        return 1;
    }
    int error = errno;
    tls__stream_drop(s);
    if (n < 0 && (error == EAGAIN || error == EINTR))
        return 0;
    s->eof = true; /* an error ends it just the same: all that came before has been read */
    return 1;
}

static int down_close(struct tls_conn *conn)
{
    ERR_clear_error();
    int rc = SSL_shutdown(conn->ssl);
    if (rc < 0 && ssl_wait(conn, rc) == 0 && conn->want_write)
        return 0;
    shutdown(conn->client.fd, SHUT_WR);
    conn->down.shut = true;
    return 1;
}

static int down_write(struct tls_conn *conn)
{
    struct tls_stream *s = &conn->down;
    if (s->shut)
        return 0;
    if (tls__stream_empty(s))
        return s->eof ? down_close(conn) : 0;
    ERR_clear_error();
    size_t n = 0;
    int rc = SSL_write_ex(conn->ssl, s->data + s->at, s->len - s->at, &n);
    if (rc != 1)
        return ssl_wait(conn, rc);
    s->at += n;
    s->bytes += n;
    if (tls__stream_empty(s))
        tls__stream_drop(s);
    return 1;
}

static int pump_round(struct tls_conn *conn)
{
    static int (*const steps[])(struct tls_conn *) = {up_read, up_write, down_read, down_write};
    int moved = 0;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int rc = steps[i](conn);
        if (rc < 0)
            return rc;
        moved |= rc;
    }
    return moved;
}

static void set_watches(struct tls_conn *conn)
{
    /* An SSL_write that waits for the peer's bytes (a key update) is woken by the same read interest. */
    int client = !conn->up.eof && tls__stream_empty(&conn->up) ? LOOP_READ : 0;
    int plain = !conn->down.eof && tls__stream_empty(&conn->down) ? LOOP_READ : 0;
    if (conn->want_write)
        client |= LOOP_WRITE;
    if (!conn->up.shut && !tls__stream_empty(&conn->up))
        plain |= LOOP_WRITE;
    watch_set(&conn->client, client);
    watch_set(&conn->plain, plain);
}

/* The plain side has closed. Nobody counts the connection any more, so it may not stay for as long as the
 * client likes: not by taking the rest a byte at a time, and not by going on talking. */
static void set_end(struct tls_conn *conn)
{
    uint64_t now = clock_monotonic_ms(NULL);
    if (conn->down.eof && conn->ends_at == 0)
        conn->ends_at = now + DRAIN_MS;
    if (conn->down.shut && !conn->lingering) {
        conn->lingering = true;
        conn->ends_at = now + LINGER_MS;
    }
}

/* Ms until ends_at. */
static uint64_t time_left(const struct tls_conn *conn)
{
    uint64_t now = clock_monotonic_ms(NULL);
    return conn->ends_at > now ? conn->ends_at - now : 0;
}

static void pump(struct tls_conn *conn)
{
    int moved = 1;
    conn->want_write = false;
    for (int i = 0; i < ROUNDS && moved > 0; i++) {
        moved = pump_round(conn);
        if (moved < 0 || (conn->up.shut && conn->down.shut)) {
            conn_end(conn);
            return;
        }
    }
    set_watches(conn);
    set_end(conn);
    if (conn->ends_at != 0 && time_left(conn) == 0)
        conn_end(conn);
    else if (moved > 0) /* decrypted bytes may wait inside OpenSSL, where no poll sees them */
        loop_timer_start(conn->timer, 0, 0);
    else if (conn->ends_at != 0)
        loop_timer_start(conn->timer, time_left(conn), 0);
}

static void fail_handshake(struct tls_conn *conn, int error)
{
    void (*opened)(void *, struct tls_conn *, int) = conn->opened;
    void *arg = conn->opened_arg;
    conn_end(conn);
    opened(arg, NULL, error);
}

void tls__on_plain(void *arg, int ready)
{
    (void)ready;
    pump(arg);
}

/* The pumps start in the next turn, so that nothing moves before the callee knows what it got. */
static void handshake_done(struct tls_conn *conn)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
        fail_handshake(conn, -errno);
        return;
    }
    conn->plain.fd = pair[0];
    if (loop_poll_create(conn->loop, pair[0], 0, tls__on_plain, conn, &conn->plain.poll) < 0) {
        close(pair[1]);
        fail_handshake(conn, -ENOMEM);
        return;
    }
    conn->state = TLS_FILTER;
    conn->held = true;
    watch_set(&conn->client, 0);
    loop_timer_start(conn->timer, 0, 0);
    conn->opened(conn->opened_arg, conn, pair[1]);
}

static void handshake(struct tls_conn *conn)
{
    ERR_clear_error();
    conn->want_write = false;
    int rc = SSL_accept(conn->ssl);
    if (rc == 1)
        handshake_done(conn);
    else if (ssl_wait(conn, rc) < 0)
        fail_handshake(conn, -EPROTO);
    else
        watch_set(&conn->client, conn->want_write ? LOOP_WRITE : LOOP_READ);
}

static void on_client(void *arg, int ready)
{
    (void)ready;
    struct tls_conn *conn = arg;
    if (conn->state == TLS_HANDSHAKE)
        handshake(conn);
    else
        pump(conn);
}

static void on_timer(void *arg)
{
    struct tls_conn *conn = arg;
    if (conn->state == TLS_HANDSHAKE)
        fail_handshake(conn, -ETIMEDOUT);
    else
        pump(conn);
}

static int conn_init(struct tls_conn *conn, struct tls_context *context, int fd)
{
    conn->ssl = tls__session(context);
    if (!conn->ssl || SSL_set_fd(conn->ssl, fd) != 1)
        return -ENOMEM;
    int rc = loop_timer_create(conn->loop, on_timer, conn, &conn->timer);
    if (rc < 0)
        return rc;
    conn->client.events = LOOP_READ;
    return loop_poll_create(conn->loop, fd, LOOP_READ, on_client, conn, &conn->client.poll);
}

int tls_conn_accept(struct loop *loop, struct tls_context *context, int fd,
                    void (*opened)(void *arg, struct tls_conn *conn, int plain_fd_or_error), void *arg)
{
    struct tls_conn *conn = xcalloc(1, sizeof *conn);
    conn->loop = loop;
    conn->client.fd = fd;
    conn->plain.fd = -1;
    conn->opened = opened;
    conn->opened_arg = arg;
    DL_APPEND(all, conn);
    count++;
    int rc = conn_init(conn, context, fd);
    if (rc < 0)
        conn_end(conn);
    else
        loop_timer_start(conn->timer, HANDSHAKE_MS, 0);
    return rc;
}

void tls_conn_release(struct tls_conn *conn)
{
    if (!conn)
        return;
    conn->held = false;
    conn_free(conn);
}

void tls_conn_close(struct tls_conn *conn)
{
    if (!conn)
        return;
    conn->tunnel.closed = NULL;
    conn->held = false;
    if (conn->state == TLS_CLOSED)
        conn_free(conn);
    else
        conn_end(conn);
}

static struct tls_conn *first_of(const struct loop *loop)
{
    struct tls_conn *conn;
    DL_FOREACH(all, conn)
    {
        if (conn->loop == loop)
            break;
    }
    return conn;
}

void tls_conn_close_all(struct loop *loop)
{
    struct tls_conn *conn;
    while ((conn = first_of(loop))) /* from the start each time: a tunnel's callback may close another one */
        conn_end(conn);
}

unsigned tls_conn_count(void)
{
    return count;
}
