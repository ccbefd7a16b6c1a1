/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of a client that has joined: input, sizes and texts are taken here, what concerns the picture
 * goes on to the engine. */
#include "base/clock.h"
#include "base/str.h"
#include "ovd/display/rfb_message.h"
#include "ovd/display/rfb_sink_priv.h"

#define NOTCH 120
/* A text of a few hundred bytes can unpack to a MiB, which everybody's thread then handles. */
#define TEXTS_PER_S 30
#define RESIZES_PER_S 20 /* past that a wish is refused: each one costs every viewer a full picture */

static bool is_flood(struct rfb_client *c, uint8_t type)
{
    uint64_t second = clock_monotonic_ms(NULL) / 1000;

    if (second != c->second) {
        c->second = second;
        c->messages = c->changes = c->texts = c->resizes = 0;
    }
    if (type == RFB_CUT_TEXT && ++c->texts > TEXTS_PER_S)
        return true;
    if (type == RFB_SET_ENCODINGS || type == RFB_SET_PIXEL_FORMAT || type == RFB_SET_DESKTOP_SIZE)
        c->changes++;
    return ++c->messages > RFB_MESSAGES_PER_S || c->changes > RFB_CHANGES_PER_S;
}

static int on_encodings(struct rfb_client *c, const uint8_t *data)
{
    uint8_t message[RFB_ENCODINGS_MESSAGE_MAX];
    size_t len = rfb_encodings_reduce(data, message, &c->extended_clipboard);

    return rfb_client_forward(c, message, len);
}

/* Buttons 4 to 7 are the wheel: a press is a notch. */
static void on_wheel(struct rfb_client *c, unsigned pressed, int x, int y)
{
    struct control_message m = {.type = CONTROL_WHEEL, .x = x, .y = y};

    m.dy = NOTCH * ((pressed >> 4 & 1) - (int)(pressed >> 3 & 1));
    m.dx = NOTCH * ((pressed >> 6 & 1) - (int)(pressed >> 5 & 1));
    if (m.dx != 0 || m.dy != 0)
        (void)input_message(&c->input, &m);
}

static void on_pointer(struct rfb_client *c, const uint8_t *data)
{
    unsigned mask = data[1], pressed = mask & ~c->buttons;
    struct control_message m = {.type = CONTROL_POINTER};

    m.x = (int)rfb_u16(data + 2);
    m.y = (int)rfb_u16(data + 4);
    /* RFB: left, middle, right; the DOM: left, right, middle. */
    m.buttons = (mask & 1) | (mask >> 1 & 1) << 2 | (mask >> 2 & 1) << 1 | (mask >> 7 & 1) << 3;
    c->buttons = mask;
    (void)input_message(&c->input, &m);
    on_wheel(c, pressed, m.x, m.y);
    rfb_engine_pointer(c->sink->engine, m.x, m.y, c->shared);
}

static void tell_text(struct rfb_client *c, const struct rfb_text *text)
{
    const struct rfb_sink *sink = c->sink;

    /* Line ends have become shorter; Latin-1 may have become longer. */
    if (text->len <= RFB_CLIPBOARD_MAX && sink->options.events->clipboard)
        sink->options.events->clipboard(sink->options.arg, c->who->id, text->data, text->len);
}

static int on_plain_text(struct rfb_client *c, const uint8_t *data, size_t len)
{
    struct rfb_text text;

    if (c->who->view_only)
        return 0;
    if (rfb_text_from_latin1(data + 8, len - 8, &text) < 0)
        return -ENOMEM;
    tell_text(c, &text);
    free(text.data);
    return 0;
}

static int on_provided_text(struct rfb_client *c, const uint8_t *data, size_t len)
{
    struct rfb_text text;

    if (rfb_text_unpack(data + 12, len - 12, RFB_CLIPBOARD_MAX, &text) < 0) {
        c->why = "a clipboard text that does not unpack";
        return -EPROTO;
    }
    tell_text(c, &text);
    free(text.data);
    return 0;
}

