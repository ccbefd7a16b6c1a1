/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pixels: DAMAGE says that something changed; a capture takes the damaged region, has the server copy few
 * areas into the shared segment, and keeps in the frame what really differs. */
#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "display/damage.h"
#include "display/source_x11_priv.h"

/* An area costs about as much as this many pixels, so nearer ones are fetched together. */
#define FETCH_WASTE 32768

static void segment_close(struct x11 *x)
{
    if (x->segment)
        xcb_shm_detach(x->c, x->segment);
    if (x->shm)
        munmap(x->shm, x->shm_size);
    x->segment = 0;
    x->shm = NULL;
}

/* A sealed memfd: the display, which gets it, cannot shrink it under our feet. */
static int segment_open(struct x11 *x, size_t size)
{
    int fd = memfd_create("isthmus-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *at;

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        close(fd);
        return -ENOMEM;
    }
    x->shm = at;
    x->shm_size = size;
    x->segment = xcb_generate_id(x->c);
    xcb_shm_attach_fd(x->c, x->segment, fd, 0); /* closes fd */
    return 0;
}

int x11_set_size(struct x11 *x, int width, int height)
{
    size_t stride = 4 * (size_t)width, size = stride * (size_t)height;
    uint8_t *pixels;
    int r;

    if (width < 1 || height < 1 || width > FRAME_MAX_WIDTH || height > FRAME_MAX_HEIGHT)
        return -ERANGE;
    pixels = calloc(1, size);
    if (!pixels)
        return -ENOMEM;
    segment_close(x);
    r = segment_open(x, size);
    if (r < 0) {
        free(pixels);
        return r;
    }
    free(x->frame.pixels);
    x->frame = (struct frame){width, height, stride, pixels};
    x->generation++;
    if (x->generation == 0)
        x->generation = 1;
    x->capturing = false;
    x->full = true;
    return 0;
}

int x11_capture_start(struct x11 *x)
{
    int r = x11_set_size(x, x->frame.width, x->frame.height);

    if (r < 0)
        return r;
    x->region = xcb_generate_id(x->c);
    xcb_xfixes_create_region(x->c, x->region, 0, NULL);
    x->damage = xcb_generate_id(x->c);
    xcb_damage_create(x->c, x->damage, x->root, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
    return 0;
}

void x11_capture_finish(struct x11 *x)
{
    if (x->c)
        segment_close(x);
    free(x->frame.pixels);
    x->frame.pixels = NULL;
}

void x11_dirty(struct x11 *x)
{
    if (x->told || !x->base.listener.dirty)
        return;
    x->told = true;
    x->base.listener.dirty(x->base.listener_arg);
}

void x11_resized(struct x11 *x, int width, int height)
{
    if (width == x->frame.width && height == x->frame.height)
        return;
    if (x11_set_size(x, width, height) < 0)
        return;
    if (x->base.listener.resized)
        x->base.listener.resized(x->base.listener_arg, width, height);
}

static void answer(struct x11 *x, pixman_region32_t *changed)
{
    x->capturing = false;
    if (x->base.listener.captured)
        x->base.listener.captured(x->base.listener_arg, changed, clock_monotonic_us());
}

static void take_images(struct x11 *x, pixman_region32_t *changed)
{
    const uint8_t *at = x->shm;

    for (size_t i = 0; i < x->image_count; i++) {
        const struct frame_rect *r = &x->image[i];

        damage_apply(&x->frame, r, at, 4 * (size_t)r->w, changed);
        at += 4 * (size_t)r->w * (size_t)r->h;
    }
    if (!x->full)
        return;
    pixman_region32_fini(changed);
    pixman_region32_init_rect(changed, 0, 0, (unsigned)x->frame.width, (unsigned)x->frame.height);
}

static void on_image(struct x11 *x, const void *reply)
{
    pixman_region32_t changed;

    x->image_failed = x->image_failed || !reply;
    if (++x->image_done < x->image_count)
        return;
    pixman_region32_init(&changed);
    if (!x->image_failed)
        take_images(x, &changed);
    /* An area is refused when the screen shrinks at this moment: all of it is read again then. */
    x->full = x->image_failed;
    answer(x, &changed);
    if (x->image_failed)
        x11_dirty(x);
    else
        x11_query_pointer(x);
    pixman_region32_fini(&changed);
}

static void fetch(struct x11 *x)
{
    uint32_t offset = 0;

    x->image_done = 0;
    x->image_failed = false;
    for (size_t i = 0; i < x->image_count; i++) {
        const struct frame_rect *r = &x->image[i];
        xcb_shm_get_image_cookie_t cookie =
            xcb_shm_get_image(x->c, x->root, (int16_t)r->x, (int16_t)r->y, (uint16_t)r->w, (uint16_t)r->h,
                              ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP, x->segment, offset);

        x11_await(x, cookie.sequence, x->generation, on_image);
        offset += 4 * (uint32_t)r->w * (uint32_t)r->h;
    }
}

static void on_region(struct x11 *x, const void *data)
{
    const xcb_xfixes_fetch_region_reply_t *reply = data;
    pixman_region32_t region;

    pixman_region32_init(&region);
    if (reply) {
        const xcb_rectangle_t *r = xcb_xfixes_fetch_region_rectangles(reply);
        int count = xcb_xfixes_fetch_region_rectangles_length(reply);

        for (int i = 0; i < count; i++)
            pixman_region32_union_rect(&region, &region, r[i].x, r[i].y, r[i].width, r[i].height);
        pixman_region32_intersect_rect(&region, &region, 0, 0, (unsigned)x->frame.width,
                                       (unsigned)x->frame.height);
    }
    x->image_count = damage_rects(&region, x->image, X11_IMAGES, FETCH_WASTE);
    pixman_region32_fini(&region);
    if (x->image_count > 0) {
        fetch(x);
        return;
    }
    pixman_region32_init(&region);
    answer(x, &region);
    pixman_region32_fini(&region);
}

int x11_capture(struct source *self)
{
    struct x11 *x = x11_of(self);

    if (x->failed)
        return -EPIPE;
    if (x->capturing)
        return -EBUSY;
    x->capturing = true;
    x->told = false;
    if (x->full) {
        xcb_damage_subtract(x->c, x->damage, XCB_NONE, XCB_NONE);
        x->image[0] = (struct frame_rect){0, 0, x->frame.width, x->frame.height};
        x->image_count = 1;
        fetch(x);
    } else {
        xcb_damage_subtract(x->c, x->damage, XCB_NONE, x->region);
        x11_await(x, xcb_xfixes_fetch_region(x->c, x->region).sequence, x->generation, on_region);
    }
    return 0;
}
