/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between a screen and its viewers. */
#ifndef ISTHMUS_DISPLAY_SCREEN_PRIV_H
#define ISTHMUS_DISPLAY_SCREEN_PRIV_H

#include "display/region_cache.h"
#include "display/screen.h"
#include "display/sink.h"

#define SCREEN_RECENT 64 /* encoded regions kept for the second viewer */

struct screen {
    struct screen_options options;
    struct loop_timer *timer;
    struct viewer *viewers; /* list */
    unsigned viewer_count;
    struct sink *sinks; /* list */
    bool dirty, capturing, failed;
    uint64_t period_us;
    uint64_t captured_us; /* when the pixels of the frame were read */
    uint64_t next_us;     /* no capture starts before */
    unsigned pending;     /* works under way */

    /* The cursor as it is sent. */
    bool cursor_known;
    int cursor_w, cursor_h, cursor_x, cursor_y;
    struct rcbuf *cursor_png; /* NULL: hidden */
    struct frame_cursor cursor;
    uint32_t *cursor_argb;

    struct {
        uint64_t hash;
        struct rcbuf *png;
    } recent[SCREEN_RECENT];
    size_t recent_next;
};

struct update_job;

struct sink {
    struct screen *screen;
    const struct sink_ops *ops;
    void *arg;
    struct sink *prev, *next;
    pixman_region32_t pending; /* not delivered yet */
    bool full, ready;
    uint64_t next_us; /* no update comes before */
};

struct viewer {
    struct screen *screen;
    struct viewer_options options;
    struct viewer *prev, *next;

    pixman_region32_t pending; /* not sent yet */
    bool full, cursor_due, pointer_due, hidden;
    int pointer_x, pointer_y;
    uint64_t next_us; /* no update starts before */

    struct update_job *job; /* being encoded */
    struct rcbuf *held;     /* encoded, waits for room in the window */
    uint32_t sequence;      /* of the last update sent or held */
    uint32_t sent;          /* of the last update sent */
    uint64_t sent_count;
    struct {
        uint32_t sequence;
        size_t bytes;
    } flight[VIEWER_WINDOW_UPDATES];
    size_t flight_count, flight_bytes;

    struct region_cache *cache;
    uint64_t second; /* for the limit of requests */
    unsigned requests;
};

/* Looks at what can be done now, and sets the timer for what can be done later. */
void screen_run(struct screen *screen);
/* When the turn after one that is taken now comes: the frame rate, with one turn of credit after a quiet, as
 * the first capture of a change often sees only half of it. */
uint64_t screen_pace(const struct screen *screen, uint64_t next_us, uint64_t now_us);
struct rcbuf *screen_recent_find(struct screen *screen, uint64_t hash); /* a reference, or NULL */
void screen_recent_store(struct screen *screen, uint64_t hash, struct rcbuf *png);

bool sink_has_news(const struct sink *sink);
void sink_deliver(struct sink *sink, uint64_t now_us);
void screen_keep_cursor(struct screen *screen, const struct frame_cursor *cursor);

/* Anything to send, the picture not counted when it is only the source that is dirty. */
bool viewer_has_news(const struct viewer *viewer);
/* Free to start an update but for the time. */
bool viewer_is_open(const struct viewer *viewer);
/* Starts an update from the frame as it is. */
void viewer_start(struct viewer *viewer, uint64_t now_us);
/* The job is encoded: puts the message together. Called by update_job. */
void viewer_finish_job(struct viewer *viewer, struct update_job *job);

/* update_job.c: the regions of one update on their way through the workers. */
#define JOB_RECTS 64
#define JOB_PIECES 256

struct update_piece {
    struct update_job *job;
    struct snapshot snapshot;
    struct rcbuf *png;
    bool cached; /* the client has it */
    int error;
};

struct update_job {
    struct screen *screen;
    struct viewer *viewer; /* NULL when it has gone */
    bool full;
    int width, height; /* of the screen it shows */
    uint64_t time_us;
    unsigned waiting; /* pieces on workers */
    size_t count;
    struct update_piece piece[JOB_PIECES];
};

/* Takes snapshots of region and starts their encoding; calls viewer_finish_job when the last is done, perhaps
 * at once. On failure nothing has been started. */
int update_job_start(struct viewer *viewer, const pixman_region32_t *region, bool full);
/* Frees it; the pieces must be done. NULL-safe. */
void update_job_free(struct update_job *job);

#endif
