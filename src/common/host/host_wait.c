/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whoever waits until a session can be used, and how long a start may take. */
#include <utlist.h>

#include "host/host_priv.h"

/* From the launch on, and for those who wait while a streamer is replaced. */
void host_wait_arm(struct host_session *session)
{
    const struct config *config = session->host->config;
    if (session->start_timed || session->host->closed)
        return;
    session->start_timed = true;
    loop_timer_start(session->start_timer, (uint64_t)config_int(config, "isthmus.startTimeoutMs"), 0);
}

/* Those who come while the others are told wait anew. */
void host_wait_answer(struct host_session *session, int result)
{
    struct host_waiter *list = session->waiters, *waiter, *next;
    session->waiters = NULL;
    session->start_timed = false;
    loop_timer_stop(session->start_timer);
    DL_FOREACH_SAFE(list, waiter, next)
    {
        DL_DELETE(list, waiter);
        waiter->fn(waiter->arg, session, result);
        free(waiter);
    }
}

static bool never_came_up(const struct host_session *session)
{
    int status = session->record.status;
    return status == SESSION_TO_START || status == SESSION_STARTING ||
           (status == SESSION_CREATED && session->running);
}

void host_wait_timer(void *arg)
{
    struct host_session *session = arg;
    session->start_timed = false;
    struct host_waiter *late = session->waiters;
    session->waiters = NULL; /* they hear that it took too long, not how that ended it */
    if (never_came_up(session))
        (void)host_session_event(session, SESSION_EV_START_FAILED, "streamer_failed");
    DL_CONCAT(late, session->waiters);
    session->waiters = late;
    host_wait_answer(session, -ETIMEDOUT);
}

static bool can_be_used(const struct host_session *session)
{
    struct pool_slot_info slot;
    return session->record.status == SESSION_READY &&
           pool_find(session->host->pool, session->record.session_id, &slot) == 0 && slot.ready;
}

void host_session_wait(struct host_session *session,
                       void (*fn)(void *arg, struct host_session *session, int result), void *arg)
{
    if (session->host->closed || !session_status_is_alive(session->record.status)) {
        fn(arg, session, session->host->closed ? -EBUSY : -ECANCELED);
        return;
    }
    if (can_be_used(session)) {
        fn(arg, session, 0);
        return;
    }
    struct host_waiter *waiter = xcalloc(1, sizeof *waiter);
    waiter->fn = fn;
    waiter->arg = arg;
    DL_APPEND(session->waiters, waiter);
    host_wait_arm(session);
}
