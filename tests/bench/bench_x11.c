/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The playing side: a client of the display with one window over all of it, drawn by MIT-SHM. */
#include <X11/Xauth.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "base/str.h"
#include "bench.h"

struct player {
    xcb_connection_t *c;
    xcb_window_t window;
    xcb_gcontext_t gc;
    xcb_shm_seg_t segment;
    uint32_t *shm;
    size_t size;
};

static xcb_connection_t *connect_display(const char *socket_path, const char *xauthority)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    FILE *file = fopen(xauthority, "re");
    Xauth *entry = file ? XauReadAuth(file) : NULL;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    xcb_auth_info_t auth;
    xcb_connection_t *c;

    if (!entry || str_copy(address.sun_path, sizeof(address.sun_path), socket_path) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        bench_fail("the display cannot be reached");
    auth = (xcb_auth_info_t){entry->name_length, entry->name, entry->data_length, entry->data};
    c = xcb_connect_to_fd(fd, &auth);
    XauDisposeAuth(entry);
    fclose(file);
    if (xcb_connection_has_error(c))
        bench_fail("the display refuses");
    return c;
}

static void sync_display(struct player *p)
{
    free(xcb_get_input_focus_reply(p->c, xcb_get_input_focus(p->c), NULL));
}

static void open_segment(struct player *p, size_t size)
{
    int fd = memfd_create("bench", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        bench_fail("no memory to share");
    p->size = size;
    p->shm = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p->shm == MAP_FAILED)
        bench_fail("no memory to share");
    p->segment = xcb_generate_id(p->c);
    xcb_shm_attach_fd(p->c, p->segment, fd, 1);
}

struct player *player_open(const char *socket_path, const char *xauthority, unsigned display,
                           const struct content *c)
{
    struct player *p = xcalloc(1, sizeof(*p));
    const uint32_t values[] = {0, 1};
    const xcb_screen_t *screen;

    (void)display;
    p->c = connect_display(socket_path, xauthority);
    screen = xcb_setup_roots_iterator(xcb_get_setup(p->c)).data;
    if (screen->width_in_pixels < c->width || screen->height_in_pixels < c->height)
        bench_fail("the display is smaller than the content");
    p->window = xcb_generate_id(p->c);
    xcb_create_window(p->c, XCB_COPY_FROM_PARENT, p->window, screen->root, 0, 0, (uint16_t)c->width,
                      (uint16_t)c->height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, values);
    xcb_map_window(p->c, p->window);
    p->gc = xcb_generate_id(p->c);
    xcb_create_gc(p->c, p->gc, p->window, 0, NULL);
    /* Twice a frame: rectangles may overlap. */
    open_segment(p, 2 * 4 * (size_t)c->width * (size_t)c->height);
    sync_display(p);
    return p;
}

/* Copies a rectangle of pixels to the segment at an offset (in pixels) and has the display draw it. */
static size_t put(struct player *p, const uint32_t *pixels, int stride, struct frame_rect r,
                  struct frame_rect to, size_t at)
{
    size_t count = (size_t)r.w * (size_t)r.h;

    if (4 * (at + count) > p->size) {
        sync_display(p); /* the display has read what is there */
        at = 0;
    }
    for (int row = 0; row < r.h; row++)
        memcpy(p->shm + at + (size_t)row * (size_t)r.w, pixels + (size_t)(r.y + row) * (size_t)stride + r.x,
               4 * (size_t)r.w);
    xcb_shm_put_image(p->c, p->window, p->gc, (uint16_t)r.w, (uint16_t)r.h, 0, 0, (uint16_t)r.w,
                      (uint16_t)r.h, (int16_t)to.x, (int16_t)to.y, 24, XCB_IMAGE_FORMAT_Z_PIXMAP, 0,
                      p->segment, (uint32_t)(4 * at));
    return at + count;
}

static size_t put_marker(struct player *p, unsigned number, size_t at)
{
    uint32_t pixels[MARKER_CELL * MARKER_CELL * MARKER_CELLS];
    struct frame_rect r = {0, 0, MARKER_CELL * MARKER_CELLS, MARKER_CELL};

    for (int y = 0; y < r.h; y++) {
        for (int x = 0; x < r.w; x++) {
            int cell = x / MARKER_CELL;
            bool white = cell == 0 || (cell > 1 && number >> (17 - cell) & 1);

            pixels[y * r.w + x] = white ? 0xffffff : 0;
        }
    }
    return put(p, pixels, r.w, r, r, at);
}

void player_show(struct player *p, const struct content *c, size_t i)
{
    const struct content_frame *f = &c->frame[i];
    struct frame_rect whole = {0, 0, c->width, c->height};
    size_t at = 0;

    if (i == 0)
        at = put(p, f->pixels, c->width, whole, whole, at);
    for (size_t k = 0; i > 0 && k < f->rect_count; k++)
        at = put(p, f->pixels, c->width, f->rects[k], f->rects[k], at);
    put_marker(p, (unsigned)i + 1, at);
    sync_display(p);
}

void player_close(struct player *p)
{
    xcb_disconnect(p->c);
    munmap(p->shm, p->size);
    free(p);
}
