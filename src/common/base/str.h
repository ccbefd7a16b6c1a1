/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strings from strangers: bounded copies, exact numbers, checks. */
#ifndef ISTHMUS_BASE_STR_H
#define ISTHMUS_BASE_STR_H

#include "base/util.h"

/* Copies with NUL; -ENAMETOOLONG (and dst = "") when it does not fit. */
int str_copy(char *dst, size_t size, const char *src);
/* The whole string must be a decimal number within [min, max]: 0, -EINVAL or -ERANGE. */
int str_to_int(const char *s, int64_t min, int64_t max, int64_t *ret_value);
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts_with(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);
/* Valid UTF-8 without NUL, and without control characters when text is true. */
bool str_is_utf8(const char *s, size_t len, bool text);
/* After a bounded copy of UTF-8: drops the sequence that was cut in two at the end, if there is one. */
void str_trim_utf8(char *s);
/* Only characters of set, 1..max of them. */
bool str_is_token(const char *s, const char *set, size_t max);
/* 32 lower-case hex digits: the form of every random id of ours. */
bool str_is_id(const char *s);
/* Replaces every occurrence of needle; a new string, the caller frees. */
char *str_replace(const char *s, const char *needle, const char *with);

#endif
