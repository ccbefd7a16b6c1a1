/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that encodes pictures for RFB clients, and its mailbox. All functions are called on the loop's
 * thread and never wait for an engine, as one may be waiting for the loop to take what it writes. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_ENGINE_PRIV_H
#define ISTHMUS_OVD_DISPLAY_RFB_ENGINE_PRIV_H

#include "loop/loop.h"
#include "ovd/display/rfb_peer_priv.h"

#define RFB_PATCH_RECTS 64

/* Pixels on their way: the rectangles' one after the other, packed. */
struct rfb_patch {
    int width, height; /* of the whole picture */
    size_t count;
    struct frame_rect rects[RFB_PATCH_RECTS];
    uint32_t *pixels;
};

/* NULL when memory is gone. */
struct rfb_patch *rfb_patch_new(const struct frame *frame, const pixman_region32_t *region);
void rfb_patch_free(struct rfb_patch *patch); /* NULL-safe */
/* Puts its pixels into a picture of the same size. */
void rfb_patch_apply(const struct rfb_patch *patch, struct rfb_picture *picture);

struct rfb_engine;

/* want is called on the loop when a client waits for pixels: one patch, at least, is awaited. */
int rfb_engine_create(struct loop *loop, const char *name, void (*want)(void *arg), void *arg,
                      struct rfb_engine **ret_engine);
/* Nothing is called any more; the thread ends by itself. Its clients' other ends have been closed. NULL-safe;
 * returns NULL. */
struct rfb_engine *rfb_engine_destroy(struct rfb_engine *engine);
/* Waits for every engine that is to end. Only when no other is left. */
void rfb_engine_settle(void);

/* See rfb_peer_create. The engine drops a client whose other end is closed. It starts when the first patch is
 * there. */
void rfb_engine_add(struct rfb_engine *engine, int fd, struct rfb_shared *shared);
/* A patch is on its way: only a full one may follow, and takes its place. */
bool rfb_engine_has_patch(struct rfb_engine *engine);
/* Takes it over. */
void rfb_engine_patch(struct rfb_engine *engine, struct rfb_patch *patch);
void rfb_engine_cursor(struct rfb_engine *engine, const struct frame_cursor *cursor);
/* by: who moved it; NULL: the session. */
void rfb_engine_pointer(struct rfb_engine *engine, int x, int y, const struct rfb_shared *by);
/* Takes the texts over. */
void rfb_engine_text(struct rfb_engine *engine, struct rfb_text latin1, struct rfb_text utf8);
/* A client that it waits for has taken everything. */
void rfb_engine_wake(struct rfb_engine *engine);

#endif
