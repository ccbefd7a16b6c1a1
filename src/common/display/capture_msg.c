/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/capture_msg.h"

static void put16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *at, uint32_t v)
{
    put16(at, v & 0xffff);
    put16(at + 2, v >> 16);
}

static void put64(uint8_t *at, uint64_t v)
{
    put32(at, (uint32_t)v);
    put32(at + 4, (uint32_t)(v >> 32));
}

static unsigned get16(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

int capture_begin(struct capture_update *u)
{
    static const uint8_t blank[CAPTURE_HEADER_LEN];

    buf_init(&u->buf, CAPTURE_MAX_UPDATE);
    u->records = 0;
    return buf_append(&u->buf, blank, sizeof(blank));
}

void capture_abort(struct capture_update *u)
{
    buf_finish(&u->buf);
}

/* One record: head, fixed body, and the bytes of a picture if there is one. */
static int add(struct capture_update *u, enum capture_record type, const uint8_t *body, size_t len,
               const struct rcbuf *tail)
{
    uint8_t head[CAPTURE_RECORD_LEN] = {(uint8_t)type};
    size_t tail_len = tail ? rcbuf_len(tail) : 0;
    int r;

    if (u->records >= CAPTURE_MAX_RECORDS || tail_len > CAPTURE_MAX_UPDATE)
        return -EMSGSIZE;
    put32(head + 4, (uint32_t)(len + tail_len));
    r = buf_append(&u->buf, head, sizeof(head));
    if (r == 0)
        r = buf_append(&u->buf, body, len);
    if (r == 0 && tail)
        r = buf_append(&u->buf, rcbuf_data(tail), tail_len);
    if (r == 0)
        u->records++;
    return r;
}

static void put_rect(uint8_t *at, const struct frame_rect *rect)
{
    put16(at, (unsigned)rect->x);
    put16(at + 2, (unsigned)rect->y);
    put16(at + 4, (unsigned)rect->w);
    put16(at + 6, (unsigned)rect->h);
}

int capture_add_size(struct capture_update *u, int width, int height)
{
    uint8_t body[4];

    put16(body, (unsigned)width);
    put16(body + 2, (unsigned)height);
    return add(u, CAPTURE_SIZE, body, sizeof(body), NULL);
}

int capture_add_png(struct capture_update *u, const struct frame_rect *rect, uint64_t hash,
                    const struct rcbuf *png)
{
    uint8_t body[16];

    put_rect(body, rect);
    put64(body + 8, hash);
    return add(u, CAPTURE_PNG, body, sizeof(body), png);
}

int capture_add_cached(struct capture_update *u, const struct frame_rect *rect, uint64_t hash)
{
    uint8_t body[16];

    put_rect(body, rect);
    put64(body + 8, hash);
    return add(u, CAPTURE_CACHED, body, sizeof(body), NULL);
}

int capture_add_copy(struct capture_update *u, const struct frame_rect *to, int from_x, int from_y)
{
    uint8_t body[12];

    put_rect(body, to);
    put16(body + 8, (unsigned)from_x);
    put16(body + 10, (unsigned)from_y);
    return add(u, CAPTURE_COPY, body, sizeof(body), NULL);
}

int capture_add_solid(struct capture_update *u, const struct frame_rect *rect, uint32_t pixel)
{
    uint8_t body[12];

    put_rect(body, rect);
    body[8] = (uint8_t)(pixel >> 16);
    body[9] = (uint8_t)(pixel >> 8);
    body[10] = (uint8_t)pixel;
    body[11] = 0;
    return add(u, CAPTURE_SOLID, body, sizeof(body), NULL);
}

int capture_add_cursor(struct capture_update *u, int width, int height, int hot_x, int hot_y,
                       const struct rcbuf *png)
{
    uint8_t body[8] = {0};

    if (png) {
        put16(body, (unsigned)width);
        put16(body + 2, (unsigned)height);
        put16(body + 4, (unsigned)hot_x);
        put16(body + 6, (unsigned)hot_y);
    }
    return add(u, CAPTURE_CURSOR, body, sizeof(body), png);
}

int capture_add_pointer(struct capture_update *u, int x, int y)
{
    uint8_t body[4];

    put16(body, (unsigned)x);
    put16(body + 2, (unsigned)y);
    return add(u, CAPTURE_POINTER, body, sizeof(body), NULL);
}

int capture_end(struct capture_update *u, unsigned flags, uint32_t sequence, uint64_t time_us,
                struct rcbuf **ret_message)
{
    uint8_t *head = u->buf.data;
    struct rcbuf *message;

    head[0] = CAPTURE_VERSION;
    head[1] = CAPTURE_KIND_UPDATE;
    put16(head + 2, flags);
    put32(head + 4, sequence);
    put64(head + 8, time_us);
    put16(head + 16, 0);
    put16(head + 18, u->records);
    put32(head + 20, (uint32_t)(u->buf.len - CAPTURE_HEADER_LEN));

    message = rcbuf_new(u->buf.data, u->buf.len);
    if (!message) {
        buf_finish(&u->buf);
        return -ENOMEM;
    }
    buf_init(&u->buf, CAPTURE_MAX_UPDATE); /* the storage is the message's now */
    *ret_message = message;
    return 0;
}

static int parse_miss(const uint8_t *body, struct capture_request *req)
{
    req->rect = (struct frame_rect){(int)get16(body), (int)get16(body + 2), (int)get16(body + 4),
                                    (int)get16(body + 6)};
    req->hash = get64(body + 8);
    return req->rect.w > 0 && req->rect.h > 0 && req->hash != 0 ? 0 : -EPROTO;
}

int capture_parse(const void *data, size_t len, struct capture_request *ret_request)
{
    static const size_t length[] = {
        [CAPTURE_ACK] = 12, [CAPTURE_REFRESH] = 4, [CAPTURE_MISS] = 20, [CAPTURE_HIDDEN] = 8};
    const uint8_t *p = data;
    struct capture_request req = {0};

    if (len < 4 || p[0] != CAPTURE_VERSION || p[1] < CAPTURE_ACK || p[1] > CAPTURE_HIDDEN ||
        get16(p + 2) != 0 || len != length[p[1]])
        return -EPROTO;
    req.type = p[1];
    switch (req.type) {
    case CAPTURE_ACK:
        req.sequence = get32(p + 4);
        req.decode_us = get32(p + 8);
        if (req.sequence == 0)
            return -EPROTO;
        break;
    case CAPTURE_REFRESH:
        break;
    case CAPTURE_MISS:
        if (parse_miss(p + 4, &req) < 0)
            return -EPROTO;
        break;
    case CAPTURE_HIDDEN:
        if (p[4] > 1 || p[5] || p[6] || p[7])
            return -EPROTO;
        req.hidden = p[4];
        break;
    }
    *ret_request = req;
    return 0;
}
