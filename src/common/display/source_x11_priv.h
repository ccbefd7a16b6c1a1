/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the X11 source. Everything after the start is asynchronous: a request that has an answer is noted
 * in a queue, and the pump calls its function when the answer is there. */
#ifndef ISTHMUS_DISPLAY_SOURCE_X11_PRIV_H
#define ISTHMUS_DISPLAY_SOURCE_X11_PRIV_H

#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include "display/keymap.h"
#include "display/source_x11.h"

#define X11_WAITS 64
#define X11_IMAGES 16  /* areas fetched for one capture */
#define X11_CURSORS 64 /* shapes remembered by serial */
#define X11_PRESSED 64
#define X11_SPARES 48
#define X11_KEY_QUEUE 16384

struct x11;
typedef void (*x11_reply_fn)(struct x11 *x, const void *reply); /* reply NULL: it failed */

struct x11_wait {
    unsigned sequence;
    unsigned generation; /* of the frame; an answer about an older one is dropped. 0: always wanted */
    x11_reply_fn fn;
};

struct x11_cursor {
    uint32_t serial;
    int width, height, hot_x, hot_y;
    uint32_t *argb;
};

struct x11_pressed {
    uint32_t keysym, hint;
    uint8_t keycode;
};

/* A keycode lent to a character that the layout does not have. */
struct x11_spare {
    uint8_t keycode;
    uint32_t keysym; /* 0: not used yet */
    uint64_t used_ms;
    unsigned changed; /* sequence number of the request that mapped it */
};

struct x11_key {
    uint32_t keysym, hint;
    bool down;
};

struct x11 {
    struct source base;
    struct loop *loop;
    struct loop_poll *poll;
    struct loop_timer *kick; /* runs the pump on the next turn: requests to flush, answers already read */
    xcb_connection_t *c;
    xcb_window_t root;
    uint8_t damage_event, randr_event, fixes_event, xkb_event;
    bool in_pump, sent, failed, overrun;
    struct x11_wait wait[X11_WAITS];
    size_t wait_first, wait_count;

    /* picture (source_x11_capture.c) */
    struct frame frame;
    uint8_t *shm;
    size_t shm_size;
    xcb_shm_seg_t segment;
    xcb_damage_damage_t damage;
    xcb_xfixes_region_t region;
    unsigned generation; /* starts at 1, +1 for each size */
    bool capturing, told, full;
    struct frame_rect image[X11_IMAGES];
    size_t image_count, image_done;
    bool image_failed;

    /* size (source_x11_resize.c) */
    xcb_randr_output_t output;
    xcb_randr_crtc_t crtc;
    xcb_randr_mode_t mode; /* ours that is shown, 0: none yet */
    bool resizing;         /* a change of ours is in work */
    bool geometry_asked, geometry_again;
    int target_w, target_h, wanted_w, wanted_h; /* in work; asked for since (0: nothing) */

    /* cursor (source_x11_cursor.c) */
    struct loop_timer *cursor_timer;
    struct x11_cursor cursor[X11_CURSORS];
    size_t cursor_next;
    uint32_t cursor_serial; /* that the display shows */
    uint32_t cursor_told;
    bool cursor_any, cursor_asked, cursor_again, cursor_waiting;
    uint64_t cursor_ms, cursor_quiet_ms;
    unsigned cursor_run; /* changes in a row without a pause */

    /* pointer */
    int pointer_x, pointer_y;
    unsigned buttons;
    unsigned pointer_moves, query_moves;
    bool pointer_asked;

    /* keyboard (source_x11_keys.c) */
    struct keymap keymap;
    bool keymap_asked, keymap_again;
    unsigned keymap_sequence; /* of the request in work */
    uint32_t *keymap_keysyms; /* half of the answer, until the other comes */
    unsigned keymap_width;
    uint8_t min_keycode, max_keycode;
    unsigned group;
    uint8_t locked;
    struct x11_spare spare[X11_SPARES];
    size_t spare_count;
    struct x11_pressed pressed[X11_PRESSED];
    size_t pressed_count;
    struct loop_timer *key_timer;
    struct x11_key *queue; /* ring of X11_KEY_QUEUE */
    size_t queue_first, queue_count;
    bool queue_lost;

    struct x11_clip *clip; /* source_x11_clipboard.c */
};

static inline struct x11 *x11_of(struct source *source)
{
    return CONTAINER_OF(source, struct x11, base);
}

/* Notes that requests have been made: they are flushed on the next turn at the latest. */
void x11_sent(struct x11 *x);
/* fn gets the answer to the request. generation as in x11_wait. */
void x11_await(struct x11 *x, unsigned sequence, unsigned generation, x11_reply_fn fn);

/* source_x11_connect.c */
int x11_connect(struct x11 *x, const struct source_x11_options *options, char **ret_cause);

/* source_x11_capture.c */
int x11_capture_start(struct x11 *x);
void x11_capture_finish(struct x11 *x);
int x11_capture(struct source *self);
int x11_set_size(struct x11 *x, int width, int height); /* new frame and segment, without telling */
void x11_resized(struct x11 *x, int width, int height); /* the display has this size now */
void x11_dirty(struct x11 *x);

/* source_x11_resize.c */
int x11_resize_start(struct x11 *x);
int x11_resize(struct source *self, int width, int height);
void x11_screen_event(struct x11 *x);

/* source_x11_cursor.c */
int x11_cursor_start(struct x11 *x);
void x11_cursor_finish(struct x11 *x);
void x11_cursor_event(struct x11 *x, const xcb_xfixes_cursor_notify_event_t *event);

/* source_x11_pointer.c */
int x11_pointer_start(struct x11 *x);
void x11_pointer(struct source *self, int px, int py, unsigned buttons);
void x11_wheel(struct source *self, int dx, int dy);
void x11_query_pointer(struct x11 *x);

/* source_x11_keys.c */
int x11_keys_start(struct x11 *x);
void x11_keys_finish(struct x11 *x); /* lets go of every key */
void x11_key(struct source *self, uint32_t keysym, uint32_t keycode, bool down);

/* source_x11_keymap.c */
int x11_keymap_start(struct x11 *x);
void x11_keymap_finish(struct x11 *x);
void x11_keymap_changed(struct x11 *x);
void x11_xkb_event(struct x11 *x, const xcb_generic_event_t *event);
/* A keycode that gives keysym at every level: 0; -EAGAIN with the milliseconds to wait, as all were used a
 * moment ago; -ENOSPC, also for what the display itself would act on. */
int x11_spare_take(struct x11 *x, uint32_t keysym, uint8_t *ret_keycode, uint64_t *ret_wait_ms);

/* source_x11_clipboard.c */
int x11_clipboard_start(struct x11 *x);
void x11_clipboard_stop(struct x11 *x); /* the display is dead */
void x11_clipboard_finish(struct x11 *x);
int x11_clipboard(struct source *self, const char *text, size_t len);
/* Whether the event was about the clipboard. */
bool x11_clipboard_event(struct x11 *x, const xcb_generic_event_t *event);
void x11_clipboard_error(struct x11 *x, const xcb_generic_error_t *error);

#endif
