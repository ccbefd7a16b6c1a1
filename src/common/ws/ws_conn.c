/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "utlist.h"
#include "ws/ws_priv.h"

struct ws_conn *ws__conn_new(struct ws_context *context, struct lws *wsi, void *data)
{
    struct ws_conn *conn = xcalloc(1, sizeof *conn);
    conn->context = context;
    conn->wsi = wsi;
    conn->data = data;
    buf_init(&conn->in, context->max_message);
    DL_APPEND(context->conns, conn);
    return conn;
}

static void pop(struct ws_conn *conn)
{
    struct ws_message *m = conn->queue;
    conn->queue = m->next;
    if (!conn->queue)
        conn->queue_tail = NULL;
    conn->queued -= rcbuf_len(m->data);
    rcbuf_unref(m->data);
    free(m);
}

/* Bytes that the kernel has taken in for this connection and libwebsockets has read; 0 when there is no
 * telling. */
static uint64_t bytes_read(const struct ws_conn *conn)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int fd = lws_get_socket_fd(conn->wsi), waiting = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || ioctl(fd, SIOCINQ, &waiting) < 0)
        return 0;
    uint64_t all = info.tcpi_bytes_received;
    return all > (uint64_t)waiting ? all - (uint64_t)waiting : 0;
}

void ws__conn_opened(struct ws_conn *conn)
{
    conn->open = true;
    conn->received_base = bytes_read(conn);
    if (conn->context->handlers->opened && !conn->context->dead)
        conn->context->handlers->opened(conn->context->ctx, conn, conn->data);
}

void ws__conn_gone(struct ws_conn *conn)
{
    struct ws_context *context = conn->context;
    DL_DELETE(context->conns, conn);
    conn->closing = true; /* whatever closed does with it, nothing is sent any more */
    while (conn->queue)
        pop(conn);
    if (conn->wsi)
        lws_set_opaque_user_data(conn->wsi, NULL);
    conn->wsi = NULL;
    if (context->handlers->closed && !context->dead)
        context->handlers->closed(context->ctx, conn, conn->data);
    loop_timer_destroy(conn->timer);
    buf_finish(&conn->in);
    free(conn);
}

static int push(struct ws_conn *conn, struct rcbuf *data, bool text)
{
    size_t len = rcbuf_len(data);
    if (conn->closing || !conn->wsi)
        return -EPIPE;
    /* One message goes through an empty queue whatever its size: else it never would. */
    if (len > WS_FRAME_MAX ||
        (conn->queued > 0 && len > conn->context->max_queue - MIN(conn->queued, conn->context->max_queue)))
        return -ENOBUFS;
    struct ws_message *m = xcalloc(1, sizeof *m);
    m->data = rcbuf_ref(data);
    m->text = text;
    if (conn->queue_tail)
        conn->queue_tail->next = m;
    else
        conn->queue = m;
    conn->queue_tail = m;
    conn->queued += len;
    lws_callback_on_writable(conn->wsi);
    loop_guest_kick(conn->context->guest);
    return 0;
}

int ws_send_text(struct ws_conn *conn, const char *text)
{
    char *copy = strdup(text);
    struct rcbuf *data = copy ? rcbuf_new(copy, strlen(text)) : NULL;
    if (!data) {
        free(copy);
        return -ENOMEM;
    }
    int rc = push(conn, data, true);
    rcbuf_unref(data);
    return rc;
}

int ws_send_binary(struct ws_conn *conn, struct rcbuf *message)
{
    return push(conn, message, false);
}

size_t ws_queued(const struct ws_conn *conn)
{
    return conn->queued;
}

static void on_close_timer(void *arg)
{
    struct ws_conn *conn = arg;
    struct loop_guest *guest = conn->context->guest;
    if (!conn->wsi)
        return;
    lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC); /* frees conn */
    loop_guest_kick(guest);
}

void ws_close(struct ws_conn *conn, unsigned code, const char *reason)
{
    if (conn->closing || !conn->wsi)
        return;
    conn->closing = true;
    conn->code = code;
    /* A close frame carries 123 bytes of reason; cut at the start of a character. */
    size_t len = reason ? strlen(reason) : 0;
    if (len >= sizeof conn->reason)
        for (len = sizeof conn->reason - 1; len > 0 && ((unsigned char)reason[len] & 0xc0) == 0x80;)
            len--;
    memcpy(conn->reason, reason ? reason : "", len);
    conn->reason[len] = 0;
    if (loop_timer_create(conn->context->loop, on_close_timer, conn, &conn->timer) == 0)
        loop_timer_start(conn->timer, WS_CLOSE_MS, 0);
    lws_callback_on_writable(conn->wsi);
    loop_guest_kick(conn->context->guest);
}

/* libwebsockets puts the frame's head before the bytes, so they are copied once: many viewers may share them.
 */
