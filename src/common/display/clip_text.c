/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/clip_text.h"

int clip_text_from_latin1(const void *data, size_t len, char **ret_text, size_t *ret_len)
{
    const uint8_t *from = data;
    char *text = malloc(2 * len + 1);
    size_t to = 0;

    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        if (from[i] < 0x80) {
            text[to++] = (char)from[i];
        } else {
            text[to++] = (char)(0xc0 | from[i] >> 6);
            text[to++] = (char)(0x80 | (from[i] & 0x3f));
        }
    }
    text[to] = '\0';
    *ret_text = text;
    *ret_len = to;
    return 0;
}

int clip_text_to_latin1(const char *text, size_t len, char **ret_latin1, size_t *ret_len)
{
    const uint8_t *from = (const uint8_t *)text;
    char *latin1 = malloc(len + 1);
    size_t to = 0;

    if (!latin1)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        if (from[i] < 0x80) {
            latin1[to++] = (char)from[i];
        } else if ((from[i] == 0xc2 || from[i] == 0xc3) && i + 1 < len) {
            latin1[to++] = (char)((from[i] & 3) << 6 | (from[i + 1] & 0x3f));
            i++;
        } else if (from[i] >= 0xc4) {
            latin1[to++] = '?'; /* the rest of its sequence is passed over byte by byte */
        }
    }
    latin1[to] = '\0';
    *ret_latin1 = latin1;
    *ret_len = to;
    return 0;
}

size_t clip_text_unify_lines(char *text, size_t len)
{
    size_t to = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n')
            continue;
        text[to++] = text[i] == '\r' ? '\n' : text[i];
    }
    return to;
}
