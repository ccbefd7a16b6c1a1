/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The regions of one update: snapshots on the loop's thread, PNG on workers, several pieces of one picture at
 * a time. */
#include "display/damage.h"
#include "display/screen_priv.h"

#define RECT_WASTE 1024      /* pixels: what a region costs beside its pixels */
#define PIECE_PIXELS 262144  /* larger regions are cut into bands, which several workers encode at once */
#define CACHE_MIN_PIXELS 256 /* below, a reference saves nothing worth an entry */
#define CACHE_MAX_PIXELS (1 << 20)

void update_job_free(struct update_job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < job->count; i++) {
        snapshot_finish(&job->piece[i].snapshot);
        rcbuf_unref(job->piece[i].png);
    }
    free(job);
}

static void finish(struct update_job *job)
{
    if (job->viewer)
        viewer_finish_job(job->viewer, job);
    update_job_free(job);
}

static void on_worker(void *arg)
{
    struct update_piece *piece = arg;

    piece->error = encode_snapshot(&piece->snapshot, piece->job->screen->options.compression, &piece->png);
}

static void on_encoded(void *arg)
{
    struct update_piece *piece = arg;
    struct update_job *job = piece->job;

    job->screen->pending--;
    if (piece->error == 0 && piece->snapshot.hash != 0)
        screen_recent_store(job->screen, piece->snapshot.hash, piece->png);
    if (--job->waiting == 0)
        finish(job);
}

static int add_piece(struct update_job *job, const struct frame *frame, const struct frame_rect *rect)
{
    struct update_piece *piece;
    int pixels = rect->w * rect->h, r;

    if (job->count == JOB_PIECES)
        return -EMSGSIZE;
    piece = &job->piece[job->count];
    r = snapshot_init(&piece->snapshot, frame, rect);
    if (r < 0)
        return r;
    piece->job = job;
    if (pixels < CACHE_MIN_PIXELS || pixels > CACHE_MAX_PIXELS || piece->snapshot.solid)
        piece->snapshot.hash = 0;
    job->count++;
    return 0;
}

static int add_rect(struct update_job *job, const struct frame *frame, const struct frame_rect *rect)
{
    int rows = MAX(PIECE_PIXELS / rect->w, 1), r = 0;

    for (int y = 0; r == 0 && y < rect->h; y += rows) {
        struct frame_rect band = {rect->x, rect->y + y, rect->w, MIN(rows, rect->h - y)};

        r = add_piece(job, frame, &band);
    }
    return r;
}

static void start_piece(struct update_job *job, struct update_piece *piece)
{
    uint64_t hash = piece->snapshot.hash;

    if (piece->snapshot.solid)
        return;
    if (hash != 0 && region_cache_use(job->viewer->cache, hash)) {
        piece->cached = true;
        return;
    }
    if (hash != 0 && (piece->png = screen_recent_find(job->screen, hash)))
        return;
    if (loop_work(job->screen->options.loop, on_worker, on_encoded, piece) < 0) {
        on_worker(piece); /* the workers have more than enough to do: their work is done here */
        return;
    }
    job->waiting++;
    job->screen->pending++;
}

int update_job_start(struct viewer *viewer, const pixman_region32_t *region, bool full)
{
    struct update_job *job = xcalloc(1, sizeof(*job));
    const struct frame *frame = source_frame(viewer->screen->options.source);
    struct frame_rect rects[JOB_RECTS];
    size_t count = damage_rects(region, rects, JOB_RECTS, RECT_WASTE);
    int r = 0;

    job->screen = viewer->screen;
    job->viewer = viewer;
    job->full = full;
    job->width = frame->width;
    job->height = frame->height;
    job->time_us = viewer->screen->captured_us;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_rect(job, frame, &rects[i]);
    if (r < 0) {
        update_job_free(job);
        return r;
    }
    viewer->job = job;
    for (size_t i = 0; i < job->count; i++)
        start_piece(job, &job->piece[i]);
    if (job->waiting == 0)
        finish(job);
    return 0;
}
