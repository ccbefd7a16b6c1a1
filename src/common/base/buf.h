/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A byte buffer with a hard maximum. Appending past the maximum fails with -EMSGSIZE and changes nothing. */
#ifndef ISTHMUS_BASE_BUF_H
#define ISTHMUS_BASE_BUF_H

#include "base/util.h"

struct buf {
    uint8_t *data; /* NULL while empty; owned */
    size_t len;
    size_t cap;
    size_t max;
};

/* No allocation happens before the first append. */
void buf_init(struct buf *b, size_t max);
/* Frees the storage; the buffer can be used again with the same maximum. NULL-safe. */
void buf_finish(struct buf *b);
int buf_append(struct buf *b, const void *data, size_t len);
int buf_append_str(struct buf *b, const char *s);
int buf_append_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Little-endian integers, for binary protocols. */
int buf_append_u8(struct buf *b, uint8_t v);
int buf_append_u16le(struct buf *b, uint16_t v);
int buf_append_u32le(struct buf *b, uint32_t v);
int buf_append_u64le(struct buf *b, uint64_t v);
/* Room for len more bytes; ret_at points at it until the next call. Follow with buf_commit. */
int buf_reserve(struct buf *b, size_t len, uint8_t **ret_at);
void buf_commit(struct buf *b, size_t len);
/* Drops len bytes from the front (len <= b->len). */
void buf_consume(struct buf *b, size_t len);
/* Terminates with NUL (not counted) and hands the storage to the caller, who frees it; NULL with nothing in
 * it gives "". */
char *buf_steal_str(struct buf *b);

#endif
