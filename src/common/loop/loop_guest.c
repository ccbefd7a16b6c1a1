/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A libuv loop inside the loop. A library that insists on a uv_loop_t and takes it apart over several turns
 * gets one of its own: its turns can then be run to the end at once when it is destroyed, without running
 * anybody else's. */
#include "loop/loop_priv.h"

#define SETTLE_TURNS 100

struct loop_guest {
    uv_loop_t uv;
    struct loop_poll *poll;
    struct loop_timer *timer;
    bool running;
};

static void guest_run(struct loop_guest *guest)
{
    guest->running = true;
    uv_run(&guest->uv, UV_RUN_NOWAIT);
    guest->running = false;
    int timeout = uv_backend_timeout(&guest->uv);
    if (timeout >= 0)
        loop_timer_start(guest->timer, (uint64_t)timeout, 0);
    else
        loop_timer_stop(guest->timer);
}

static void on_ready(void *arg, int ready)
{
    (void)ready;
    guest_run(arg);
}

static void on_time(void *arg)
{
    guest_run(arg);
}

int loop_guest_create(struct loop *loop, struct loop_guest **ret_guest)
{
    struct loop_guest *guest = xcalloc(1, sizeof(*guest));
    int r = uv_loop_init(&guest->uv);

    if (r < 0) {
        free(guest);
        return r;
    }
    r = loop_timer_create(loop, on_time, guest, &guest->timer);
    if (r == 0)
        r = loop_poll_create(loop, uv_backend_fd(&guest->uv), LOOP_READ, on_ready, guest, &guest->poll);
    if (r < 0) {
        loop_guest_destroy(guest);
        return r;
    }
    *ret_guest = guest;
    return 0;
}

void *loop_guest_native(struct loop_guest *guest)
{
    return &guest->uv;
}

void loop_guest_kick(struct loop_guest *guest)
{
    if (!guest->running) /* else guest_run looks again by itself */
        loop_timer_start(guest->timer, 0, 0);
}

bool loop_guest_running(const struct loop_guest *guest)
{
    return guest->running;
}

bool loop_guest_settle(struct loop_guest *guest)
{
    int left = 1;

    for (int i = 0; i < SETTLE_TURNS && left; i++)
        left = uv_run(&guest->uv, UV_RUN_NOWAIT);
    return !left;
}

static void close_leftover(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

struct loop_guest *loop_guest_destroy(struct loop_guest *guest)
{
    if (!guest)
        return NULL;
    loop_poll_destroy(guest->poll);
    loop_timer_destroy(guest->timer);
    uv_walk(&guest->uv, close_leftover, NULL);
    uv_run(&guest->uv, UV_RUN_NOWAIT);
    uv_loop_close(&guest->uv);
    free(guest);
    return NULL;
}
