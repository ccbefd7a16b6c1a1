/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/print_name.h"

#include <stdio.h>

#include "base/str.h"

#define SUFFIX ".pdf"
#define STEM_MAX (PRINT_TITLE_LEN - sizeof SUFFIX) /* bytes of the title itself */

/* Length of the valid character at s, or 0: broken UTF-8 or a control character. */
static size_t character(const char *s)
{
    size_t left = strnlen(s, 4);
    for (size_t len = 1; len <= left; len++) {
        if (str_is_utf8(s, len, true))
            return len;
    }
    return 0;
}

/* Spaces of every kind and the characters that turn the direction of text around: with those a name can look
 * as if it ended differently. */
static bool is_invisible(const char *s, size_t len)
{
    const unsigned char *b = (const unsigned char *)s;
    if (len == 2)
        return b[0] == 0xc2 && (b[1] == 0xa0 || b[1] == 0xad);
    if (len != 3)
        return false;
    if (b[0] == 0xe2 && b[1] == 0x80) /* U+2000 to U+200F, U+2028 to U+202F */
        return b[2] <= 0x8f || (b[2] >= 0xa8 && b[2] <= 0xaf);
    if (b[0] == 0xe2 && b[1] == 0x81) /* U+205F to U+206F */
        return b[2] >= 0x9f && b[2] <= 0xaf;
    return (b[0] == 0xe3 && b[1] == 0x80 && b[2] == 0x80) || (b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf);
}

static bool is_kept(const char *s, size_t len)
{
    return len > 1 ? !is_invisible(s, len) : !strchr(" /\\()[]{}<>\"';,%", *s);
}

void print_title_clean(const char *title, char ret_title[PRINT_TITLE_LEN])
{
    char stem[STEM_MAX + 1];
    size_t len = 0;
    while (*title) {
        size_t step = character(title);
        if (len + step > STEM_MAX)
            break;
        if (step > 0 && is_kept(title, step) && !(len == 0 && *title == '.')) {
            memcpy(stem + len, title, step);
            len += step;
        }
        title += MAX(step, 1U);
    }
    stem[len] = '\0';
    while (len > strlen(SUFFIX) && str_ends_with(stem, SUFFIX))
        stem[len -= strlen(SUFFIX)] = '\0';
    (void)snprintf(ret_title, PRINT_TITLE_LEN, "%s%s", len > 0 ? stem : "document", SUFFIX);
}

int print_name_build(int64_t time, const char *title, char ret_name[PRINT_NAME_LEN])
{
    if (time < 0 || time > PRINT_TIME_MAX)
        return -ERANGE;
    (void)snprintf(ret_name, PRINT_NAME_LEN, "%lld-%s", (long long)time, title);
    return 0;
}

int print_name_parse(const char *name, int64_t *ret_time, char ret_title[PRINT_TITLE_LEN])
{
    char digits[12], clean[PRINT_TITLE_LEN], again[PRINT_NAME_LEN];
    const char *dash = strchr(name, '-');
    int64_t time;
    if (!dash || (size_t)(dash - name) >= sizeof digits || strlen(dash + 1) >= PRINT_TITLE_LEN)
        return -EINVAL;
    memcpy(digits, name, (size_t)(dash - name));
    digits[dash - name] = '\0';
    if (str_to_int(digits, 0, PRINT_TIME_MAX, &time) < 0)
        return -EINVAL;
    print_title_clean(dash + 1, clean);
    (void)print_name_build(time, clean, again);
    if (!str_eq(again, name))
        return -EINVAL;
    *ret_time = time;
    (void)str_copy(ret_title, PRINT_TITLE_LEN, clean);
    return 0;
}
