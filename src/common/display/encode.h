/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pixels to bytes. A snapshot is a packed copy of a rectangle, made on the loop's thread; encoding it is pure
 * work for any thread. How the picture is compressed is known here only. */
#ifndef ISTHMUS_DISPLAY_ENCODE_H
#define ISTHMUS_DISPLAY_ENCODE_H

#include "base/rcbuf.h"
#include "display/frame.h"

enum encode_compression { ENCODE_FASTEST, ENCODE_OPTIMAL, ENCODE_SMALLEST }; /* remoteCompressionLevel */

struct snapshot {
    struct frame_rect rect;
    uint64_t hash;    /* of size and pixels, never 0 */
    bool solid;       /* all pixels are the first one */
    uint32_t *pixels; /* rect.w * rect.h, 0xffRRGGBB; owned */
};

/* The rectangle must lie inside the frame. */
int snapshot_init(struct snapshot *s, const struct frame *frame, const struct frame_rect *rect);
void snapshot_finish(struct snapshot *s); /* NULL-safe on a zeroed one */

/* A PNG of the snapshot, RGB or palette, without alpha. Any thread. */
int encode_snapshot(const struct snapshot *s, enum encode_compression compression, struct rcbuf **ret_png);
/* A PNG with alpha, for cursors. */
int encode_argb(const uint32_t *argb, int width, int height, struct rcbuf **ret_png);

#endif
