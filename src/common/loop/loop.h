/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one event loop of a process (libuv behind it). Nothing here is thread-safe but loop_post: all calls
 * come from the loop's thread. Destroying a handle from inside its own callback is allowed. */
#ifndef ISTHMUS_LOOP_LOOP_H
#define ISTHMUS_LOOP_LOOP_H

#include "base/util.h"

struct loop;
struct loop_timer;
struct loop_poll;
struct loop_signal;
struct loop_child;
struct loop_work;

int loop_create(struct loop **ret_loop);
/* All handles must have been destroyed. Waits for work that is with the workers and runs its done().
 * NULL-safe. */
void loop_destroy(struct loop *loop);
/* Runs until loop_stop; 0. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* The uv_loop_t itself. */
void *loop_native(struct loop *loop);

/* Calls fn(arg) on the loop's thread soon. Thread-safe; also the way to put work off to the next turn. Posts
 * still queued at loop_destroy are dropped. */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);

/* A timer starts stopped. */
int loop_timer_create(struct loop *loop, void (*fn)(void *arg), void *arg, struct loop_timer **ret_timer);
/* Fires once after delay_ms, then every repeat_ms when that is not 0. Starting again moves it. */
void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
struct loop_timer *loop_timer_destroy(struct loop_timer *timer); /* NULL-safe; returns NULL */

#define LOOP_READ 1
#define LOOP_WRITE 2

/* Watches a descriptor it does not own, and makes it non-blocking; -EEXIST when it is watched already. fn
 * gets the ready mask; an error or hang-up counts as ready for what was asked. Destroy the poll before
 * closing the descriptor. */
int loop_poll_create(struct loop *loop, int fd, int events, void (*fn)(void *arg, int ready), void *arg,
                     struct loop_poll **ret_poll);
void loop_poll_set(struct loop_poll *poll, int events); /* 0 pauses */
struct loop_poll *loop_poll_destroy(struct loop_poll *poll);

int loop_signal_create(struct loop *loop, int signum, void (*fn)(void *arg, int signum), void *arg,
                       struct loop_signal **ret_signal);
struct loop_signal *loop_signal_destroy(struct loop_signal *sig);

/* Waits for a child process; -ECHILD when it is none of ours or collected already. fn, never called from
 * inside this function, gets the wait status once, after that the handle is spent and still to be destroyed.
 */
int loop_child_create(struct loop *loop, pid_t pid, void (*fn)(void *arg, int wait_status), void *arg,
                      struct loop_child **ret_child);
struct loop_child *loop_child_destroy(struct loop_child *child);
/* From now on reaps orphans that land here because this process is a subreaper; children without a loop_child
 * are collected too, so create it in the same turn as the process. */
void loop_reap_orphans(struct loop *loop);

/* Runs work(arg) on a worker thread, then done(arg) on the loop's thread. At most LOOP_WORK_MAX are queued:
 * -EAGAIN past that. */
#define LOOP_WORK_MAX 1024
int loop_work(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);

/* A uv_loop_t of its own for a library that needs one (libwebsockets), driven by this loop. */
struct loop_guest;
int loop_guest_create(struct loop *loop, struct loop_guest **ret_guest);
/* The uv_loop_t. */
void *loop_guest_native(struct loop_guest *guest);
/* The guest's handles were changed from outside its own callbacks: it runs in the next turn. */
void loop_guest_kick(struct loop_guest *guest);
/* Inside one of its callbacks. */
bool loop_guest_running(const struct loop_guest *guest);
/* Runs the guest until nothing is left in it: true, or false when something stays. Not inside one of its
 * callbacks. */
bool loop_guest_settle(struct loop_guest *guest);
struct loop_guest *loop_guest_destroy(struct loop_guest *guest); /* NULL-safe; returns NULL */

#endif
