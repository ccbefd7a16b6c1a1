/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench.h"

static uint64_t area_of(const struct content_frame *f)
{
    pixman_region32_t region;
    const pixman_box32_t *boxes;
    uint64_t area = 0;
    int count;

    pixman_region32_init(&region);
    for (size_t i = 0; i < f->rect_count; i++)
        pixman_region32_union_rect(&region, &region, f->rects[i].x, f->rects[i].y, (unsigned)f->rects[i].w,
                                   (unsigned)f->rects[i].h);
    boxes = pixman_region32_rectangles(&region, &count);
    for (int i = 0; i < count; i++)
        area += (uint64_t)(boxes[i].x2 - boxes[i].x1) * (uint64_t)(boxes[i].y2 - boxes[i].y1);
    pixman_region32_fini(&region);
    return area;
}

static void add_rect(struct content *c, struct content_frame *f, struct frame_rect r)
{
    r.w = MIN(r.w, c->width - r.x);
    r.h = MIN(r.h, c->height - r.y);
    if (r.x < 0 || r.y < 0 || r.w <= 0 || r.h <= 0)
        return;
    f->rects = realloc(f->rects, (f->rect_count + 1) * sizeof(r));
    f->rects[f->rect_count++] = r;
}

static void read_damage(struct content *c, FILE *damage)
{
    struct content_frame *f = NULL;
    char line[128];

    if (!fgets(line, sizeof(line), damage) || sscanf(line, "%d %d", &c->width, &c->height) != 2 ||
        c->width < 200 || c->height < 100 || c->width > FRAME_MAX_WIDTH || c->height > FRAME_MAX_HEIGHT)
        bench_fail("the damage file begins with WIDTH HEIGHT");
    while (fgets(line, sizeof(line), damage)) {
        struct frame_rect r;

        if (line[0] == 'F' && c->count < BENCH_MAX_FRAMES)
            f = &c->frame[c->count++];
        else if (f && sscanf(line, "R %d %d %d %d", &r.x, &r.y, &r.w, &r.h) == 4)
            add_rect(c, f, r);
    }
}

void content_read(struct content *c, FILE *frames, FILE *damage, size_t max)
{
    size_t size;

    read_damage(c, damage);
    c->count = MIN(c->count, max);
    size = 4 * (size_t)c->width * (size_t)c->height;
    for (size_t i = 0; i < c->count; i++) {
        c->frame[i].pixels = malloc(size);
        if (!c->frame[i].pixels || fread(c->frame[i].pixels, 1, size, frames) != size)
            bench_fail("frame %zu is not there", i);
        if (i > 0)
            c->damaged += area_of(&c->frame[i]);
    }
}

/* The synthetic scene. */

#define TERM_X 200
#define TERM_Y 150
#define TERM_W 960
#define TERM_H 720
#define GLYPH_W 8
#define GLYPH_H 16

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* A made-up letter: the same one looks the same everywhere. */
static void draw_glyph(struct content *c, uint32_t *pixels, int x, int y, uint32_t letter, uint32_t colour)
{
    uint32_t seed = letter * 2654435761u;

    for (int row = 2; row < GLYPH_H - 3; row++) {
        uint32_t bits = random_next(&seed) & random_next(&seed);

        for (int column = 1; column < GLYPH_W - 1; column++)
            if (bits & (1u << column))
                pixels[(y + row) * c->width + x + column] = colour;
    }
}

static void draw_line(struct content *c, uint32_t *pixels, int y, uint32_t number)
{
    static const uint32_t colours[] = {0xd0d0d0, 0x80c080, 0x8080ff, 0xe0c060, 0xd07070};
    uint32_t seed = number * 40503u + 1, words = 3 + random_next(&seed) % 12;
    int x = TERM_X + GLYPH_W * (int)(random_next(&seed) % 5);

    for (uint32_t w = 0; w < words; w++) {
        uint32_t colour = colours[random_next(&seed) % ARRAY_SIZE(colours)],
                 letters = 1 + random_next(&seed) % 9;

        for (uint32_t l = 0; l < letters && x + 2 * GLYPH_W < TERM_X + TERM_W; l++, x += GLYPH_W)
            draw_glyph(c, pixels, x, y, random_next(&seed) % 60, colour);
        x += GLYPH_W;
    }
}

static void draw_scene(struct content *c, uint32_t *pixels, size_t number)
{
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            pixels[y * c->width + x] = 0x204060 + (uint32_t)(y * 32 / c->height);
    for (int y = TERM_Y; y < TERM_Y + TERM_H; y++)
        for (int x = TERM_X; x < TERM_X + TERM_W; x++)
            pixels[y * c->width + x] = 0x101010;
    for (int line = 0; line < TERM_H / GLYPH_H; line++)
        draw_line(c, pixels, TERM_Y + line * GLYPH_H, (uint32_t)(number + (size_t)line));
    for (size_t i = 0; i <= number % 80; i++)
        draw_glyph(c, pixels, TERM_X + (int)i * GLYPH_W, 950, (uint32_t)i % 60, 0xffffff);
}

void content_synthetic(struct content *c, size_t count)
{
    c->width = 1920;
    c->height = 1080;
    c->count = MIN(count, (size_t)BENCH_MAX_FRAMES);
    for (size_t i = 0; i < c->count; i++) {
        c->frame[i].pixels = xcalloc((size_t)c->width * (size_t)c->height, 4);
        draw_scene(c, c->frame[i].pixels, i);
        add_rect(c, &c->frame[i], (struct frame_rect){TERM_X, TERM_Y, TERM_W, TERM_H});
        add_rect(c, &c->frame[i], (struct frame_rect){TERM_X, 950, 80 * GLYPH_W, GLYPH_H});
        if (i > 0)
            c->damaged += area_of(&c->frame[i]);
    }
}
