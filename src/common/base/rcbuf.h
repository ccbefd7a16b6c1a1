/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An immutable, reference-counted block of bytes: an encoded picture shared by several viewers. The count is
 * atomic. */
#ifndef ISTHMUS_BASE_RCBUF_H
#define ISTHMUS_BASE_RCBUF_H

#include "base/util.h"

struct rcbuf;

/* Takes over data, which was allocated with malloc; NULL when memory is gone (data is then still the
 * caller's). */
struct rcbuf *rcbuf_new(void *data, size_t len);
struct rcbuf *rcbuf_ref(struct rcbuf *b);
struct rcbuf *rcbuf_unref(struct rcbuf *b); /* NULL-safe; always returns NULL */
const uint8_t *rcbuf_data(const struct rcbuf *b);
size_t rcbuf_len(const struct rcbuf *b);

#endif
