/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text codings of bytes. Every decoder refuses what is not canonical with -EINVAL and output that is too long
 * with -EMSGSIZE. */
#ifndef ISTHMUS_BASE_CODEC_H
#define ISTHMUS_BASE_CODEC_H

#include "base/util.h"

void hex_encode(const void *data, size_t len, char *ret_text); /* ret_text: 2 * len + 1 bytes, lower case */
int hex_decode(const char *text, void *ret_data, size_t len);  /* exactly 2 * len digits */

char *base64_encode(const void *data, size_t len); /* with padding; the caller frees */
char *base64url_encode(const void *data,
                       size_t len); /* RFC 4648 section 5, without padding; the caller frees */
/* The caller frees *ret_data, which has a NUL after its last byte. */
int base64_decode(const char *text, size_t len, uint8_t **ret_data, size_t *ret_len);
int base64url_decode(const char *text, size_t len, uint8_t **ret_data, size_t *ret_len);

/* Percent-encodes everything but unreserved characters (RFC 3986); the caller frees. */
char *percent_encode(const char *text);
/* Refuses broken escapes, invalid UTF-8 and control characters; the caller frees *ret_text. */
int percent_decode(const char *text, size_t len, char **ret_text);
/* Value of name in "a=1&b=2", percent-decoded; -ENOENT when absent, -EINVAL when broken or given twice. '+'
 * stays
 * '+'. query may be NULL. */
int query_get(const char *query, const char *name, char **ret_value);

#endif
