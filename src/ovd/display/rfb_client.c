/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One client's descriptors and queues. */
#include <fcntl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <utlist.h>

#include "ovd/display/rfb_message.h"
#include "ovd/display/rfb_sink_priv.h"

#define READ_BYTES 16384
#define PUMP_BYTES 65536
/* With more than this waiting for the client or the engine nothing is read from the client. */
#define OUT_HIGH (256u << 10)
#define FORWARD_HIGH (64u << 10)
#define IN_MAX (8 + RFB_CUT_TEXT_MAX + READ_BYTES)
#define FORWARD_MAX (FORWARD_HIGH + 8 + RFB_CUT_TEXT_MAX)
/* What libvncserver says on the inner connection before ServerInit: its version, and that there is no
 * authentication. */
#define GREETING_BYTES (RFB_VERSION_LEN + 4)
#define GREETING_ANSWER "RFB 003.003\n\1"

static size_t queue_len(const struct rfb_queue *q)
{
    return q->buf.len - q->at;
}

static void queue_consume(struct rfb_queue *q, size_t len)
{
    q->at += len;
    if (queue_len(q) == 0) {
        q->at = q->buf.len = 0;
        if (q->buf.cap > PUMP_BYTES)
            buf_finish(&q->buf);
    } else if (q->at > q->buf.len / 2) {
        buf_consume(&q->buf, q->at);
        q->at = 0;
    }
}

