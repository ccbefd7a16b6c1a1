/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decodes a PNG to 0xAARRGGBB pixels. The caller frees; NULL when it is not a PNG of that size. */
#ifndef ISTHMUS_TESTS_DISPLAY_PNG_READ_H
#define ISTHMUS_TESTS_DISPLAY_PNG_READ_H

#include <png.h>

#include "base/util.h"

static inline uint32_t *png_read(const void *data, size_t len, int width, int height)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint32_t *pixels;

    if (!png_image_begin_read_from_memory(&image, data, len) || (int)image.width != width ||
        (int)image.height != height) {
        png_image_free(&image);
        return NULL;
    }
    image.format = PNG_FORMAT_BGRA;
    pixels = xcalloc((size_t)width * (size_t)height, 4);
    if (!png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
        free(pixels);
        return NULL;
    }
    return pixels;
}

#endif
