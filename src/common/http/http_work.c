/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deferred answers and handlers on worker threads. */
#include <pthread.h>

#include "http/http_priv.h"

/* Lets http_server_destroy wait for the handlers that run, because they use the server's ctx. */
struct http_gate {
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    unsigned running;
    bool closed;
    unsigned refs; /* counted on the loop's thread */
};

struct http_gate *http__gate_new(void)
{
    struct http_gate *gate = xcalloc(1, sizeof *gate);
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->idle, NULL);
    gate->refs = 1;
    return gate;
}

struct http_gate *http__gate_ref(struct http_gate *gate)
{
    gate->refs++;
    return gate;
}

void http__gate_unref(struct http_gate *gate)
{
    if (--gate->refs > 0)
        return;
    pthread_mutex_destroy(&gate->mutex);
    pthread_cond_destroy(&gate->idle);
    free(gate);
}

void http__gate_close(struct http_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->closed = true;
    while (gate->running > 0)
        pthread_cond_wait(&gate->idle, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static bool gate_enter(struct http_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    bool open = !gate->closed;
    gate->running += open;
    pthread_mutex_unlock(&gate->mutex);
    return open;
}

static void gate_leave(struct http_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    if (--gate->running == 0)
        pthread_cond_broadcast(&gate->idle);
    pthread_mutex_unlock(&gate->mutex);
}

void http__owe(struct http_request *r)
{
    if (r->owed || r->status != 0)
        return;
    r->owed = true;
    r->refs++;
}

void http_defer(struct http_request *r)
{
    if (!r->on_worker)
        http__owe(r);
}

static void run_on_worker(void *arg)
{
    struct http_request *r = arg;
    if (!gate_enter(r->gate))
        return;
    r->work(r, r->ctx);
    gate_leave(r->gate);
}

static void continue_on_loop(void *arg)
{
    struct http_request *r = arg;
    void (*then)(struct http_request *, void *) = r->then;
    r->then = NULL;
    if (then && r->server)
        then(r, r->ctx);
    else if (r->status == 0) /* a handler without an answer, or a server that is gone */
        http_answer_error(r, 500, "internal", "no answer was made");
    http__request_unref(r);
}

/* The worker is done; the reference taken in http_work is handed on. */
static void worker_done(void *arg)
{
    struct http_request *r = arg;
    r->on_worker = false;
    if (r->status != 0 && !r->then) {
        http__finish(r);
        http__request_unref(r);
        return;
    }
    continue_on_loop(r);
}

void http_work(struct http_request *r, void (*fn)(struct http_request *r, void *ctx))
{
    if (r->on_worker || r->status != 0)
        return;
    http__owe(r);
    r->work = fn;
    r->refs++;
    r->on_worker = true;
    if (loop_work(r->loop, run_on_worker, worker_done, r) == 0)
        return;
    r->on_worker = false;
    http_answer_error(r, 503, "busy", "too much is waiting to be done, try again");
    http__request_unref(r);
}

void http_on_loop(struct http_request *r, void (*fn)(struct http_request *r, void *ctx))
{
    r->then = fn;
    if (r->on_worker)
        return;
    http__owe(r);
    r->refs++;
    loop_post(r->loop, continue_on_loop, r);
}
