/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client as libvncserver sees it: over one end of a socket pair, with bytes that have been checked, already
 * authenticated. Each has a screen of its own in the library's sense, so that texts, sizes and cursors can be
 * told to one alone. Only on the engine's thread, inside the library (rfb_library_enter; to create one,
 * alone), but for struct rfb_shared and rfb_peer_fd. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_PEER_PRIV_H
#define ISTHMUS_OVD_DISPLAY_RFB_PEER_PRIV_H

#include <stdatomic.h>

#include "display/frame.h"
#include "ovd/display/rfb_clip.h"

/* What both threads know of a client. */
struct rfb_shared {
    atomic_uint refs;
    atomic_size_t backlog; /* bytes that the client has not taken yet */
    atomic_bool waiting;   /* the engine wants to be woken when there are none */
    atomic_bool active;    /* gets clipboard texts */
    atomic_int verdict;    /* on the SetDesktopSize that is passed on next */
};

struct rfb_shared *rfb_shared_new(void);
struct rfb_shared *rfb_shared_ref(struct rfb_shared *shared);
void rfb_shared_unref(struct rfb_shared *shared); /* NULL-safe */

/* ExtendedDesktopSize's codes. */
enum rfb_verdict { RFB_RESIZED = 0, RFB_PROHIBITED = 1, RFB_NO_RESOURCES = 2, RFB_BAD_LAYOUT = 3 };

/* The engine's copy of the frame: B G R 0 in memory, rows without gaps. */
struct rfb_picture {
    int width, height;
    uint32_t *pixels;
};

/* A cursor's shape; argb is owned by whoever has the struct. Width 0: hidden. */
struct rfb_cursor {
    int width, height, hot_x, hot_y;
    uint32_t *argb;
};

struct rfb_peer;

/* The library greets when there is something to read, so the client's version is to be in the socket already.
 * It speaks 3.3 without authentication on it. fd becomes the peer's, also when this fails (NULL). */
struct rfb_peer *rfb_peer_create(int fd, struct rfb_shared *shared, const char *name,
                                 const struct rfb_picture *picture);
struct rfb_peer *rfb_peer_destroy(struct rfb_peer *peer);
int rfb_peer_fd(const struct rfb_peer *peer); /* -1: gone */
/* Takes one message, which is there. */
void rfb_peer_message(struct rfb_peer *peer);
/* It waits for pixels and could take them. */
bool rfb_peer_wants(const struct rfb_peer *peer);
/* Sends what it asked for, if it can take it. */
void rfb_peer_update(struct rfb_peer *peer);
void rfb_peer_resize(struct rfb_peer *peer, const struct rfb_picture *picture);
void rfb_peer_damage(struct rfb_peer *peer, const struct frame_rect *rects, size_t count);
void rfb_peer_cursor(struct rfb_peer *peer, const struct rfb_cursor *cursor);
/* own: this client moved it itself. */
void rfb_peer_pointer(struct rfb_peer *peer, int x, int y, bool own);
void rfb_peer_text(struct rfb_peer *peer, const struct rfb_text *latin1, const struct rfb_text *utf8);
bool rfb_peer_is(const struct rfb_peer *peer, const struct rfb_shared *shared);
bool rfb_peer_is_active(const struct rfb_peer *peer);
/* It has not taken the last update yet: nothing more is to be written. */
bool rfb_peer_is_behind(const struct rfb_peer *peer);

#endif
