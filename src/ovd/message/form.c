/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/form.h"

#include <strings.h>

#include "base/secret.h"
#include "base/str.h"

#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */
#define PART_HEAD_MAX 2048

/* Takes over value. */
static int add(struct form *form, const char *name, size_t name_len, char *value, size_t value_len)
{
    int r = 0;
    if (name_len > FORM_NAME_MAX || value_len > FORM_VALUE_MAX || form->count == FORM_FIELDS_MAX)
        r = -EMSGSIZE;
    else if (!str_is_utf8(name, name_len, true) || !str_is_utf8(value, value_len, false))
        r = -EINVAL;
    char *copy = r == 0 ? strndup(name, name_len) : NULL;
    if (r == 0 && !copy)
        r = -ENOMEM;
    if (r < 0) {
        secret_wipe(value, value_len);
        free(value);
        return r;
    }
    form->fields[form->count++] = (struct form_field){copy, value};
    return 0;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* '+' is a space here, unlike in a path. A '%' that starts no escape stands for itself, as everywhere. */
static char *decode(const char *text, size_t len, size_t *ret_len)
{
    char *out = calloc(1, len + 1);
    size_t at = 0;
    for (size_t i = 0; out && i < len; i++) {
        int high = i + 2 < len && text[i] == '%' ? digit(text[i + 1]) : -1;
        int low = high >= 0 ? digit(text[i + 2]) : -1;
        if (low >= 0) {
            out[at++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[at++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    *ret_len = at;
    return out;
}

static int add_pair(struct form *form, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    size_t raw_name = equals ? (size_t)(equals - pair) : len;
    size_t name_len = 0, value_len = 0;
    cleanup_free char *name = decode(pair, raw_name, &name_len);
    char *value = equals ? decode(equals + 1, len - raw_name - 1, &value_len) : calloc(1, 1);
    if (!name || !value) {
        free(value);
        return -ENOMEM;
    }
    return add(form, name, name_len, value, value_len);
}

int form_read_urlencoded(struct form *form, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '&', len - at);
        size_t part = end ? (size_t)(end - text) - at : len - at;
        int r = part > 0 ? add_pair(form, text + at, part) : 0;
        if (r < 0)
            return r;
        at += part + 1;
    }
    return 0;
}

int form_read_cookies(struct form *form, const char *line)
{
    while (*line) {
        line += strspn(line, " \t;");
        size_t len = strcspn(line, ";");
        const char *equals = memchr(line, '=', len);
        if (equals && equals > line) {
            size_t name = (size_t)(equals - line), value = len - name - 1;
            char *copy = strndup(equals + 1, value);
            if (!copy)
                return -ENOMEM;
            int r = add(form, line, name, copy, value);
            if (r < 0)
                return r;
        }
        line += len;
    }
    return 0;
}

/* The value of a parameter like name="x" or name=x in a header's value; false when it is not there. */
static bool parameter(const char *header, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);
    for (const char *p = strchr(header, ';'); p; p = strchr(p, ';')) {
        p += 1 + strspn(p + 1, " \t");
        if (strncasecmp(p, name, name_len) != 0 || p[name_len] != '=')
            continue;
        p += name_len + 1;
        bool quoted = *p == '"';
        p += quoted;
        size_t len = strcspn(p, quoted ? "\"" : "; \t");
        if (len >= size)
            return false;
        memcpy(ret_value, p, len);
        ret_value[len] = '\0';
        return true;
    }
    return false;
}

/* The part's Content-Disposition line, without its name; false when there is none. */
static bool disposition(const char *head, size_t len, char *ret_line, size_t size)
{
    static const char wanted[] = "Content-Disposition:";
    for (size_t at = 0; at < len;) {
        const char *end = memmem(head + at, len - at, "\r\n", 2);
        size_t line = end ? (size_t)(end - head) - at : len - at;
        if (line >= sizeof(wanted) - 1 && strncasecmp(head + at, wanted, sizeof(wanted) - 1) == 0) {
            size_t rest = line - (sizeof(wanted) - 1);
            if (rest >= size || memchr(head + at, '\0', line))
                return false;
            memcpy(ret_line, head + at + sizeof(wanted) - 1, rest);
            ret_line[rest] = '\0';
            return true;
        }
        at += line + 2;
    }
    return false;
}

static int add_part(struct form *form, const char *part, size_t len)
{
    char line[PART_HEAD_MAX], name[FORM_NAME_MAX + 1], file[PART_HEAD_MAX];
    const char *body = memmem(part, len, "\r\n\r\n", 4);
    if (!body || (size_t)(body - part) > PART_HEAD_MAX ||
        !disposition(part, (size_t)(body - part), line, sizeof(line)) ||
        !parameter(line, "name", name, sizeof(name)))
        return -EINVAL;
    if (parameter(line, "filename", file, sizeof(file)))
        return 0;
    body += 4;
    size_t body_len = len - (size_t)(body - part);
    if (body_len > FORM_VALUE_MAX)
        return -EMSGSIZE;
    char *value = calloc(1, body_len + 1);
    if (!value)
        return -ENOMEM;
    memcpy(value, body, body_len);
    return add(form, name, strlen(name), value, body_len);
}

int form_read_multipart(struct form *form, const char *type, const char *data, size_t len)
{
    char boundary[BOUNDARY_MAX + 1], mark[BOUNDARY_MAX + 5];
    if (!parameter(type, "boundary", boundary, sizeof(boundary)) || !*boundary)
        return -EINVAL;
    size_t mark_len = (size_t)(stpcpy(stpcpy(mark, "\r\n--"), boundary) - mark);
    /* The first mark may stand at the very beginning, without its line break. */
    const char *at = len >= mark_len - 2 && memcmp(data, mark + 2, mark_len - 2) == 0
                         ? data + mark_len - 2
                         : memmem(data, len, mark, mark_len);
    if (!at)
        return -EINVAL;
    if (at != data + mark_len - 2)
        at += mark_len;
    for (size_t parts = 0; parts <= FORM_FIELDS_MAX; parts++) {
        size_t left = len - (size_t)(at - data);
        if (left >= 2 && memcmp(at, "--", 2) == 0)
            return 0;
        if (left < 2 || memcmp(at, "\r\n", 2) != 0)
            return -EINVAL;
        at += 2;
        left -= 2;
        const char *end = memmem(at, left, mark, mark_len);
        int r = end ? add_part(form, at, (size_t)(end - at)) : -EINVAL;
        if (r < 0)
            return r;
        at = end + mark_len;
    }
    return -EMSGSIZE;
}

const char *form_get(const struct form *form, const char *name)
{
    for (size_t i = form->count; i > 0; i--) {
        if (strcmp(form->fields[i - 1].name, name) == 0)
            return form->fields[i - 1].value;
    }
    return NULL;
}

void form_finish(struct form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        secret_wipe(form->fields[i].value, strlen(form->fields[i].value));
        free(form->fields[i].value);
        free(form->fields[i].name);
    }
    form->count = 0;
}
