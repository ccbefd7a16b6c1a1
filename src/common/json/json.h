/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON through jansson, which only this header includes. Typed accessors that say what is wrong: a caller
 * turns the message into its 400. */
#ifndef ISTHMUS_JSON_JSON_H
#define ISTHMUS_JSON_JSON_H

#include <jansson.h>

#include "base/util.h"

#define JSON_ERROR_LEN 160
#define cleanup_json __attribute__((cleanup(json_unrefp)))

static inline void json_unrefp(json_t **p)
{
    json_decref(*p);
}

/* Reads an object or an array. Refuses duplicate keys, nesting deeper than 32, invalid UTF-8, NUL in strings
 * and anything after the value: -EINVAL, with a sentence in ret_error (JSON_ERROR_LEN bytes). */
int json_read(const char *data, size_t len, json_t **ret_value, char *ret_error);

/* Required member of an object: 0, or -EINVAL with a sentence that names the member. Strings are lent, valid
 * as long as the object, at most max bytes, and free of control characters. */
int json_get_string(const json_t *object, const char *name, size_t max, const char **ret_value,
                    char *ret_error);
int json_get_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret_value,
                 char *ret_error);
int json_get_bool(const json_t *object, const char *name, bool *ret_value, char *ret_error);
int json_get_array(const json_t *object, const char *name, size_t max, const json_t **ret_value,
                   char *ret_error);
/* Optional member: as above, and 0 with *ret_value untouched when absent or null. */
int json_opt_string(const json_t *object, const char *name, size_t max, const char **ret_value,
                    char *ret_error);
int json_opt_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret_value,
                 char *ret_error);
int json_opt_bool(const json_t *object, const char *name, bool *ret_value, char *ret_error);

/* Compact text, the caller frees with free(); NULL when memory is gone. */
char *json_text(const json_t *value);

#endif
