/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rcbuf.h"

#include <stdatomic.h>

struct rcbuf {
    atomic_uint refs;
    size_t len;
    uint8_t *data;
};

struct rcbuf *rcbuf_new(void *data, size_t len)
{
    struct rcbuf *b = malloc(sizeof(*b));

    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->data = data;
    b->len = len;
    return b;
}

struct rcbuf *rcbuf_ref(struct rcbuf *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

struct rcbuf *rcbuf_unref(struct rcbuf *b)
{
    if (!b)
        return NULL;
    /* Every reader's last access happens before the free, whichever thread does it. */
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) {
        free(b->data);
        free(b);
    }
    return NULL;
}

const uint8_t *rcbuf_data(const struct rcbuf *b)
{
    return b->data;
}

size_t rcbuf_len(const struct rcbuf *b)
{
    return b->len;
}
