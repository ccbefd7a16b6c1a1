/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json/json.h"

#include <stdio.h>

#include "base/str.h"

#define JSON_DEPTH_MAX 32
#define JSON_SIZE_MAX ((size_t)16 * 1024 * 1024)

static int fail(char *ret_error, const char *fmt, ...) PRINTF(2, 3);

static int fail(char *ret_error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ret_error, JSON_ERROR_LEN, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* Before the parser runs: brackets outside strings. In text that is no JSON the count may be anything, and
 * the parser refuses it. */
static bool is_too_deep(const char *data, size_t len)
{
    bool in_string = false;
    unsigned depth = 0;

    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (data[i] == '\\')
                i++;
            else if (data[i] == '"')
                in_string = false;
        } else if (data[i] == '"') {
            in_string = true;
        } else if (data[i] == '{' || data[i] == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if ((data[i] == '}' || data[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

int json_read(const char *data, size_t len, json_t **ret_value, char *ret_error)
{
    json_error_t error;
    json_t *value;
    char *near;

    if (len > JSON_SIZE_MAX)
        return fail(ret_error, "the text is too long");
    /* jansson skips a NUL between two tokens: what follows it would be read although other readers end there.
     */
    if (memchr(data, '\0', len))
        return fail(ret_error, "the text contains a NUL");
    if (is_too_deep(data, len))
        return fail(ret_error, "nested deeper than %d levels", JSON_DEPTH_MAX);
    value = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
    if (!value) {
        /* What follows quotes the input, which may hold a password. */
        near = strstr(error.text, " near '");
        if (near)
            *near = '\0';
        return fail(ret_error, "line %d, column %d: %s", error.line, error.column, error.text);
    }
    *ret_value = value;
    return 0;
}

static int find(const json_t *object, const char *name, bool required, const json_t **ret_member,
                char *ret_error)
{
    const json_t *member;

    if (!json_is_object(object))
        return fail(ret_error, "not an object");
    member = json_object_get(object, name);
    if (!member || json_is_null(member)) {
        if (required)
            return fail(ret_error, "%s is missing", name);
        member = NULL;
    }
    *ret_member = member;
    return 0;
}

static int take_string(const json_t *object, const char *name, bool required, size_t max,
                       const char **ret_value, char *ret_error)
{
    const json_t *member = NULL;
    int r = find(object, name, required, &member, ret_error);

    if (r < 0 || !member)
        return r;
    if (!json_is_string(member))
        return fail(ret_error, "%s has to be a string", name);
    if (json_string_length(member) > max)
        return fail(ret_error, "%s is longer than %zu bytes", name, max);
    if (!str_is_utf8(json_string_value(member), json_string_length(member), true))
        return fail(ret_error, "%s contains a control character", name);
    *ret_value = json_string_value(member);
    return 0;
}

static int take_int(const json_t *object, const char *name, bool required, int64_t min, int64_t max,
                    int64_t *ret_value, char *ret_error)
{
    const json_t *member = NULL;
    int r = find(object, name, required, &member, ret_error);

    if (r < 0 || !member)
        return r;
    if (!json_is_integer(member))
        return fail(ret_error, "%s has to be an integer", name);
    if (json_integer_value(member) < min || json_integer_value(member) > max)
        return fail(ret_error, "%s has to be between %lld and %lld", name, (long long)min, (long long)max);
    *ret_value = json_integer_value(member);
    return 0;
}

static int take_bool(const json_t *object, const char *name, bool required, bool *ret_value, char *ret_error)
{
    const json_t *member = NULL;
    int r = find(object, name, required, &member, ret_error);

    if (r < 0 || !member)
        return r;
    if (!json_is_boolean(member))
        return fail(ret_error, "%s has to be true or false", name);
    *ret_value = json_is_true(member);
    return 0;
}

int json_get_string(const json_t *object, const char *name, size_t max, const char **ret_value,
                    char *ret_error)
{
    return take_string(object, name, true, max, ret_value, ret_error);
}

int json_get_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret_value,
                 char *ret_error)
{
    return take_int(object, name, true, min, max, ret_value, ret_error);
}

int json_get_bool(const json_t *object, const char *name, bool *ret_value, char *ret_error)
{
    return take_bool(object, name, true, ret_value, ret_error);
}

int json_get_array(const json_t *object, const char *name, size_t max, const json_t **ret_value,
                   char *ret_error)
{
    const json_t *member = NULL;
    int r = find(object, name, true, &member, ret_error);

    if (r < 0)
        return r;
    if (!json_is_array(member))
        return fail(ret_error, "%s has to be an array", name);
    if (json_array_size(member) > max)
        return fail(ret_error, "%s has more than %zu entries", name, max);
    *ret_value = member;
    return 0;
}

int json_opt_string(const json_t *object, const char *name, size_t max, const char **ret_value,
                    char *ret_error)
{
    return take_string(object, name, false, max, ret_value, ret_error);
}

int json_opt_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret_value,
                 char *ret_error)
{
    return take_int(object, name, false, min, max, ret_value, ret_error);
}

int json_opt_bool(const json_t *object, const char *name, bool *ret_value, char *ret_error)
{
    return take_bool(object, name, false, ret_value, ret_error);
}

char *json_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}