static int on_text(struct rfb_client *c, const uint8_t *data, size_t len)
{
    enum rfb_clip_kind kind;
    bool text;

    if (!rfb_cut_text_is_extended(data))
        return on_plain_text(c, data, len);
    if (!c->extended_clipboard || rfb_clip_parse(data, len, &kind, &text) < 0) {
        c->why = "a clipboard message that has no meaning";
        return -EPROTO;
    }
    if (kind == RFB_CLIP_CAPS) {
        c->extended_clipboard = (rfb_u32(data + 8) & 0xffff) != 0; /* as the library has it then */
        return rfb_client_forward(c, data, len);
    }
    if (c->who->view_only || !text || kind == RFB_CLIP_NOTIFY)
        return 0;
    if (kind == RFB_CLIP_PROVIDE)
        return on_provided_text(c, data, len);
    return rfb_client_forward(c, data, len);
}

static int answer_resize(struct rfb_client *c, const uint8_t *data, size_t len, enum rfb_verdict verdict)
{
    atomic_store(&c->shared->verdict, verdict);
    return rfb_client_forward(c, data, len);
}

/* The answer needs to know how the display took it, so it waits. */
static int on_desktop_size(struct rfb_client *c, const uint8_t *data, size_t len)
{
    const struct rfb_sink_options *o = &c->sink->options;
    int width = (int)rfb_u16(data + 2), height = (int)rfb_u16(data + 4);

    c->resize_len = 0; /* the newest wish wins */
    if (c->who->view_only || !str_eq(c->who->id, RFB_OWNER))
        return answer_resize(c, data, len, RFB_PROHIBITED);
    if (width < 1 || height < 1 || width > o->max_width || height > o->max_height)
        return answer_resize(c, data, len, RFB_BAD_LAYOUT);
    if (width == c->sink->width && height == c->sink->height)
        return answer_resize(c, data, len, RFB_RESIZED);
    if (++c->resizes > RESIZES_PER_S || source_resize(screen_source(o->screen), width, height) < 0)
        return answer_resize(c, data, len, RFB_NO_RESOURCES);
    memcpy(c->resize, data, len);
    c->resize_len = len;
    loop_timer_start(c->resize_timer, RFB_RESIZE_MS, 0);
    return 0;
}

void rfb_dispatch_resized(struct rfb_client *client)
{
    size_t len = client->resize_len;
    bool granted = (int)rfb_u16(client->resize + 2) == client->sink->width &&
                   (int)rfb_u16(client->resize + 4) == client->sink->height;

    if (len == 0)
        return;
    client->resize_len = 0;
    loop_timer_stop(client->resize_timer);
    (void)answer_resize(client, client->resize, len, granted ? RFB_RESIZED : RFB_NO_RESOURCES);
}

static int dispatch(struct rfb_client *c, const uint8_t *data, size_t len)
{
    switch (data[0]) {
    case RFB_SET_PIXEL_FORMAT:
        if (rfb_pixel_format_check(data) < 0) {
            c->why = "a pixel format that is none";
            return -EPROTO;
        }
        return rfb_client_forward(c, data, len);
    case RFB_SET_ENCODINGS:
        return on_encodings(c, data);
    case RFB_UPDATE_REQUEST:
        /* The library would answer a request for nothing with rectangles of nothing. */
        if (rfb_u16(data + 6) == 0 || rfb_u16(data + 8) == 0)
            return 0;
        return rfb_client_forward(c, data, len);
    case RFB_KEY:
        if (!c->who->view_only)
            keyboard_keysym(&c->input.keyboard, rfb_u32(data + 4), data[1] != 0);
        return 0;
    case RFB_POINTER:
        if (!c->who->view_only)
            on_pointer(c, data);
        return 0;
    case RFB_CUT_TEXT:
        return on_text(c, data, len);
    default:
        return on_desktop_size(c, data, len);
    }
}

ssize_t rfb_dispatch_take(struct rfb_client *client, const uint8_t *data, size_t len)
{
    size_t whole = 0;
    int r = rfb_message_length(data, len, &whole);

    if (r == -EAGAIN || (r == 0 && len < whole))
        return 0;
    if (r < 0) {
        client->why = "a message that does not exist here, or is too large";
        return r;
    }
    if (is_flood(client, data[0])) {
        client->why = "too many messages";
        return -EDQUOT;
    }
    r = dispatch(client, data, whole);
    if (r == -EMSGSIZE)
        client->why = "takes too little of what it asks for";
    return r < 0 ? r : (ssize_t)whole;
}
