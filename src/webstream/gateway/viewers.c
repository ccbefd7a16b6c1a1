/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number of viewers of each session, written off the loop. One batch at a time: a leave must not overtake
 * its arrival. */
#include <utlist.h>

#include "webstream/gateway/gateway_priv.h"

struct viewer_change {
    char session_id[SECRET_ID_LEN];
    int delta;
    struct viewer_change *next;
};

struct batch {
    struct gateway *gateway;
    struct viewer_change *changes;
};

static void free_changes(struct viewer_change *changes)
{
    struct viewer_change *change, *next;
    LL_FOREACH_SAFE(changes, change, next)
    {
        free(change);
    }
}

static void write_batch(void *arg)
{
    struct batch *batch = arg;
    const struct viewer_change *change;
    /* A session that is forgotten meanwhile needs no count; when the store fails the count is only less
     * exact. */
    LL_FOREACH(batch->changes, change)
    {
        (void)session_broker_viewers(batch->gateway->broker, change->session_id, change->delta);
    }
}

static void write_next(struct gateway *g);

static void on_written(void *arg)
{
    struct batch *batch = arg;
    struct gateway *g = batch->gateway;
    free_changes(batch->changes);
    free(batch);
    g->viewers_busy = false;
    write_next(g);
}

static void write_next(struct gateway *g)
{
    if (g->viewers_busy || !g->viewer_changes)
        return;
    struct batch *batch = xcalloc(1, sizeof(*batch));
    *batch = (struct batch){.gateway = g, .changes = g->viewer_changes};
    if (loop_work(g->loop, write_batch, on_written, batch) < 0) {
        free(batch); /* the workers are full: with the next change */
        return;
    }
    g->viewer_changes = NULL;
    g->viewers_busy = true;
}

void viewers_add(struct gateway *g, const char *session_id, int delta)
{
    struct viewer_change *change;
    LL_FOREACH(g->viewer_changes, change)
    {
        if (strcmp(change->session_id, session_id) == 0)
            break;
    }
    if (!change) {
        change = xcalloc(1, sizeof(*change));
        memcpy(change->session_id, session_id, sizeof(change->session_id));
        LL_APPEND(g->viewer_changes, change);
    }
    change->delta += delta;
    write_next(g);
}

void viewers_finish(struct gateway *g)
{
    free_changes(g->viewer_changes);
    g->viewer_changes = NULL;
}
