/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_clip.h"

#include <zlib.h>

#include "base/str.h"
#include "display/clip_text.h"
#include "ovd/display/rfb_message.h"

/* In place: LF alone ends lines; the text ends at a NUL. */
static void unify_lines(struct rfb_text *text)
{
    text->len = clip_text_unify_lines(text->data, strnlen(text->data, text->len));
    text->data[text->len] = '\0';
}

int rfb_text_from_latin1(const uint8_t *data, size_t len, struct rfb_text *ret_text)
{
    struct rfb_text text;
    int r = clip_text_from_latin1(data, len, &text.data, &text.len);

    if (r < 0)
        return r;
    unify_lines(&text);
    *ret_text = text;
    return 0;
}

int rfb_text_to_latin1(const char *text, size_t len, struct rfb_text *ret_text)
{
    return clip_text_to_latin1(text, len, &ret_text->data, &ret_text->len);
}

int rfb_text_to_crlf(const char *text, size_t len, struct rfb_text *ret_text)
{
    struct rfb_text out = {malloc(2 * len + 1), 0};

    if (!out.data)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            out.data[out.len++] = '\r';
        out.data[out.len++] = text[i];
    }
    out.data[out.len] = '\0';
    *ret_text = out;
    return 0;
}

/* Exactly len bytes of the stream. */
static int inflate_exactly(z_stream *stream, void *data, size_t len)
{
    int r = Z_OK;

    stream->next_out = data;
    stream->avail_out = (uInt)len;
    while (stream->avail_out > 0 && r == Z_OK)
        r = inflate(stream, Z_NO_FLUSH);
    return stream->avail_out == 0 ? 0 : -EPROTO;
}

static int unpack(z_stream *stream, size_t max, struct rfb_text *text)
{
    uint8_t size[4];
    int r = inflate_exactly(stream, size, sizeof(size));

    if (r < 0)
        return r;
    text->len = rfb_u32(size);
    if (text->len > max + 1) /* a NUL is counted */
        return -EPROTO;
    text->data = malloc(text->len + 1);
    if (!text->data)
        return -ENOMEM;
    r = inflate_exactly(stream, text->data, text->len);
    if (r < 0)
        return r;
    unify_lines(text);
    return text->len <= max && str_is_utf8(text->data, text->len, false) ? 0 : -EPROTO;
}

int rfb_text_unpack(const uint8_t *data, size_t len, size_t max, struct rfb_text *ret_text)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    struct rfb_text text = {0};
    int r;

    if (inflateInit(&stream) != Z_OK)
        return -ENOMEM;
    r = unpack(&stream, max, &text);
    (void)inflateEnd(&stream);
    if (r < 0) {
        free(text.data);
        return r;
    }
    *ret_text = text;
    return 0;
}
