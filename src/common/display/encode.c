/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode.h"

#include <png.h>
#include <setjmp.h>
#include <xxhash.h>

#include "base/buf.h"

#define PNG_MAX (200u << 20)

int snapshot_init(struct snapshot *s, const struct frame *frame, const struct frame_rect *rect)
{
    size_t count = (size_t)rect->w * (size_t)rect->h;
    uint32_t first, differ = 0;
    uint32_t *to;

    *s = (struct snapshot){.rect = *rect, .pixels = malloc(count * sizeof(uint32_t))};
    if (!s->pixels)
        return -ENOMEM;
    to = s->pixels;
    memcpy(&first, frame->pixels + (size_t)rect->y * frame->stride + 4 * (size_t)rect->x, 4);
    first |= 0xff000000;
    for (int y = 0; y < rect->h; y++) {
        const uint32_t *from =
            (const uint32_t *)(const void *)(frame->pixels + (size_t)(rect->y + y) * frame->stride) + rect->x;

        for (int x = 0; x < rect->w; x++) {
            to[x] = from[x] | 0xff000000;
            differ |= to[x] ^ first;
        }
        to += rect->w;
    }
    s->solid = differ == 0;
    s->hash = XXH3_64bits_withSeed(s->pixels, count * sizeof(uint32_t),
                                   (uint64_t)rect->w << 32 | (uint64_t)rect->h);
    if (s->hash == 0)
        s->hash = 1;
    return 0;
}

void snapshot_finish(struct snapshot *s)
{
    free(s->pixels);
    s->pixels = NULL;
}

/* The colours of a picture in order of appearance, in an open hash table of which at most a quarter is used.
 */
#define COLOURS 256
#define TABLE 1024
struct palette {
    size_t count;
    uint32_t colour[COLOURS];
    uint32_t key[TABLE]; /* 0: free, as every pixel has its top byte set */
    uint8_t index[TABLE];
};

static unsigned palette_slot(const struct palette *p, uint32_t pixel)
{
    unsigned slot = (pixel * 2654435761u) >> 22;

    while (p->key[slot] != 0 && p->key[slot] != pixel)
        slot = (slot + 1) % TABLE;
    return slot;
}

/* false when there are too many colours. */
static bool palette_build(struct palette *p, const uint32_t *pixels, size_t count)
{
    uint32_t last = 0;

    memset(p, 0, sizeof(*p));
    for (size_t i = 0; i < count; i++) {
        unsigned slot;

        if (pixels[i] == last)
            continue;
        last = pixels[i];
        slot = palette_slot(p, last);
        if (p->key[slot] != 0)
            continue;
        if (p->count == COLOURS)
            return false;
        p->key[slot] = last;
        p->index[slot] = (uint8_t)p->count;
        p->colour[p->count++] = last;
    }
    return true;
}

static int palette_depth(const struct palette *p)
{
    return p->count <= 2 ? 1 : p->count <= 4 ? 2 : p->count <= 16 ? 4 : 8;
}

static void on_write(png_structp png, png_bytep data, size_t len)
{
    if (buf_append(png_get_io_ptr(png), data, len) < 0)
        png_error(png, "out of memory");
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void on_error(png_structp png, png_const_charp message)
{
    (void)message;
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void set_compression(png_structp png, enum encode_compression compression, bool indexed)
{
    static const int level[] = {[ENCODE_FASTEST] = 1, [ENCODE_OPTIMAL] = 4, [ENCODE_SMALLEST] = 7};

    png_set_compression_level(png, level[compression]);
    png_set_compression_mem_level(png, 9);
    png_set_compression_buffer_size(png, 65536);
    /* Desktop pictures repeat whole pixels: filters only help photographs, and cost more than they give at
     * level 1. */
    png_set_filter(png, 0, indexed || compression == ENCODE_FASTEST ? PNG_FILTER_NONE : PNG_ALL_FILTERS);
}

static void write_palette(png_structp png, png_infop info, const struct palette *p)
{
    png_color colours[COLOURS];

    for (size_t i = 0; i < p->count; i++)
        colours[i] = (png_color){(png_byte)(p->colour[i] >> 16), (png_byte)(p->colour[i] >> 8),
                                 (png_byte)p->colour[i]};
    png_set_PLTE(png, info, colours, (int)p->count);
}

static void write_indexed_rows(png_structp png, const struct palette *p, const uint32_t *pixels, int width,
                               int height, uint8_t *row)
{
    uint32_t last = 0;
    uint8_t index = 0;

    png_set_packing(png); /* rows are one byte a pixel, whatever the depth */
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            if (pixels[x] != last) {
                last = pixels[x];
                index = p->index[palette_slot(p, last)];
            }
            row[x] = index;
        }
        png_write_row(png, row);
        pixels += width;
    }
}

