/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds out what really changed and describes it with few rectangles. Pure functions. */
#ifndef ISTHMUS_DISPLAY_DAMAGE_H
#define ISTHMUS_DISPLAY_DAMAGE_H

#include "display/frame.h"

/* Compares rect of the frame with newer pixels (packed from src on, src_stride bytes a row, src being the
 * pixel at the rectangle's corner), copies what differs into the frame and adds the tight boxes of the
 * differences to changed. The undefined byte of a pixel does not count. */
void damage_apply(struct frame *frame, const struct frame_rect *rect, const uint8_t *src, size_t src_stride,
                  pixman_region32_t *changed);

/* Covers region with at most max rectangles that do not overlap, of which neighbours are joined while that
 * adds fewer than waste pixels for each rectangle saved. Returns their number. */
size_t damage_rects(const pixman_region32_t *region, struct frame_rect *ret_rects, size_t max,
                    unsigned waste);

#endif
