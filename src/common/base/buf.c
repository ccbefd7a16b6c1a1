/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#define BUF_FIRST_CAP 64

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_finish(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    buf_init(b, b->max);
}

/* Makes cap at least want, which is within the maximum plus the one byte that buf_steal_str and formatting
 * need. */
static int buf_grow(struct buf *b, size_t want)
{
    size_t cap = MAX(b->cap, BUF_FIRST_CAP);
    uint8_t *data;

    if (want <= b->cap)
        return 0;
    while (cap < want) {
        if (cap > SIZE_MAX / 2) {
            cap = want;
            break;
        }
        cap *= 2;
    }
    data = realloc(b->data, cap);
    if (!data)
        return -ENOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_reserve(struct buf *b, size_t len, uint8_t **ret_at)
{
    int r;

    if (b->len > b->max || len > b->max - b->len)
        return -EMSGSIZE;
    r = buf_grow(b, b->len + MAX(len, (size_t)1));
    if (r < 0)
        return r;
    *ret_at = b->data + b->len;
    return 0;
}

void buf_commit(struct buf *b, size_t len)
{
    b->len += len;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
    uint8_t *at = NULL;
    int r;

    if (len == 0)
        return 0;
    r = buf_reserve(b, len, &at);
    if (r < 0)
        return r;
    memcpy(at, data, len);
    buf_commit(b, len);
    return 0;
}

int buf_append_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

int buf_append_fmt(struct buf *b, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    int len, r;

    va_start(ap, fmt);
    len = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (len < 0)
        return -ENOMEM;
    r = buf_append(b, text, (size_t)len);
    free(text);
    return r;
}

static int append_le(struct buf *b, uint64_t v, size_t bytes)
{
    uint8_t raw[8];

    for (size_t i = 0; i < bytes; i++)
        raw[i] = (uint8_t)(v >> (8 * i));
    return buf_append(b, raw, bytes);
}

int buf_append_u8(struct buf *b, uint8_t v)
{
    return append_le(b, v, 1);
}

int buf_append_u16le(struct buf *b, uint16_t v)
{
    return append_le(b, v, 2);
}

int buf_append_u32le(struct buf *b, uint32_t v)
{
    return append_le(b, v, 4);
}

int buf_append_u64le(struct buf *b, uint64_t v)
{
    return append_le(b, v, 8);
}

void buf_consume(struct buf *b, size_t len)
{
    if (len >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
}

char *buf_steal_str(struct buf *b)
{
    char *text;

    if (buf_grow(b, b->len + 1) < 0)
        abort();
    text = (char *)b->data;
    text[b->len] = '\0';
    buf_init(b, b->max);
    return text;
}
