/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_LOOP_PRIV_H
#define ISTHMUS_LOOP_PRIV_H

#include <pthread.h>
#include <uv.h>

#include "loop/loop.h"

struct loop_post_item {
    void (*fn)(void *arg);
    void *arg;
    struct loop_post_item *next;
};

struct loop {
    uv_loop_t uv;
    uv_async_t async;
    pthread_mutex_t lock; /* guards first and last */
    struct loop_post_item *first, *last;
    size_t work_count;
    uv_signal_t sigchld;
    bool sigchld_open;
    bool reap_all;               /* loop_reap_orphans was called */
    struct loop_child *children; /* utlist, in order of creation */
};

/* libuv's error numbers on Linux are negative errno values already. */

#endif
