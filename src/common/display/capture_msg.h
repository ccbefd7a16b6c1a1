/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The binary messages of docs/protocol/capture.md: builds updates, parses what a client sends. Pure
 * functions. */
#ifndef ISTHMUS_DISPLAY_CAPTURE_MSG_H
#define ISTHMUS_DISPLAY_CAPTURE_MSG_H

#include "base/buf.h"
#include "base/rcbuf.h"
#include "display/frame.h"

#define CAPTURE_VERSION 1
#define CAPTURE_KIND_UPDATE 1
#define CAPTURE_FLAG_FULL 1
#define CAPTURE_HEADER_LEN 24
#define CAPTURE_RECORD_LEN 8
#define CAPTURE_MAX_RECORDS 1024
#define CAPTURE_CACHE_BYTES 33554432    /* decoded bytes a client keeps */
#define CAPTURE_MAX_UPDATE (256u << 20) /* above the worst picture of the largest screen */

enum capture_record {
    CAPTURE_PNG = 1,
    CAPTURE_CACHED = 2,
    CAPTURE_COPY = 3,
    CAPTURE_SOLID = 4,
    CAPTURE_CURSOR = 5,
    CAPTURE_POINTER = 6,
    CAPTURE_SIZE = 7,
};

/* An update under construction. Every append is 0, -ENOMEM, -EMSGSIZE; after a failure the update is only
 * good for capture_abort. */
struct capture_update {
    struct buf buf;
    unsigned records;
};

int capture_begin(struct capture_update *u);
void capture_abort(struct capture_update *u);
int capture_add_size(struct capture_update *u, int width, int height);
int capture_add_png(struct capture_update *u, const struct frame_rect *rect, uint64_t hash,
                    const struct rcbuf *png);
int capture_add_cached(struct capture_update *u, const struct frame_rect *rect, uint64_t hash);
int capture_add_copy(struct capture_update *u, const struct frame_rect *to, int from_x, int from_y);
int capture_add_solid(struct capture_update *u, const struct frame_rect *rect,
                      uint32_t pixel); /* pixel: 0x..RRGGBB */
/* png NULL: hidden. */
int capture_add_cursor(struct capture_update *u, int width, int height, int hot_x, int hot_y,
                       const struct rcbuf *png);
int capture_add_pointer(struct capture_update *u, int x, int y);
/* Writes the header and hands the message over; u is finished in every case. */
int capture_end(struct capture_update *u, unsigned flags, uint32_t sequence, uint64_t time_us,
                struct rcbuf **ret_message);

enum capture_request_type {
    CAPTURE_ACK = 1,
    CAPTURE_REFRESH = 2,
    CAPTURE_MISS = 3,
    CAPTURE_HIDDEN = 4,
};

struct capture_request {
    enum capture_request_type type;
    uint32_t sequence;      /* ACK */
    uint32_t decode_us;     /* ACK */
    struct frame_rect rect; /* MISS; not empty, but not checked against the screen */
    uint64_t hash;          /* MISS */
    bool hidden;            /* HIDDEN */
};

/* 0, or -EPROTO for anything that is not exactly one message of the document. */
int capture_parse(const void *data, size_t len, struct capture_request *ret_request);

#endif
