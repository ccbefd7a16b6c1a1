/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes by RandR: any size is a mode made for it. One change is in work at a time; of what is asked for
 * meanwhile the newest is done next. */
#include <stdio.h>

#include "base/clock.h"
#include "display/source_x11_priv.h"

static void begin(struct x11 *x, int width, int height);

int x11_resize_start(struct x11 *x)
{
    xcb_randr_get_screen_resources_current_reply_t *r = xcb_randr_get_screen_resources_current_reply(
        x->c, xcb_randr_get_screen_resources_current(x->c, x->root), NULL);

    if (!r)
        return -EIO;
    if (r->num_outputs > 0 && r->num_crtcs > 0) {
        x->output = xcb_randr_get_screen_resources_current_outputs(r)[0];
        x->crtc = xcb_randr_get_screen_resources_current_crtcs(r)[0];
    }
    free(r);
    xcb_randr_select_input(x->c, x->root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
    return x->output ? 0 : -ENOTSUP;
}

static void on_geometry(struct x11 *x, const void *data);

static void ask_geometry(struct x11 *x)
{
    x->geometry_asked = true;
    x->geometry_again = false;
    x11_await(x, xcb_get_geometry(x->c, x->root).sequence, 0, on_geometry);
}

/* The event's own size may be that of a step between, and it may be older than an answer that has been taken:
 * the size is asked for. */
void x11_screen_event(struct x11 *x)
{
    if (x->resizing || x->geometry_asked)
        x->geometry_again = true;
    else
        ask_geometry(x);
}

static void on_geometry(struct x11 *x, const void *data)
{
    const xcb_get_geometry_reply_t *reply = data;

    x->geometry_asked = false;
    if (x->resizing)
        return; /* the end of that asks, too */
    if (reply)
        x11_resized(x, reply->width, reply->height);
    if (x->geometry_again)
        ask_geometry(x);
}

/* A change of ours is done, or was refused. */
static void on_done(struct x11 *x, const void *data)
{
    const xcb_get_geometry_reply_t *reply = data;
    int width = x->wanted_w, height = x->wanted_h;

    x->resizing = false;
    x->wanted_w = x->wanted_h = 0;
    if (width != 0 && reply && (width != reply->width || height != reply->height)) {
        begin(x, width, height);
        return;
    }
    if (reply)
        x11_resized(x, reply->width, reply->height);
    if (x->geometry_again && !x->geometry_asked)
        ask_geometry(x);
}

static void set_screen_size(struct x11 *x, int width, int height)
{
    xcb_randr_set_screen_size(x->c, x->root, (uint16_t)width, (uint16_t)height, (uint32_t)(width * 254 / 960),
                              (uint32_t)(height * 254 / 960)); /* 96 dots an inch */
}

static void on_mode(struct x11 *x, const void *data)
{
    const xcb_randr_create_mode_reply_t *reply = data;
    int grow_w = MAX(x->frame.width, x->target_w), grow_h = MAX(x->frame.height, x->target_h);

    if (reply) {
        xcb_randr_add_output_mode(x->c, x->output, reply->mode);
        xcb_grab_server(x->c); /* nobody sees the steps between */
        if (grow_w != x->frame.width || grow_h != x->frame.height)
            set_screen_size(x, grow_w, grow_h);
        xcb_discard_reply(x->c,
                          xcb_randr_set_crtc_config(x->c, x->crtc, XCB_CURRENT_TIME, XCB_CURRENT_TIME, 0, 0,
                                                    reply->mode, XCB_RANDR_ROTATION_ROTATE_0, 1, &x->output)
                              .sequence);
        if (grow_w != x->target_w || grow_h != x->target_h)
            set_screen_size(x, x->target_w, x->target_h);
        xcb_ungrab_server(x->c);
        if (x->mode) {
            xcb_randr_delete_output_mode(x->c, x->output, x->mode);
            xcb_randr_destroy_mode(x->c, x->mode);
        }
        x->mode = reply->mode;
    }
    x11_await(x, xcb_get_geometry(x->c, x->root).sequence, 0, on_done);
}

static void begin(struct x11 *x, int width, int height)
{
    char name[64];
    xcb_randr_mode_info_t info = {
        .width = (uint16_t)width,
        .height = (uint16_t)height,
        .dot_clock = (uint32_t)width * (uint32_t)height * 60,
        .hsync_start = (uint16_t)width,
        .hsync_end = (uint16_t)width,
        .htotal = (uint16_t)width,
        .vsync_start = (uint16_t)height,
        .vsync_end = (uint16_t)height,
        .vtotal = (uint16_t)height,
    };

    /* The server wants names that differ, also from those of an earlier streamer. */
    info.name_len = (uint16_t)snprintf(name, sizeof(name), "isthmus-%dx%d-%llx", width, height,
                                       (unsigned long long)clock_monotonic_us());
    x->resizing = true;
    x->target_w = width;
    x->target_h = height;
    x11_await(x, xcb_randr_create_mode(x->c, x->root, info, info.name_len, name).sequence, 0, on_mode);
}

int x11_resize(struct source *self, int width, int height)
{
    struct x11 *x = x11_of(self);

    if (width < 1 || height < 1 || width > FRAME_MAX_WIDTH || height > FRAME_MAX_HEIGHT)
        return -ERANGE;
    if (x->failed)
        return -EPIPE;
    if (x->resizing) {
        x->wanted_w = width;
        x->wanted_h = height;
    } else if (width != x->frame.width || height != x->frame.height) {
        begin(x, width, height);
    }
    return 0;
}