static int write_message(struct ws_conn *conn)
{
    const struct ws_message *m = conn->queue;
    size_t len = rcbuf_len(m->data);
    unsigned char *frame = malloc(LWS_PRE + len + 1);
    if (!frame)
        return -ENOMEM;
    if (len)
        memcpy(frame + LWS_PRE, rcbuf_data(m->data), len);
    int n = lws_write(conn->wsi, frame + LWS_PRE, len, m->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
    free(frame);
    return n < (int)len ? -EPIPE : 0;
}

/* Straight into the socket, which is allowed while libwebsockets holds nothing back. Its own way,
 * lws_close_reason, does not work here: Debian's build has a self-test that closes twice under libuv, which
 * ends the connection before the frame is sent. */
static void write_close(struct ws_conn *conn, unsigned code, const char *reason)
{
    unsigned char frame[8 + sizeof conn->reason] = {0x88};
    size_t len = strlen(reason), at = 2;
    conn->closing = conn->close_sent = true;
    if (lws_partial_buffered(conn->wsi))
        return;
    frame[1] = (unsigned char)(len + 2);
    if (conn->context->is_client) { /* has to mask; four zeros do */
        frame[1] |= 0x80;
        at += 4;
    }
    frame[at] = (unsigned char)(code >> 8);
    frame[at + 1] = (unsigned char)code;
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result)
    memcpy(frame + at + 2, reason, len);
    (void)!send(lws_get_socket_fd(conn->wsi), frame, at + 2 + len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int ws__conn_writable(struct ws_conn *conn)
{
    if (conn->queue) {
        if (write_message(conn) < 0)
            return -1;
        pop(conn);
        if (conn->queue || conn->closing)
            lws_callback_on_writable(conn->wsi);
        else if (conn->context->handlers->drained && !conn->context->dead)
            conn->context->handlers->drained(conn->context->ctx, conn, conn->data);
        return 0;
    }
    if (conn->closing && !conn->close_sent)
        write_close(conn, conn->code, conn->reason);
    return 0;
}

int ws__conn_peer_closes(struct ws_conn *conn)
{
    bool answered = conn->close_sent;
    conn->closing = conn->close_sent = true; /* libwebsockets answers with the same code */
    return answered ? -1 : 0;
}

void ws__conn_breaks(struct ws_conn *conn)
{
    if (!conn->closing && !conn->context->is_client && conn->wsi)
        write_close(conn, 1002, "protocol error");
}

static void new_second(struct ws_conn *conn)
{
    uint64_t now = clock_monotonic_ms(NULL) / 1000;
    if (now == conn->second)
        return;
    conn->second = now;
    conn->frames = 0;
}

/* Counts one more piece of a frame; -1 when too many came in this second. */
static int account(struct ws_conn *conn, size_t len)
{
    new_second(conn);
    if (conn->frame_left == 0) {
        size_t whole = len + lws_remaining_packet_payload(conn->wsi);
        conn->accounted += 6 + (whole > 65535 ? 8u : whole > 125 ? 2u : 0u);
        conn->frames++;
        conn->frame_left = whole;
    }
    conn->accounted += len;
    conn->frame_left -= MIN(len, conn->frame_left);
    return conn->frames > WS_FRAMES_PER_S ? -1 : 0;
}

void ws__conn_check_flood(struct ws_conn *conn)
{
    uint64_t read = conn->open && conn->wsi ? bytes_read(conn) : 0;
    if (read == 0)
        return;
    if (read <
        conn->received_base + conn->accounted) { /* four bytes short for each frame that was not masked */
        ws_close(conn, 1002, "frames have to be masked");
        return;
    }
    uint64_t control = read - conn->received_base - conn->accounted;
    if (control > conn->second_base && control - conn->second_base > WS_CONTROL_PER_S)
        ws_close(conn, 1008, "too many control frames");
    conn->second_base = control;
}

/* The message is whole. */
static void deliver(struct ws_conn *conn, bool text)
{
    struct ws_context *context = conn->context;
    struct buf message = conn->in;
    uint8_t *end;
    buf_init(&conn->in, context->max_message);
    if (text && message.len && !str_is_utf8((const char *)message.data, message.len, false)) {
        ws_close(conn, 1007, "text has to be UTF-8");
    } else if (context->handlers->message && !context->dead) {
        message.max++; /* a NUL behind it, for those who read text */
        bool ended = buf_reserve(&message, 1, &end) == 0;
        if (ended)
            *end = 0;
        if (ended)
            context->handlers->message(context->ctx, conn, conn->data, text, message.data, message.len);
    }
    buf_finish(&message);
}

int ws__conn_received(struct ws_conn *conn, const void *data, size_t len)
{
    if (conn->closing)
        return 0;
    if (account(conn, len) < 0) {
        ws_close(conn, 1008, "too many frames");
        return 0;
    }
    if (len + lws_remaining_packet_payload(conn->wsi) > conn->context->max_message - conn->in.len ||
        buf_append(&conn->in, data, len) < 0) {
        buf_finish(&conn->in);
        ws_close(conn, 1009, "message too large");
        return 0;
    }
    if (lws_is_final_fragment(conn->wsi) && lws_remaining_packet_payload(conn->wsi) == 0)
        deliver(conn, !lws_frame_is_binary(conn->wsi));
    return 0;
}
