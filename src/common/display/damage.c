/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/damage.h"

/* A row of a tile is four cache lines, and a tile's old and new pixels fit the first-level cache. */
#define TILE_W 64
#define TILE_H 16

static bool pixel_differs(const uint8_t *a, const uint8_t *b)
{
    uint32_t p, q;

    memcpy(&p, a, 4);
    memcpy(&q, b, 4);
    return ((p ^ q) & 0x00ffffff) != 0;
}

/* First and last pixel of a row that differ; false when none does. */
static bool row_span(const uint8_t *a, const uint8_t *b, int w, int *ret_first, int *ret_last)
{
    int first = 0, last = w - 1;

    while (first < w && !pixel_differs(a + 4 * first, b + 4 * first))
        first++;
    if (first == w)
        return false;
    while (!pixel_differs(a + 4 * last, b + 4 * last))
        last--;
    *ret_first = first;
    *ret_last = last;
    return true;
}

static void tile_apply(struct frame *frame, int x, int y, int w, int h, const uint8_t *src, size_t src_stride,
                       pixman_region32_t *changed)
{
    int left = w, right = -1, top = -1, bottom = -1;

    for (int row = 0; row < h; row++) {
        uint8_t *old = frame->pixels + (size_t)(y + row) * frame->stride + 4 * (size_t)x;
        const uint8_t *new = src + (size_t)row *src_stride;
        int first, last;

        if (memcmp(old, new, 4 * (size_t)w) == 0 || !row_span(old, new, w, &first, &last))
            continue;
        memcpy(old + 4 * first, new + 4 * first, 4 * (size_t)(last - first + 1));
        left = MIN(left, first);
        right = MAX(right, last);
        if (top < 0)
            top = row;
        bottom = row;
    }
    if (top >= 0)
        pixman_region32_union_rect(changed, changed, x + left, y + top, (unsigned)(right - left + 1),
                                   (unsigned)(bottom - top + 1));
}

void damage_apply(struct frame *frame, const struct frame_rect *rect, const uint8_t *src, size_t src_stride,
                  pixman_region32_t *changed)
{
    /* Tiles lie on a grid of the screen, so that boxes of neighbouring rectangles meet. */
    for (int y = rect->y; y < rect->y + rect->h;) {
        int h = MIN(TILE_H - y % TILE_H, rect->y + rect->h - y);

        for (int x = rect->x; x < rect->x + rect->w;) {
            int w = MIN(TILE_W - x % TILE_W, rect->x + rect->w - x);

            tile_apply(frame, x, y, w, h,
                       src + (size_t)(y - rect->y) * src_stride + 4 * (size_t)(x - rect->x), src_stride,
                       changed);
            x += w;
        }
        y += h;
    }
}

static int64_t box_area(const pixman_box32_t *b)
{
    return (int64_t)(b->x2 - b->x1) * (b->y2 - b->y1);
}

static pixman_box32_t box_join(const pixman_box32_t *a, const pixman_box32_t *b)
{
    return (pixman_box32_t){MIN(a->x1, b->x1), MIN(a->y1, b->y1), MAX(a->x2, b->x2), MAX(a->y2, b->y2)};
}

static bool box_overlap(const pixman_box32_t *a, const pixman_box32_t *b)
{
    return a->x1 < b->x2 && b->x1 < a->x2 && a->y1 < b->y2 && b->y1 < a->y2;
}

/* Joins boxes i and j, and whatever the result then overlaps, so that boxes stay disjoint. Returns the new
 * count. */
static size_t boxes_join(pixman_box32_t *boxes, size_t n, size_t i, size_t j)
{
    pixman_box32_t joined = box_join(&boxes[i], &boxes[j]);
    bool again = true;

    boxes[j] = boxes[--n];
    boxes[i] = boxes[--n];
    while (again) {
        again = false;
        for (size_t k = 0; k < n; k++) {
            if (box_overlap(&joined, &boxes[k])) {
                joined = box_join(&joined, &boxes[k]);
                boxes[k] = boxes[--n];
                again = true;
                break;
            }
        }
    }
    boxes[n++] = joined;
    return n;
}

/* The pair whose joining wastes least. */
static int64_t best_pair(const pixman_box32_t *boxes, size_t n, size_t *ret_i, size_t *ret_j)
{
    int64_t best = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            pixman_box32_t joined = box_join(&boxes[i], &boxes[j]);
            int64_t extra = box_area(&joined) - box_area(&boxes[i]) - box_area(&boxes[j]);

            if (extra < best) {
                best = extra;
                *ret_i = i;
                *ret_j = j;
            }
        }
    }
    return best;
}

/* Many small boxes: snaps them to a coarse grid first, so that the search over pairs stays small. */
#define GRID 8
static size_t boxes_coarsen(const pixman_region32_t *region, pixman_box32_t ret_boxes[GRID * GRID])
{
    const pixman_box32_t *e = &region->extents;
    int w = (e->x2 - e->x1 + GRID - 1) / GRID, h = (e->y2 - e->y1 + GRID - 1) / GRID;
    size_t n = 0;

    for (int row = 0; row < GRID; row++) {
        for (int column = 0; column < GRID; column++) {
            pixman_region32_t cell;

            pixman_region32_init_rect(&cell, e->x1 + column * w, e->y1 + row * h, (unsigned)w, (unsigned)h);
            pixman_region32_intersect(&cell, &cell, (pixman_region32_t *)(uintptr_t)region);
            if (pixman_region32_not_empty(&cell))
                ret_boxes[n++] = cell.extents;
            pixman_region32_fini(&cell);
        }
    }
    return n;
}

size_t damage_rects(const pixman_region32_t *region, struct frame_rect *ret_rects, size_t max, unsigned waste)
{
    pixman_box32_t boxes[GRID * GRID];
    const pixman_box32_t *all;
    size_t n, i = 0, j = 0;
    int count;

    all = pixman_region32_rectangles((pixman_region32_t *)(uintptr_t)region, &count);
    n = (size_t)count;
    if (n > ARRAY_SIZE(boxes))
        n = boxes_coarsen(region, boxes);
    else
        memcpy(boxes, all, n * sizeof(boxes[0]));

    while (n > 1) {
        int64_t extra = best_pair(boxes, n, &i, &j);

        if (n <= max && extra >= waste)
            break;
        n = boxes_join(boxes, n, i, j);
    }
    for (size_t k = 0; k < n; k++)
        ret_rects[k] = (struct frame_rect){boxes[k].x1, boxes[k].y1, boxes[k].x2 - boxes[k].x1,
                                           boxes[k].y2 - boxes[k].y1};
    return n;
}