static void write_rgb_rows(png_structp png, const uint32_t *pixels, int width, int height, uint8_t *row)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            row[3 * x] = (uint8_t)(pixels[x] >> 16);
            row[3 * x + 1] = (uint8_t)(pixels[x] >> 8);
            row[3 * x + 2] = (uint8_t)pixels[x];
        }
        png_write_row(png, row);
        pixels += width;
    }
}

static void write_rgba_rows(png_structp png, const uint32_t *pixels, int width, int height, uint8_t *row)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            row[4 * x] = (uint8_t)(pixels[x] >> 16);
            row[4 * x + 1] = (uint8_t)(pixels[x] >> 8);
            row[4 * x + 2] = (uint8_t)pixels[x];
            row[4 * x + 3] = (uint8_t)(pixels[x] >> 24);
        }
        png_write_row(png, row);
        pixels += width;
    }
}

struct picture {
    const uint32_t *pixels;
    int width, height;
    bool alpha;
    enum encode_compression compression;
    const struct palette *palette; /* NULL: true colour */
    uint8_t *row;
};

static void write_picture(png_structp png, png_infop info, const struct picture *p)
{
    int type = p->palette ? PNG_COLOR_TYPE_PALETTE : p->alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB;

    png_set_IHDR(png, info, (png_uint_32)p->width, (png_uint_32)p->height,
                 p->palette ? palette_depth(p->palette) : 8, type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    set_compression(png, p->compression, p->palette != NULL);
    if (p->palette)
        write_palette(png, info, p->palette);
    png_write_info(png, info);
    if (p->palette)
        write_indexed_rows(png, p->palette, p->pixels, p->width, p->height, p->row);
    else if (p->alpha)
        write_rgba_rows(png, p->pixels, p->width, p->height, p->row);
    else
        write_rgb_rows(png, p->pixels, p->width, p->height, p->row);
    png_write_end(png, NULL);
}

/* Nothing that libpng jumps over is changed between setjmp and longjmp but what out points to. */
static int run(const struct picture *p, struct buf *out)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return -ENOMEM;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return -ENOMEM;
    }
    png_set_write_fn(png, out, on_write, on_flush);
    write_picture(png, info, p);
    png_destroy_write_struct(&png, &info);
    return 0;
}

static int encode(struct picture *p, struct rcbuf **ret_png)
{
    struct buf out;
    int r = -ENOMEM;

    buf_init(&out, PNG_MAX);
    p->row = malloc(4 * (size_t)p->width);
    if (p->row)
        r = run(p, &out);
    free(p->row);
    if (r == 0) {
        *ret_png = rcbuf_new(out.data, out.len);
        if (*ret_png)
            return 0;
        r = -ENOMEM;
    }
    buf_finish(&out);
    return r;
}

int encode_snapshot(const struct snapshot *s, enum encode_compression compression, struct rcbuf **ret_png)
{
    struct palette palette;
    struct picture picture = {s->pixels, s->rect.w, s->rect.h, false, compression, NULL, NULL};

    if (palette_build(&palette, s->pixels, (size_t)s->rect.w * (size_t)s->rect.h))
        picture.palette = &palette;
    return encode(&picture, ret_png);
}

int encode_argb(const uint32_t *argb, int width, int height, struct rcbuf **ret_png)
{
    struct picture picture = {argb, width, height, true, ENCODE_OPTIMAL, NULL, NULL};

    return encode(&picture, ret_png);
}
