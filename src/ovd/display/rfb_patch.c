/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/damage.h"
#include "ovd/display/rfb_engine_priv.h"

/* Pixels worth sending in vain to save a rectangle. */
#define WASTE 1024

struct rfb_patch *rfb_patch_new(const struct frame *frame, const pixman_region32_t *region)
{
    struct rfb_patch *patch = xcalloc(1, sizeof(*patch));
    size_t total = 0;
    uint32_t *to;

    patch->width = frame->width;
    patch->height = frame->height;
    patch->count = damage_rects(region, patch->rects, RFB_PATCH_RECTS, WASTE);
    for (size_t i = 0; i < patch->count; i++)
        total += (size_t)patch->rects[i].w * (size_t)patch->rects[i].h;
    patch->pixels = to = malloc(4 * MAX(total, 1u));
    if (!to) {
        free(patch);
        return NULL;
    }
    for (size_t i = 0; i < patch->count; i++) {
        const struct frame_rect *r = &patch->rects[i];

        for (int y = 0; y < r->h; y++, to += r->w)
            memcpy(to, frame->pixels + (size_t)(r->y + y) * frame->stride + 4 * (size_t)r->x,
                   4 * (size_t)r->w);
    }
    return patch;
}

void rfb_patch_free(struct rfb_patch *patch)
{
    if (!patch)
        return;
    free(patch->pixels);
    free(patch);
}

void rfb_patch_apply(const struct rfb_patch *patch, struct rfb_picture *picture)
{
    const uint32_t *from = patch->pixels;

    for (size_t i = 0; i < patch->count; i++) {
        const struct frame_rect *r = &patch->rects[i];

        for (int y = 0; y < r->h; y++) {
            uint32_t *to = picture->pixels + (size_t)(r->y + y) * (size_t)picture->width + r->x;

            /* The undefined byte would make equal colours differ for the encoders. */
            for (int x = 0; x < r->w; x++)
                to[x] = *from++ & 0xffffff;
        }
    }
}
