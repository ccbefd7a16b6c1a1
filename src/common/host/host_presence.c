/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The owner's presence, and what time alone does to a session (session/session_timers.h): one timer for each
 * session, set for whatever comes next. */
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "host/host_priv.h"

#define SLEEP_MAX_MS 3600000 /* the wall clock, which time limits are on, can be set meanwhile */
#define NOT_STARTED_FACTOR 3 /* spec/ovd.md C: state 0 has three times the patience */

static int64_t now_ms(void)
{
    return (int64_t)clock_monotonic_ms(NULL);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct session_presence presence_of(const struct host_session *session)
{
    const struct host_order *order = &session->order;
    return (struct session_presence){
        .status = session->record.status,
        .persistent = session->record.persistent,
        .ever_seen = session->record.ever_seen,
        .legacy = order->legacy && !order->may_be_silent,
        .warned = order->warned,
        .status_since = session->status_since,
        .links = session->links,
        .browsers = session->browsers,
        .last_poll = session->last_poll,
        .link_gone = session->link_gone,
        .browser_gone = session->browser_gone,
        .time_limit = order->time_limit ? MAX(now_ms() + order->time_limit * 1000 - wall_ms(), 1) : 0,
    };
}

static struct session_timer_limits limits_of(const struct host_session *session)
{
    const struct config *config = session->host->config;
    int64_t browser = config_int(config, "isthmus.ownerGoneMs");
    int64_t patience = config_int(config, "ovd.connectionTimeoutMs");
    int64_t warning = config_int(config, "ovd.timeLimitWarningMs");
    if (!session->order.legacy)
        return (struct session_timer_limits){.not_started = browser,
                                             .first_seen = browser,
                                             .link_loss = browser,
                                             .browser_gone = browser,
                                             .suspended = config_int(config, "isthmus.suspendedMs"),
                                             .warning = warning};
    return (struct session_timer_limits){.not_started = NOT_STARTED_FACTOR * patience,
                                         .first_seen = patience,
                                         .silence = patience,
                                         .link_loss = config_int(config, "ovd.linkLossMs"),
                                         .browser_gone = browser,
                                         .suspended = config_int(config, "ovd.suspendedMs"),
                                         .warning = warning};
}

static void what_comes(const struct host_session *session, struct session_due *ret_due)
{
    struct session_presence presence = presence_of(session);
    struct session_timer_limits limits = limits_of(session);
    session_timers_next(&presence, &limits, ret_due);
}

void host_presence_arm(struct host_session *session)
{
    struct session_due due;
    what_comes(session, &due);
    if (due.at == INT64_MAX || session->host->closed) {
        loop_timer_stop(session->life_timer);
        return;
    }
    int64_t delay = CLAMP(due.at - now_ms(), 0, SLEEP_MAX_MS);
    loop_timer_start(session->life_timer, (uint64_t)delay, 0);
}

/* Once, whether or not somebody can be told now. */
static void warn(struct host_session *session)
{
    const char *message = session->order.time_limit_message, *id = session->record.session_id;
    int r = *message ? pool_message(session->host->pool, id, message) : 0;
    session->order.warned = true;
    host_session_keep_order(session, false);
    if (r < 0)
        log_event(LOG_LEVEL_WARN, id, "its time ends soon, and its owner cannot be told: %s", strerror(-r));
    else
        log_event(LOG_LEVEL_INFO, id, "its time ends soon%s", *message ? ", and its owner is told" : "");
}

void host_presence_timer(void *arg)
{
    struct host_session *session = arg;
    struct session_due due;
    what_comes(session, &due);
    if (due.at > now_ms()) {
        host_presence_arm(session);
    } else if (due.warn) {
        warn(session);
        host_presence_arm(session);
    } else {
        const char *reason = session->order.legacy ? due.reason : "timeout";
        (void)host_session_event(session, due.event, reason);
    }
}

const char *host_presence_cause(const struct host_session *session, enum session_event event, const char *due)
{
    if (event == SESSION_EV_SUSPEND)
        return "asked";
    if (event != SESSION_EV_OWNER_GONE)
        return "";
    if (str_eq(due, "kma"))
        return "kma";
    if (MAX(session->link_gone, session->browser_gone) < session->status_since)
        return "ssh"; /* nobody has come since it is ready */
    return session->link_gone > session->browser_gone ? "link_loss" : "browser_gone";
}

/* What was seen counts in state 2 only (spec/ovd.md 5.1: "ever ran"). */
static void note_presence(struct host_session *session)
{
    if (session->record.status == SESSION_READY && session->links + session->browsers > 0 &&
        !session->record.ever_seen)
        (void)host_session_event(session, SESSION_EV_OWNER_SEEN, NULL);
}

void host_presence_status(struct host_session *session)
{
    session->status_since = now_ms();
    note_presence(session);
    host_presence_arm(session);
}

void host_presence_browsers(struct host_session *session, unsigned browsers)
{
    bool came = browsers > 0 && session->browsers == 0;
    bool went = browsers == 0 && session->browsers > 0;
    session->browsers = browsers;
    if (went)
        session->browser_gone = now_ms();
    if (!came && !went)
        return;
    log_event(LOG_LEVEL_INFO, session->record.session_id, came ? "the owner is there" : "the owner is gone");
    if (came && session->record.status == SESSION_SUSPENDED)
        (void)host_session_event(session, SESSION_EV_RESUME, NULL);
    note_presence(session);
    host_presence_arm(session);
}

void host_session_links(struct host_session *session, unsigned links)
{
    if (links == session->links)
        return;
    if (links == 0)
        session->link_gone = now_ms();
    session->links = links;
    note_presence(session);
    host_presence_arm(session);
}

/* The timer finds out by itself that there is more time now: a poll costs nothing. */
void host_session_polled(struct host_session *session)
{
    if (session->record.status == SESSION_READY)
        session->last_poll = now_ms();
}
