/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An argument vector in JSON: an array of strings. */
#ifndef ISTHMUS_POOL_ARGV_JSON_H
#define ISTHMUS_POOL_ARGV_JSON_H

#include "json/json.h"

/* NULL for an argument that is not UTF-8. A vector that is NULL is an empty array. */
json_t *argv_to_json(char *const *argv);
/* The member of an object; NULL for an empty array. -EINVAL with a sentence (JSON_ERROR_LEN). Free with
 * cmdline_free. */
int argv_from_json(const json_t *object, const char *name, char ***ret_argv, char *ret_error);

#endif
