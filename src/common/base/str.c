/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"

#include "base/buf.h"
#include "base/str_priv.h"

int str_copy(char *dst, size_t size, const char *src)
{
    size_t len = strlen(src);

    if (size == 0)
        return -ENAMETOOLONG;
    if (len >= size) {
        dst[0] = '\0';
        return -ENAMETOOLONG;
    }
    memcpy(dst, src, len + 1);
    return 0;
}

/* Digits only, accumulated as a negative number, because INT64_MIN has no positive counterpart. */
int str_to_int(const char *s, int64_t min, int64_t max, int64_t *ret_value)
{
    bool negative, overflow = false;
    int64_t value = 0;

    if (!s)
        return -EINVAL;
    negative = *s == '-';
    s += negative;
    if (*s == '\0')
        return -EINVAL;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_sub_overflow(value, *s - '0', &value);
    }
    if (!negative)
        overflow = overflow || __builtin_sub_overflow((int64_t)0, value, &value);
    if (overflow || value < min || value > max)
        return -ERANGE;
    *ret_value = value;
    return 0;
}

bool str_eq(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool str_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *s, const char *suffix)
{
    size_t len = strlen(s), suffix_len = strlen(suffix);

    return len >= suffix_len && memcmp(s + len - suffix_len, suffix, suffix_len) == 0;
}

size_t str_utf8_next(const char *s, size_t len, uint32_t *ret_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)s;
    uint32_t point;
    size_t need;

    if (u[0] < 0x80) {
        *ret_point = u[0];
        return 1;
    }
    if (u[0] >= 0xc2 && u[0] <= 0xdf) {
        need = 2;
        point = u[0] & 0x1f;
    } else if (u[0] >= 0xe0 && u[0] <= 0xef) {
        need = 3;
        point = u[0] & 0x0f;
    } else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
        need = 4;
        point = u[0] & 0x07;
    } else {
        return 0;
    }
    if (len < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (u[i] & 0x3f);
    }
    if (point < smallest[need] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return need;
}

bool str_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f);
}

bool str_is_utf8(const char *s, size_t len, bool text)
{
    uint32_t point = 0;

    while (len > 0) {
        size_t n = str_utf8_next(s, len, &point);

        if (n == 0 || point == 0 || (text && str_is_control(point)))
            return false;
        s += n;
        len -= n;
    }
    return true;
}

void str_trim_utf8(char *s)
{
    size_t len = strlen(s), start = len;

    /* Back to the byte that begins the last character: at most three continuation bytes. */
    while (start > 0 && len - start < 4 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && !str_is_utf8(s + start - 1, len - start + 1, false))
        s[start - 1] = '\0';
}

bool str_is_token(const char *s, const char *set, size_t max)
{
    size_t len;

    if (!s)
        return false;
    len = strnlen(s, max + 1);
    return len >= 1 && len <= max && strspn(s, set) == len;
}

bool str_is_id(const char *s)
{
    return s && strnlen(s, 33) == 32 && str_is_token(s, "0123456789abcdef", 32);
}

int str_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *str_replace(const char *s, const char *needle, const char *with)
{
    size_t needle_len = strlen(needle);
    struct buf out;
    const char *hit;

    if (needle_len == 0)
        return xstrdup(s);
    buf_init(&out, SIZE_MAX / 4);
    for (; (hit = strstr(s, needle)); s = hit + needle_len) {
        if (buf_append(&out, s, (size_t)(hit - s)) < 0 || buf_append_str(&out, with) < 0)
            abort();
    }
    if (buf_append_str(&out, s) < 0)
        abort();
    return buf_steal_str(&out);
}
