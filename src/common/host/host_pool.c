/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pool tells. */
#include "base/log.h"
#include "base/str.h"
#include "host/host_priv.h"

static void on_launched(void *arg, const char *id)
{
    struct host_session *session = host_session_find(arg, id);
    if (session && session->record.status == SESSION_TO_START)
        (void)host_session_event(session, SESSION_EV_LAUNCHED, NULL);
}

static void on_ready(void *arg, const char *id)
{
    struct host_session *session = host_session_find(arg, id);
    if (!session || !session_status_is_alive(session->record.status))
        return;
    /* A host that was killed may have left its journal some steps behind. */
    host_session_catch_up(session);
    (void)host_session_event(session, SESSION_EV_DISPLAY_READY, NULL);
    if (session_status_is_alive(session->record.status))
        host_tell_display(session);
    if (session->record.status == SESSION_READY)
        host_wait_answer(session, 0);
}

static void on_viewers(void *arg, const char *id, int viewers, int owners)
{
    struct host_session *session = host_session_find(arg, id);
    (void)viewers;
    if (session)
        host_presence_browsers(session, (unsigned)MAX(owners, 0));
}

static enum session_event event_of_end(const struct host_session *session, const char *reason)
{
    int status = session->record.status;
    if (str_eq(reason, "exit"))
        return SESSION_EV_EXIT;
    if (str_eq(reason, "kill") || str_eq(reason, "timeout"))
        return SESSION_EV_KILL;
    return status == SESSION_CREATED || status == SESSION_TO_START || status == SESSION_STARTING
               ? SESSION_EV_START_FAILED
               : SESSION_EV_LOST;
}

static void on_ending(void *arg, const char *id, const char *reason)
{
    struct host_session *session = host_session_find(arg, id);
    /* Host-initiated ends are in state 3 already. */
    if (session && session_status_is_alive(session->record.status))
        (void)host_session_event(session, event_of_end(session, reason), reason);
}

static void on_ended(void *arg, const char *id, const char *reason)
{
    struct host_session *session = host_session_find(arg, id);
    log_event(LOG_LEVEL_INFO, id, "cleaned up: %s", reason);
    if (session && session->record.status != SESSION_DESTROYED)
        (void)host_session_event(session, SESSION_EV_CLEANED, NULL);
}

static void on_broken(void *arg, unsigned slot, const char *cause)
{
    (void)arg;
    (void)slot;
    log_error("%s", cause);
}

static void on_instance_ready(void *arg, const char *id, const char *instance)
{
    struct host_sessions *host = arg;
    struct host_session *session = host_session_find(host, id);
    for (size_t i = 0; session && i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->instance_ready)
            to->events->instance_ready(to->arg, session, instance);
    }
}

static void on_instance_ended(void *arg, const char *id, const char *instance, const char *reason)
{
    struct host_sessions *host = arg;
    struct host_session *session = host_session_find(host, id);
    for (size_t i = 0; session && i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->instance_ended)
            to->events->instance_ended(to->arg, session, instance, reason);
    }
}

static void on_joined(void *arg, const char *id, const char *instance, const char *participant)
{
    struct host_sessions *host = arg;
    struct host_session *session = host_session_find(host, id);
    for (size_t i = 0; session && i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->joined)
            to->events->joined(to->arg, session, instance, participant);
    }
}

static void on_left(void *arg, const char *id, const char *instance, const char *participant)
{
    struct host_sessions *host = arg;
    struct host_session *session = host_session_find(host, id);
    for (size_t i = 0; session && i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->left)
            to->events->left(to->arg, session, instance, participant);
    }
}

const struct pool_events host_pool_events = {.launched = on_launched,
                                             .ready = on_ready,
                                             .viewers = on_viewers,
                                             .ending = on_ending,
                                             .ended = on_ended,
                                             .broken = on_broken,
                                             .instance_ready = on_instance_ready,
                                             .instance_ended = on_instance_ended,
                                             .joined = on_joined,
                                             .left = on_left};
