/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's clipboard. A viewer's text is offered as CLIPBOARD and PRIMARY, so that both ways of pasting
 * give it; what a program puts into CLIPBOARD is fetched and told, its PRIMARY (whatever was last marked) is
 * not. Every program of the session is a stranger here: transfers are few, bounded in size and in time, and a
 * clipboard that changes without end is looked at ever so often. */
#ifndef ISTHMUS_DISPLAY_SOURCE_X11_CLIP_PRIV_H
#define ISTHMUS_DISPLAY_SOURCE_X11_CLIP_PRIV_H

#include "base/buf.h"
#include "base/rcbuf.h"
#include "display/source_x11_priv.h"

#define CLIP_PIECE 65536u /* longer texts go in pieces of this size */
#define CLIP_TRANSFERS 8  /* of these to programs at a time */
#define CLIP_REQUESTS_PER_S 500
#define CLIP_STEP_MS 5000   /* for each step of a transfer */
#define CLIP_TOTAL_MS 30000 /* for all of it */
#define CLIP_PAUSE_MS 100   /* between two texts fetched, and a millisecond for each KiB */
#define CLIP_STALE_MS 300   /* that a transfer may still take when the clipboard has another owner by now */
#define CLIP_PAIRS 16       /* targets of a MULTIPLE request */
#define CLIP_MULTIPLES 4    /* such requests at a time */
#define CLIP_WINDOWS 8

enum clip_atom {
    CLIP_CLIPBOARD,
    CLIP_TARGETS,
    CLIP_TIMESTAMP,
    CLIP_MULTIPLE,
    CLIP_ATOM_PAIR,
    CLIP_INCR,
    CLIP_UTF8,
    CLIP_TEXT,
    CLIP_MIME,
    CLIP_DATA,
    CLIP_STAMP,
    CLIP_ATOMS
};

enum { CLIP_OWNS_CLIPBOARD = 1, CLIP_OWNS_PRIMARY = 2 };

/* A text on its way to a program. */
struct clip_transfer {
    xcb_window_t requestor; /* 0: free */
    xcb_atom_t property, type;
    struct rcbuf *data;
    size_t at;
    uint64_t step_ms, end_ms; /* given up then */
};

/* A text on its way from a program. A window of its own for each keeps the remains of one that was given up
 * out of the next. */
struct clip_fetch {
    struct loop_timer *timer;
    xcb_window_t windows[CLIP_WINDOWS];
    unsigned next;
    xcb_timestamp_t time; /* of the newest change */
    bool wanted;          /* the clipboard has changed since the last fetch began */
    uint64_t due_ms;      /* no fetch begins before */

    xcb_window_t window; /* 0: none under way */
    unsigned target;     /* that is tried */
    bool incremental, reading, more;
    unsigned stale; /* answers still to come for fetches that were given up */
    xcb_atom_t type;
    struct buf text;
    uint64_t step_ms, end_ms;
};

struct x11_clip {
    xcb_atom_t atom[CLIP_ATOMS];
    xcb_window_t window; /* owns what we own */
    size_t piece;

    /* source_x11_clipboard.c: a viewer's text */
    struct rcbuf *text, *latin1; /* NULL: none; not made yet */
    xcb_timestamp_t since;
    bool claiming;    /* the time stamp is awaited */
    unsigned asked;   /* sequence number of the question for it */
    bool owner_asked; /* the answer is awaited */
    unsigned owns;
    uint64_t given_hash; /* of the last one, until a program has another */
    bool given;

    struct clip_fetch fetch;

    /* source_x11_clip_serve.c */
    struct loop_timer *serve_timer;
    struct clip_transfer transfer[CLIP_TRANSFERS];
    xcb_selection_request_event_t multiple[CLIP_MULTIPLES]; /* ring */
    size_t multiple_first, multiple_count;
    uint64_t second;
    unsigned requests; /* in that second */
};

/* source_x11_clip_fetch.c */
int clip_fetch_start(struct x11 *x);
void clip_fetch_finish(struct x11 *x);
/* What is under way or due is of no interest any more. */
void clip_fetch_forget(struct x11 *x);
void clip_fetch_changed(struct x11 *x, xcb_timestamp_t time);
void clip_fetch_notify(struct x11 *x, const xcb_selection_notify_event_t *event);
void clip_fetch_property(struct x11 *x, const xcb_property_notify_event_t *event);
/* The text is whole: UTF-8, LF, at most FRAME_CLIPBOARD_MAX. */
void clip_fetched(struct x11 *x, const char *text, size_t len);

/* source_x11_clip_serve.c */
int clip_serve_start(struct x11 *x);
void clip_serve_finish(struct x11 *x);
void clip_serve_request(struct x11 *x, const xcb_selection_request_event_t *event);
void clip_serve_property(struct x11 *x, const xcb_property_notify_event_t *event);
void clip_serve_gone(struct x11 *x, xcb_window_t requestor);

#endif