/* 0, also when the socket is full; negative when it is broken. */
static int queue_flush(struct rfb_queue *q, int fd)
{
    while (queue_len(q) > 0) {
        ssize_t n = send(fd, q->buf.data + q->at, queue_len(q), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        queue_consume(q, (size_t)n);
    }
    return 0;
}

static bool may_read(const struct rfb_client *c)
{
    if (c->state == RFB_FAILED || c->state == RFB_LINGER)
        return false;
    return queue_len(&c->out) < OUT_HIGH && queue_len(&c->forward) < FORWARD_HIGH;
}

static void set_interest(struct rfb_client *c)
{
    int events = may_read(c) ? LOOP_READ : 0;

    if (queue_len(&c->out) > 0)
        events |= LOOP_WRITE;
    loop_poll_set(c->poll, events);
    if (c->inner_poll)
        loop_poll_set(c->inner_poll, LOOP_READ | (queue_len(&c->forward) > 0 ? LOOP_WRITE : 0));
}

/* How much waits for the client is what the engine goes by, and what the stall is measured at. */
static void out_changed(struct rfb_client *c, size_t before)
{
    size_t len = queue_len(&c->out);

    if (c->state == RFB_RUNNING && len != before) {
        if (len == 0)
            loop_timer_stop(c->deadline);
        else if (before == 0 || len < before)
            loop_timer_start(c->deadline, RFB_STALL_MS, 0);
    }
    if (!c->shared)
        return;
    atomic_store(&c->shared->backlog, len);
    if (len == 0 && atomic_load(&c->shared->waiting))
        rfb_engine_wake(c->sink->engine);
}

int rfb_client_say(struct rfb_client *client, const void *data, size_t len)
{
    size_t before = queue_len(&client->out);
    int r = buf_append(&client->out.buf, data, len);

    if (r == 0)
        out_changed(client, before);
    set_interest(client);
    return r;
}

int rfb_client_forward(struct rfb_client *client, const void *data, size_t len)
{
    int r = buf_append(&client->forward.buf, data, len);

    set_interest(client);
    return r;
}

static ssize_t take(struct rfb_client *c, const uint8_t *data, size_t len)
{
    if (c->state == RFB_RUNNING)
        return rfb_dispatch_take(c, data, len);
    return rfb_login_take(c, data, len);
}

/* Acts on what has been read, as far as there is room for the consequences. */
static int understand(struct rfb_client *c)
{
    size_t used = 0;
    ssize_t n = 0;

    while (!c->doomed && may_read(c)) {
        n = take(c, c->in.data + used, c->in.len - used);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    if (n < 0)
        return (int)n;
    if (used > 0)
        buf_consume(&c->in, used);
    return 0;
}

static int read_client(struct rfb_client *c)
{
    uint8_t *at = NULL;
    ssize_t n;
    int r = buf_reserve(&c->in, READ_BYTES, &at);

    if (r < 0)
        return r;
    n = recv(c->fd, at, READ_BYTES, MSG_DONTWAIT);
    if (n == 0)
        return -ECONNRESET;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    buf_commit(&c->in, (size_t)n);
    return 0;
}

/* Called at the end of each callback of the descriptors. */
static void settle(struct rfb_client *c, int r)
{
    c->busy = false;
    if (r < 0 || c->doomed || (c->state == RFB_LINGER && queue_len(&c->out) == 0))
        rfb_client_close(c, c->why);
    else
        set_interest(c);
}

static void on_ready(void *arg, int ready)
{
    struct rfb_client *c = arg;
    size_t before = queue_len(&c->out);
    int r = 0;

    c->busy = true;
    if (ready & LOOP_WRITE) {
        r = queue_flush(&c->out, c->fd);
        out_changed(c, before);
    }
    if (r == 0 && (ready & LOOP_READ) && may_read(c))
        r = read_client(c);
    if (r == 0)
        r = understand(c);
    settle(c, r);
}

/* The most that may wait for the client: a picture in the worst encoding, and a text. */
static size_t out_limit(const struct rfb_sink *sink)
{
    return 8 * (size_t)sink->width * (size_t)sink->height + (4u << 20);
}

static int read_engine(struct rfb_client *c)
{
    size_t before = queue_len(&c->out), skip;
    uint8_t *at = NULL;
    ssize_t n;
    int r;

    c->out.buf.max = c->out.at + out_limit(c->sink) + PUMP_BYTES;
    r = queue_len(&c->out) > out_limit(c->sink) ? -EMSGSIZE : buf_reserve(&c->out.buf, PUMP_BYTES, &at);
    if (r < 0) {
        c->why = "takes too little of what it asks for";
        return r;
    }
    n = recv(c->inner, at, PUMP_BYTES, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0) {
        c->why = "its messages make no sense";
        return -ECONNRESET;
    }
    skip = MIN(c->skip, (size_t)n);
    c->skip -= skip;
    memmove(at, at + skip, (size_t)n - skip);
    buf_commit(&c->out.buf, (size_t)n - skip);
    r = queue_flush(&c->out, c->fd); /* most often there is room */
    out_changed(c, before);
    return r;
}

static void on_inner_ready(void *arg, int ready)
{
    struct rfb_client *c = arg;
    int r = 0;

    c->busy = true;
    if (ready & LOOP_READ)
        r = read_engine(c);
    if (r == 0 && (ready & LOOP_WRITE))
        r = queue_flush(&c->forward, c->inner);
    if (r == 0)
        r = understand(c);
    settle(c, r);
}

static void on_deadline(void *arg)
{
    struct rfb_client *c = arg;

    if (c->state == RFB_FAILED) {
        rfb_login_refuse(c);
        loop_timer_start(c->deadline, RFB_LOGIN_MS, 0);
    } else if (c->state == RFB_LINGER) {
        rfb_client_close(c, c->why);
    } else {
        rfb_client_close(c, c->state == RFB_RUNNING ? "takes nothing any more" : "has not logged in in time");
    }
}

static void on_resize_timeout(void *arg)
{
    rfb_dispatch_resized(arg);
}

int rfb_client_attach(struct rfb_client *client)
{
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    client->inner = pair[0];
    client->skip = GREETING_BYTES;
    /* libvncserver keeps descriptors in an fd_set. Its greeting is answered in advance: without that it would
     * wait for a WebSocket's handshake. */
    r = pair[1] >= FD_SETSIZE ? -EMFILE : 0;
    if (r == 0 && send(pair[0], GREETING_ANSWER, sizeof(GREETING_ANSWER) - 1, MSG_NOSIGNAL) < 0)
        r = -errno;
    if (r == 0)
        r = loop_poll_create(client->sink->options.loop, client->inner, LOOP_READ, on_inner_ready, client,
                             &client->inner_poll);
    if (r < 0) {
        close(pair[1]);
        return r;
    }
    rfb_engine_add(client->sink->engine, pair[1], client->shared);
    return 0;
}

static void client_free(struct rfb_client *c)
{
    loop_poll_destroy(c->poll);
    loop_poll_destroy(c->inner_poll);
    loop_timer_destroy(c->deadline);
    loop_timer_destroy(c->resize_timer);
    buf_finish(&c->in);
    buf_finish(&c->out.buf);
    buf_finish(&c->forward.buf);
    close(c->fd);
    if (c->inner >= 0)
        close(c->inner);
    rfb_shared_unref(c->shared);
    free(c);
}

int rfb_client_create(struct rfb_sink *sink, int fd, const struct rfb_participant *wanted,
                      struct rfb_client **ret_client)
{
    struct rfb_client *c = xcalloc(1, sizeof(*c));
    int r;

    c->sink = sink;
    c->wanted = wanted;
    c->fd = fd;
    c->inner = -1;
    buf_init(&c->in, IN_MAX);
    buf_init(&c->out.buf, OUT_HIGH);
    buf_init(&c->forward.buf, FORWARD_MAX);
    r = loop_timer_create(sink->options.loop, on_deadline, c, &c->deadline);
    if (r == 0)
        r = loop_timer_create(sink->options.loop, on_resize_timeout, c, &c->resize_timer);
    if (r == 0)
        r = loop_poll_create(sink->options.loop, fd, LOOP_READ, on_ready, c, &c->poll);
    if (r < 0) {
        client_free(c);
        return r;
    }
    loop_timer_start(c->deadline, RFB_LOGIN_MS, 0);
    rfb_login_greet(c);
    *ret_client = c;
    return 0;
}

void rfb_client_close(struct rfb_client *client, const char *why)
{
    client->why = why;
    client->doomed = true;
    client->who = NULL;
    if (client->busy)
        return; /* its callback ends it */
    if (client->inner >= 0) {
        /* The engine lets go of it by the end of the stream. */
        client->inner_poll = loop_poll_destroy(client->inner_poll);
        close(client->inner);
        client->inner = -1;
    }
    rfb_sink_left(client);
    client_free(client);
}
