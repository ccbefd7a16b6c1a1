/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owners that ask about an instance no more: one timer for all instances of the server. */
#include "base/clock.h"
#include "base/log.h"
#include "ovd/application_server/aps_priv.h"

#include <utlist.h>

static uint64_t silence_ms(const struct aps *aps)
{
    return (uint64_t)config_int(aps->s.config, "ovd.connectionTimeoutMs");
}

/* A desktop is looked after by the session's own rules. */
static bool is_watched(const struct aps_session *session, const struct aps_instance *instance)
{
    return (instance->own_display || session->mode == OVD_MODE_EXTERNAL) &&
           instance->status == APS_INSTANCE_READY && aps_session_status(session) == SESSION_READY;
}

static void on_clock(void *arg);

void aps_instances_watch(struct aps *aps)
{
    const struct aps_session *session, *next;
    const struct aps_instance *instance;
    uint64_t now = clock_monotonic_ms(NULL), due = UINT64_MAX;
    HASH_ITER(hh_id, aps->by_id, session, next)
    {
        DL_FOREACH(session->instances, instance)
        {
            if (is_watched(session, instance))
                due = MIN(due, instance->polled_ms + silence_ms(aps));
        }
    }
    if (due == UINT64_MAX || aps->stopping)
        return;
    if (!aps->instance_timer && loop_timer_create(aps->s.loop, on_clock, aps, &aps->instance_timer) < 0)
        return;
    loop_timer_start(aps->instance_timer, due > now ? due - now : 0, 0);
}

static void leave_silent(struct aps_session *session, uint64_t now)
{
    struct aps_instance *instance, *next;
    DL_FOREACH_SAFE(session->instances, instance, next)
    {
        /* Browsers show the session's own display: who has one open need not ask. */
        if (!instance->own_display && host_session_browsers(session->host) > 0)
            instance->polled_ms = now;
        if (!is_watched(session, instance) || instance->polled_ms + silence_ms(session->aps) > now)
            continue;
        log_event(LOG_LEVEL_INFO, host_session_id(session->host), "application %s: its owner asks no more",
                  instance->id);
        bool last = !instance->own_display; /* its end is the session's, and that of all instances */
        (void)aps_instance_feed(session, instance, APS_EV_LEFT);
        if (last)
            return;
    }
}

static void on_clock(void *arg)
{
    struct aps *aps = arg;
    struct aps_session *session, *next;
    uint64_t now = clock_monotonic_ms(NULL);
    HASH_ITER(hh_id, aps->by_id, session, next)
    leave_silent(session, now);
    aps_instances_watch(aps);
}

void aps_instance_polled(struct aps_session *session, const char *id)
{
    struct aps_instance *instance = aps_instance_find(session, id ? id : "desktop");
    if (instance)
        instance->polled_ms = clock_monotonic_ms(NULL);
}

void aps_instances_close(struct aps *aps)
{
    aps->instance_timer = loop_timer_destroy(aps->instance_timer);
}
