/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers, descriptors and signals. libuv lets go of a handle only in the close callback, one turn after
 * uv_close: the memory is freed there, which is also what makes destroying a handle inside its own callback
 * safe. */
#include "loop/loop_priv.h"

struct loop_timer {
    uv_timer_t uv;
    void (*fn)(void *arg);
    void *arg;
};

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *timer = CONTAINER_OF(uv, struct loop_timer, uv);

    timer->fn(timer->arg);
}

int loop_timer_create(struct loop *loop, void (*fn)(void *arg), void *arg, struct loop_timer **ret_timer)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));
    int r = uv_timer_init(&loop->uv, &timer->uv);

    if (r < 0) {
        free(timer);
        return r;
    }
    timer->fn = fn;
    timer->arg = arg;
    *ret_timer = timer;
    return 0;
}

void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
    /* The loop's idea of now is the start of this turn; after a long callback the timer would fire early. */
    uv_update_time(timer->uv.loop);
    uv_timer_start(&timer->uv, on_timer, delay_ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct loop_timer, uv));
}

struct loop_timer *loop_timer_destroy(struct loop_timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
    return NULL;
}

struct loop_poll {
    uv_poll_t uv;
    int events;       /* what the owner wants now */
    unsigned changes; /* how often loop_poll_set was called */
    void (*fn)(void *arg, int ready);
    void *arg;
};

static void poll_apply(struct loop_poll *poll);

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct loop_poll *poll = CONTAINER_OF(uv, struct loop_poll, uv);
    unsigned changes = poll->changes;

    if (status >= 0) {
        int ready = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);

        if (ready & poll->events)
            poll->fn(poll->arg, ready & poll->events);
        return;
    }
    /* An error on the descriptor: libuv has stopped the watch. The owner meets the error in its next read or
     * write; should it go on without that, the watch goes on too, as it would with plain epoll. */
    poll->fn(poll->arg, poll->events);
    if (!uv_is_closing((uv_handle_t *)uv) && poll->changes == changes)
        poll_apply(poll);
}

static void poll_apply(struct loop_poll *poll)
{
    int events = (poll->events & LOOP_READ ? UV_READABLE : 0) | (poll->events & LOOP_WRITE ? UV_WRITABLE : 0);

    if (events)
        uv_poll_start(&poll->uv, events, on_poll);
    else
        uv_poll_stop(&poll->uv);
}

int loop_poll_create(struct loop *loop, int fd, int events, void (*fn)(void *arg, int ready), void *arg,
                     struct loop_poll **ret_poll)
{
    struct loop_poll *poll = xcalloc(1, sizeof(*poll));
    int r = uv_poll_init(&loop->uv, &poll->uv, fd);

    if (r < 0) {
        free(poll);
        return r;
    }
    poll->fn = fn;
    poll->arg = arg;
    poll->events = events;
    poll_apply(poll);
    *ret_poll = poll;
    return 0;
}

void loop_poll_set(struct loop_poll *poll, int events)
{
    poll->changes++;
    if (poll->events == events && uv_is_active((uv_handle_t *)&poll->uv) == (events != 0))
        return;
    poll->events = events;
    poll_apply(poll);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct loop_poll, uv));
}

struct loop_poll *loop_poll_destroy(struct loop_poll *poll)
{
    if (poll)
        uv_close((uv_handle_t *)&poll->uv, on_poll_closed);
    return NULL;
}

struct loop_signal {
    uv_signal_t uv;
    void (*fn)(void *arg, int signum);
    void *arg;
};

static void on_signal(uv_signal_t *uv, int signum)
{
    struct loop_signal *sig = CONTAINER_OF(uv, struct loop_signal, uv);

    sig->fn(sig->arg, signum);
}

static void on_signal_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct loop_signal, uv));
}

int loop_signal_create(struct loop *loop, int signum, void (*fn)(void *arg, int signum), void *arg,
                       struct loop_signal **ret_signal)
{
    struct loop_signal *sig = xcalloc(1, sizeof(*sig));
    int r = uv_signal_init(&loop->uv, &sig->uv);

    if (r < 0) {
        free(sig);
        return r;
    }
    sig->fn = fn;
    sig->arg = arg;
    r = uv_signal_start(&sig->uv, on_signal, signum);
    if (r < 0) {
        uv_close((uv_handle_t *)&sig->uv, on_signal_closed);
        return r;
    }
    *ret_signal = sig;
    return 0;
}

struct loop_signal *loop_signal_destroy(struct loop_signal *sig)
{
    if (sig)
        uv_close((uv_handle_t *)&sig->uv, on_signal_closed);
    return NULL;
}
