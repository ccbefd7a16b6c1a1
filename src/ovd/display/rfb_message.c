/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_message.h"

enum {
    ENCODING_EXTENDED_CLIPBOARD = (int)0xC0A1E5CE,
};

int rfb_version_parse(const uint8_t text[RFB_VERSION_LEN], unsigned *ret_minor)
{
    unsigned minor = 0;

    /* Later majors speak 3.8 too. */
    if (memcmp(text, "RFB 00", 6) != 0 || text[6] < '3' || text[6] > '9' || text[7] != '.' ||
        text[11] != '\n')
        return -EPROTO;
    for (int i = 8; i < 11; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EPROTO;
        minor = 10 * minor + (text[i] - '0');
    }
    *ret_minor = text[6] > '3' || minor >= 8 ? 8 : minor == 7 ? 7 : 3;
    return 0;
}

static int cut_text_length(const uint8_t *data, size_t *ret_len)
{
    uint32_t len = rfb_u32(data + 4);

    if (len & 0x80000000)
        len = -len; /* the extended form */
    if (len > RFB_CUT_TEXT_MAX || (rfb_cut_text_is_extended(data) && len < 4))
        return -EPROTO;
    *ret_len = 8 + len;
    return 0;
}

int rfb_message_length(const uint8_t *data, size_t len, size_t *ret_len)
{
    size_t whole = 0;

    if (len == 0)
        return -EAGAIN;
    switch (data[0]) {
    case RFB_SET_PIXEL_FORMAT:
        whole = 20;
        break;
    case RFB_SET_ENCODINGS:
        if (len < 4)
            return -EAGAIN;
        if (rfb_u16(data + 2) > RFB_CLIENT_ENCODINGS_MAX)
            return -EPROTO;
        whole = 4 + 4 * (size_t)rfb_u16(data + 2);
        break;
    case RFB_UPDATE_REQUEST:
        whole = 10;
        break;
    case RFB_KEY:
        whole = 8;
        break;
    case RFB_POINTER:
        whole = 6;
        break;
    case RFB_CUT_TEXT:
        if (len < 8)
            return -EAGAIN;
        return cut_text_length(data, ret_len);
    case RFB_SET_DESKTOP_SIZE:
        if (len < 8)
            return -EAGAIN;
        if (data[6] == 0 || data[6] > RFB_SCREENS_MAX)
            return -EPROTO;
        whole = 8 + 16 * (size_t)data[6];
        break;
    default:
        return -EPROTO;
    }
    *ret_len = whole;
    return 0;
}

static bool channel_fits(unsigned max, unsigned shift, unsigned bits)
{
    /* A maximum is 2^n - 1. */
    return max > 0 && (max & (max + 1)) == 0 && shift < bits && ((uint64_t)max << shift) >> bits == 0;
}

int rfb_pixel_format_check(const uint8_t *message)
{
    const uint8_t *format = message + 4;
    unsigned bits = format[0], depth = format[1];

    if ((bits != 8 && bits != 16 && bits != 32) || depth == 0 || depth > bits || format[3] == 0)
        return -EPROTO;
    if (!channel_fits(rfb_u16(format + 4), format[10], bits) ||
        !channel_fits(rfb_u16(format + 6), format[11], bits) ||
        !channel_fits(rfb_u16(format + 8), format[12], bits))
        return -EPROTO;
    /* Tables of that many entries are made; nobody has more than 8 bits of a colour. */
    return rfb_u16(format + 4) > 255 || rfb_u16(format + 6) > 255 || rfb_u16(format + 8) > 255 ? -EPROTO : 0;
}

static bool is_served(int32_t encoding)
{
    static const int32_t served[] = {
        0,    /* Raw */
        1,    /* CopyRect */
        2,    /* RRE */
        4,    /* CoRRE */
        5,    /* Hextile */
        6,    /* Zlib */
        7,    /* Tight */
        16,   /* ZRLE */
        -223, /* NewFBSize */
        -224, /* LastRect */
        -232, /* PointerPos */
        -239, /* RichCursor */
        -240, /* XCursor */
        -308, /* ExtendedDesktopSize */
        ENCODING_EXTENDED_CLIPBOARD,
    };

    if ((encoding >= -256 && encoding <= -247) || (encoding >= -32 && encoding <= -23))
        return true; /* compression and quality levels */
    for (size_t i = 0; i < ARRAY_SIZE(served); i++)
        if (encoding == served[i])
            return true;
    return false;
}

size_t rfb_encodings_reduce(const uint8_t *message, uint8_t ret_message[RFB_ENCODINGS_MESSAGE_MAX],
                            bool *ret_extended_clipboard)
{
    size_t count = rfb_u16(message + 2), kept = 0;

    *ret_extended_clipboard = false;
    for (size_t i = 0; i < count && kept < RFB_ENCODINGS_KEPT; i++) {
        const uint8_t *at = message + 4 + 4 * i;
        bool known = false;

        for (size_t j = 0; j < kept && !known; j++)
            known = memcmp(ret_message + 4 + 4 * j, at, 4) == 0;
        if (known || !is_served((int32_t)rfb_u32(at)))
            continue;
        if ((int32_t)rfb_u32(at) == ENCODING_EXTENDED_CLIPBOARD)
            *ret_extended_clipboard = true;
        memcpy(ret_message + 4 + 4 * kept++, at, 4);
    }
    ret_message[0] = RFB_SET_ENCODINGS;
    ret_message[1] = 0;
    ret_message[2] = (uint8_t)(kept >> 8);
    ret_message[3] = (uint8_t)kept;
    return 4 + 4 * kept;
}

bool rfb_cut_text_is_extended(const uint8_t *message)
{
    return (message[4] & 0x80) != 0;
}

int rfb_clip_parse(const uint8_t *message, size_t len, enum rfb_clip_kind *ret_kind, bool *ret_text)
{
    uint32_t flags = rfb_u32(message + 8);
    size_t formats = (size_t)__builtin_popcount(flags & 0xffff);

    *ret_text = (flags & 1) != 0;
    if (flags & 1u << 24) {
        *ret_kind = RFB_CLIP_CAPS;
        return len == 12 + 4 * formats ? 0 : -EPROTO;
    }
    switch (flags >> 24) {
    case 2:
        *ret_kind = RFB_CLIP_REQUEST;
        break;
    case 4:
        *ret_kind = RFB_CLIP_PEEK;
        break;
    case 8:
        *ret_kind = RFB_CLIP_NOTIFY;
        break;
    case 16:
        *ret_kind = RFB_CLIP_PROVIDE;
        return 0;
    default:
        return -EPROTO;
    }
    return len == 12 ? 0 : -EPROTO;
}
