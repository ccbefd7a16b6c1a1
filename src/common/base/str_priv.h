/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_BASE_STR_PRIV_H
#define ISTHMUS_BASE_STR_PRIV_H

#include "base/util.h"

/* Length of the valid UTF-8 sequence at s (1..4) with its code point; 0 when it is broken, too long for its
 * value, a surrogate or past U+10FFFF. len > 0. */
size_t str_utf8_next(const char *s, size_t len, uint32_t *ret_point);
/* C0, DEL and C1. */
bool str_is_control(uint32_t point);
/* Value of a hexadecimal digit, or -1. */
int str_hex_value(char c);

#endif
