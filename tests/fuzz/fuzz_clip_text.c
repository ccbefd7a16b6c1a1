// links: display
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clipboard texts of strangers, as Latin-1 and as UTF-8: what is given on is UTF-8 with LF, and nothing grows
 * past its bounds. */
#include "base/str.h"
#include "display/clip_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_latin1(const uint8_t *data, size_t size)
{
    char *text = NULL, *back = NULL;
    size_t len = 0, back_len = 0;

    if (clip_text_from_latin1(data, size, &text, &len) < 0)
        return;
    if (len < size || len > 2 * size || text[len] != '\0' ||
        (!str_is_utf8(text, len, false) && !memchr(data, 0, size)))
        abort();
    if (clip_text_to_latin1(text, len, &back, &back_len) == 0 &&
        (back_len != size || (size > 0 && memcmp(back, data, size) != 0)))
        abort();
    free(text);
    free(back);
}

static void check_utf8(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *latin1 = NULL;
    size_t len, latin1_len = 0;

    if (!text)
        return;
    if (size > 0)
        memcpy(text, data, size);
    if (clip_text_to_latin1(text, size, &latin1, &latin1_len) == 0 && latin1_len > size)
        abort();
    if (str_is_utf8(text, size, false)) {
        len = clip_text_unify_lines(text, size);
        if (len > size || !str_is_utf8(text, len, false) || memchr(text, '\r', len) ||
            clip_text_unify_lines(text, len) != len)
            abort();
    }
    free(latin1);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_latin1(data, size);
    check_utf8(data, size);
    return 0;
}
