/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clipboard texts: inside they are UTF-8 with LF, on the wire Latin-1 with LF, or UTF-8 with CR LF, packed.
 * Pure functions. Every text has a NUL after its len bytes and is the caller's to free. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_CLIP_H
#define ISTHMUS_OVD_DISPLAY_RFB_CLIP_H

#include "base/util.h"

struct rfb_text {
    char *data; /* NULL: none */
    size_t len;
};

/* CR LF and CR become LF, NUL and what follows is dropped. -ENOMEM. */
int rfb_text_from_latin1(const uint8_t *data, size_t len, struct rfb_text *ret_text);
/* What Latin-1 lacks becomes a question mark; text is valid UTF-8. -ENOMEM. */
int rfb_text_to_latin1(const char *text, size_t len, struct rfb_text *ret_text);
/* LF becomes CR LF. -ENOMEM. */
int rfb_text_to_crlf(const char *text, size_t len, struct rfb_text *ret_text);
/* The text of an extended clipboard's Provide message: data is what follows the flags, and text comes first
 * in it. -EPROTO when it does not unpack to what it says, is longer than max, or no UTF-8. */
int rfb_text_unpack(const uint8_t *data, size_t len, size_t max, struct rfb_text *ret_text);

#endif
