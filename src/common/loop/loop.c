/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop itself, posts from other threads and the worker pool. */
#include "loop/loop_priv.h"

#include <signal.h>
#include <stdlib.h>

#define LOOP_WORKERS "8" /* password hashing, the database and the encoders must not wait for one another */

static void on_async(uv_async_t *async)
{
    struct loop *loop = CONTAINER_OF(async, struct loop, async);
    struct loop_post_item *item;

    pthread_mutex_lock(&loop->lock);
    item = loop->first;
    loop->first = loop->last = NULL;
    pthread_mutex_unlock(&loop->lock);
    /* What these post in turn comes in the next turn, after other events have had theirs. */
    while (item) {
        struct loop_post_item *next = item->next;

        item->fn(item->arg);
        free(item);
        item = next;
    }
}

int loop_create(struct loop **ret_loop)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    int r;

    /* splice and OpenSSL have no flag for it: a peer that went away is an error to handle, never a signal. */
    signal(SIGPIPE, SIG_IGN);
    setenv("UV_THREADPOOL_SIZE", LOOP_WORKERS, 0);
    r = uv_loop_init(&loop->uv);
    if (r < 0) {
        free(loop);
        return r;
    }
    r = uv_async_init(&loop->uv, &loop->async, on_async);
    if (r < 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return r;
    }
    pthread_mutex_init(&loop->lock, NULL);
    *ret_loop = loop;
    return 0;
}

/* A handle that its owner forgot would keep the loop alive for ever; closing it turns a hang into a leak that
 * the tests find. */
static void close_leftover(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Under the lock, because a worker that is still busy may post. */
static void close_all(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    uv_walk(&loop->uv, close_leftover, NULL);
    pthread_mutex_unlock(&loop->lock);
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    close_all(loop);
    /* Runs the close callbacks, and the done callbacks of work that is still with the workers. */
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0 || uv_loop_close(&loop->uv) == UV_EBUSY)
        close_all(loop);
    while (loop->first) {
        struct loop_post_item *item = loop->first;

        loop->first = item->next;
        free(item);
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

int loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return 0;
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

void *loop_native(struct loop *loop)
{
    return &loop->uv;
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct loop_post_item *item = xcalloc(1, sizeof(*item));

    item->fn = fn;
    item->arg = arg;
    pthread_mutex_lock(&loop->lock);
    if (loop->last)
        loop->last->next = item;
    else
        loop->first = item;
    loop->last = item;
    /* Inside the lock: whoever destroys the loop after taking this item knows that the poster no longer
     * touches the handle. While the loop is being destroyed the handle is closing and the item is dropped. */
    if (!uv_is_closing((uv_handle_t *)&loop->async))
        uv_async_send(&loop->async);
    pthread_mutex_unlock(&loop->lock);
}

struct loop_work {
    uv_work_t uv;
    struct loop *loop;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void on_work(uv_work_t *uv)
{
    struct loop_work *w = CONTAINER_OF(uv, struct loop_work, uv);

    w->work(w->arg);
}

static void on_work_done(uv_work_t *uv, int status)
{
    struct loop_work *w = CONTAINER_OF(uv, struct loop_work, uv);

    (void)status; /* only cancellation sets it, and nothing here is ever cancelled */
    w->loop->work_count--;
    w->done(w->arg);
    free(w);
}

int loop_work(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct loop_work *w;
    int r;

    if (loop->work_count >= LOOP_WORK_MAX)
        return -EAGAIN;
    w = xcalloc(1, sizeof(*w));
    w->loop = loop;
    w->work = work;
    w->done = done;
    w->arg = arg;
    r = uv_queue_work(&loop->uv, &w->uv, on_work, on_work_done);
    if (r < 0) {
        free(w);
        return r;
    }
    loop->work_count++;
    return 0;
}
