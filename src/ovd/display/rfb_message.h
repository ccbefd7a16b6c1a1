/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client says, checked before anything acts on it. Pure functions. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_MESSAGE_H
#define ISTHMUS_OVD_DISPLAY_RFB_MESSAGE_H

#include "base/util.h"

#define RFB_VERSION_LEN 12
#define RFB_CUT_TEXT_MAX (1u << 20)
#define RFB_CLIENT_ENCODINGS_MAX 1024 /* named in one message */
#define RFB_ENCODINGS_KEPT 64
#define RFB_ENCODINGS_MESSAGE_MAX (4 + 4 * RFB_ENCODINGS_KEPT)
#define RFB_SCREENS_MAX 16

enum rfb_type {
    RFB_SET_PIXEL_FORMAT = 0,
    RFB_SET_ENCODINGS = 2,
    RFB_UPDATE_REQUEST = 3,
    RFB_KEY = 4,
    RFB_POINTER = 5,
    RFB_CUT_TEXT = 6,
    RFB_SET_DESKTOP_SIZE = 251,
};

static inline unsigned rfb_u16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t rfb_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* "RFB 003.008\n" and its like: the version to speak, 3, 7 or 8. -EPROTO for what is none. */
int rfb_version_parse(const uint8_t text[RFB_VERSION_LEN], unsigned *ret_minor);

/* How long the message is that starts here, header included. -EAGAIN: too few bytes to know. -EPROTO: no
 * message of ours, or one with impossible content as far as it is here. */
int rfb_message_length(const uint8_t *data, size_t len, size_t *ret_len);

/* A whole SetPixelFormat: 0, or -EPROTO when it asks for a colour map or for something that is no pixel. */
int rfb_pixel_format_check(const uint8_t *message);

/* A whole SetEncodings, reduced to what is served here, without repetitions. Returns the new message's
 * length. */
size_t rfb_encodings_reduce(const uint8_t *message, uint8_t ret_message[RFB_ENCODINGS_MESSAGE_MAX],
                            bool *ret_extended_clipboard);

/* The kinds of extended clipboard message. */
enum rfb_clip_kind { RFB_CLIP_CAPS, RFB_CLIP_REQUEST, RFB_CLIP_PEEK, RFB_CLIP_NOTIFY, RFB_CLIP_PROVIDE };

/* Whether a whole CutText has the extended form. */
bool rfb_cut_text_is_extended(const uint8_t *message);
/* A whole extended CutText; text tells whether it is about text at all. -EPROTO. */
int rfb_clip_parse(const uint8_t *message, size_t len, enum rfb_clip_kind *ret_kind, bool *ret_text);

#endif
