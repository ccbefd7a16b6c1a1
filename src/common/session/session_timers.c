/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/session_timers.h"

/* Keeps the earliest; of two at the same time the one that was offered first. */
static void offer(struct session_due *due, int64_t at, enum session_event event, const char *reason)
{
    if (at < due->at)
        *due = (struct session_due){.at = at, .event = event, .reason = reason};
}

/* Rule 1: the time limit, and the warning before it. Only for an owner who was there once. */
static void offer_time_limit(const struct session_presence *p, const struct session_timer_limits *limits,
                             struct session_due *due)
{
    if (!p->ever_seen || p->time_limit == 0)
        return;
    int64_t warning = p->time_limit - limits->warning;
    if (limits->warning > 0 && !p->warned && warning < due->at)
        *due = (struct session_due){
            .at = warning, .warn = true, .event = SESSION_EV_TIME_LIMIT, .reason = "timeout"};
    offer(due, p->time_limit, SESSION_EV_TIME_LIMIT, "timeout");
}

/* Rule 2: an owner who polls has stopped. An attached browser polls all the time. */
static void offer_silence(const struct session_presence *p, const struct session_timer_limits *limits,
                          struct session_due *due)
{
    if (!p->legacy || limits->silence == 0 || p->browsers > 0)
        return;
    int64_t last = MAX(p->status_since, MAX(p->last_poll, p->browser_gone));
    offer(due, last + limits->silence, SESSION_EV_OWNER_GONE, "kma");
}

/* Until when a presence that went at that time may come back; 0: it was not there since the session is ready.
 * Without a limit it may come back for ever. */
static int64_t grace(const struct session_presence *p, int64_t gone, int64_t limit)
{
    if (gone == 0 || gone < p->status_since)
        return 0;
    return limit == 0 ? INT64_MAX : gone + limit;
}

/* Rule 4: no SSH link and no browser. */
static void offer_absence(const struct session_presence *p, const struct session_timer_limits *limits,
                          struct session_due *due)
{
    if (p->links > 0 || p->browsers > 0)
        return;
    int64_t link = grace(p, p->link_gone, limits->link_loss);
    int64_t browser = grace(p, p->browser_gone, limits->browser_gone);
    int64_t at = MAX(link, browser);
    if (at == 0 && limits->first_seen == 0)
        return;
    if (at == 0)
        at = p->status_since + limits->first_seen;
    offer(due, at, SESSION_EV_OWNER_GONE, p->ever_seen ? "exit" : "ssh");
}

void session_timers_next(const struct session_presence *presence, const struct session_timer_limits *limits,
                         struct session_due *ret_due)
{
    const struct session_presence *p = presence;
    *ret_due = (struct session_due){.at = INT64_MAX};
    switch (p->status) {
    case SESSION_CREATED:
        if (limits->not_started > 0)
            offer(ret_due, p->status_since + limits->not_started, SESSION_EV_OWNER_GONE, "timeout");
        break;
    case SESSION_READY:
        offer_time_limit(p, limits, ret_due);
        offer_silence(p, limits, ret_due);
        offer_absence(p, limits, ret_due);
        break;
    case SESSION_SUSPENDING:
    case SESSION_SUSPENDED:
    case SESSION_TO_RESTORE:
        offer_time_limit(p, limits, ret_due);
        if (p->status == SESSION_SUSPENDED && limits->suspended > 0)
            offer(ret_due, p->status_since + limits->suspended, SESSION_EV_KILL, "timeout");
        break;
    default:
        break;
    }
}
