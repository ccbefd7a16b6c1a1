/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/codec.h"

#include "base/buf.h"
#include "base/str.h"
#include "base/str_priv.h"

#define CODEC_MAX ((size_t)64 * 1024 * 1024) /* of decoded bytes: far above every body limit */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(const void *data, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

int hex_decode(const char *text, void *ret_data, size_t len)
{
    uint8_t *out = ret_data;

    if (len > CODEC_MAX)
        return -EMSGSIZE;
    if (strnlen(text, 2 * len + 1) != 2 * len)
        return -EINVAL;
    for (size_t i = 0; i < 2 * len; i++) {
        if (str_hex_value(text[i]) < 0)
            return -EINVAL;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(str_hex_value(text[2 * i]) << 4 | str_hex_value(text[2 * i + 1]));
    return 0;
}

static char *base64_write(const uint8_t *data, size_t len, const char *letters, bool pad)
{
    char *text = malloc(len / 3 * 4 + 5);
    char *at = text;

    if (!text)
        abort();
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)data[i] << 16;

        v |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        v |= left > 2 ? data[i + 2] : 0;
        *at++ = letters[v >> 18];
        *at++ = letters[v >> 12 & 63];
        if (left > 1 || pad)
            *at++ = left > 1 ? letters[v >> 6 & 63] : '=';
        if (left > 2 || pad)
            *at++ = left > 2 ? letters[v & 63] : '=';
    }
    *at = '\0';
    return text;
}

char *base64_encode(const void *data, size_t len)
{
    return base64_write(data, len, alphabet, true);
}

char *base64url_encode(const void *data, size_t len)
{
    return base64_write(data, len, alphabet_url, false);
}

static int letter_value(char c, const char *letters)
{
    const char *hit = c ? strchr(letters, c) : NULL;

    return hit ? (int)(hit - letters) : -1;
}

/* text is without padding here. The bits that no byte uses must be zero, or two texts would mean the same
 * bytes. */
static int base64_read(const char *text, size_t len, const char *letters, uint8_t **ret_data, size_t *ret_len)
{
    cleanup_free uint8_t *data = NULL;
    uint32_t bits = 0;
    size_t out = 0;
    int have = 0;

    if (len % 4 == 1)
        return -EINVAL;
    if (len / 4 * 3 > CODEC_MAX)
        return -EMSGSIZE;
    data = malloc(len / 4 * 3 + 4);
    if (!data)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        int v = letter_value(text[i], letters);

        if (v < 0)
            return -EINVAL;
        bits = (bits << 6 | (uint32_t)v) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            data[out++] = (uint8_t)(bits >> have);
        }
    }
    if (bits & ((1u << have) - 1))
        return -EINVAL;
    data[out] = 0;
    *ret_data = data;
    *ret_len = out;
    data = NULL;
    return 0;
}

int base64_decode(const char *text, size_t len, uint8_t **ret_data, size_t *ret_len)
{
    if (len % 4 != 0)
        return -EINVAL;
    if (len > 0 && text[len - 1] == '=')
        len -= text[len - 2] == '=' ? 2 : 1;
    return base64_read(text, len, alphabet, ret_data, ret_len);
}

int base64url_decode(const char *text, size_t len, uint8_t **ret_data, size_t *ret_len)
{
    return base64_read(text, len, alphabet_url, ret_data, ret_len);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

char *percent_encode(const char *text)
{
    struct buf out;

    buf_init(&out, SIZE_MAX / 4);
    for (; *text; text++) {
        int r = is_unreserved(*text) ? buf_append(&out, text, 1)
                                     : buf_append_fmt(&out, "%%%02X", (unsigned char)*text);
        if (r < 0)
            abort();
    }
    return buf_steal_str(&out);
}

int percent_decode(const char *text, size_t len, char **ret_text)
{
    cleanup_free char *out = NULL;
    size_t n = 0;

    if (len > CODEC_MAX)
        return -EMSGSIZE;
    out = malloc(len + 1);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        int high, low;

        if (text[i] != '%') {
            out[n++] = text[i];
            continue;
        }
        if (len - i < 3)
            return -EINVAL;
        high = str_hex_value(text[i + 1]);
        low = str_hex_value(text[i + 2]);
        if (high < 0 || low < 0)
            return -EINVAL;
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    if (!str_is_utf8(out, n, true))
        return -EINVAL;
    out[n] = '\0';
    *ret_text = out;
    out = NULL;
    return 0;
}

int query_get(const char *query, const char *name, char **ret_value)
{
    size_t name_len = strlen(name), value_len = 0;
    const char *value = NULL;

    for (const char *at = query; at && *at;) {
        size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        size_t key_len = equals ? (size_t)(equals - at) : len;

        if (key_len == name_len && memcmp(at, name, name_len) == 0) {
            /* Two values for one name: proxies and servers disagree on which one counts, so none does. */
            if (value)
                return -EINVAL;
            value = equals ? equals + 1 : at + len;
            value_len = equals ? len - key_len - 1 : 0;
        }
        at += len;
        at += *at == '&';
    }
    if (!value)
        return -ENOENT;
    return percent_decode(value, value_len, ret_value);
}
