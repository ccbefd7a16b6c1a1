/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sessions of this host. Every change of status goes through the table of session/session_state.h; what
 * the table says is done here, and each change is written to the journal, logged and reported. */
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "webstream/session_host/host_priv.h"

struct hosted *host_session_find(struct host *host, const char *id)
{
    struct hosted *session;
    HASH_FIND_STR(host->sessions, id, session);
    return session;
}

static void on_presence_timer(void *arg);
static void on_start_timer(void *arg);

static struct hosted *session_new(struct host *host, const struct journal_session *record)
{
    struct hosted *session = xcalloc(1, sizeof *session);
    session->host = host;
    session->record = *record;
    if (loop_timer_create(host->loop, on_presence_timer, session, &session->presence_timer) < 0 ||
        loop_timer_create(host->loop, on_start_timer, session, &session->start_timer) < 0)
        abort(); /* timers need nothing but memory */
    HASH_ADD_STR(host->sessions, record.session_id, session);
    return session;
}

static void session_free(struct hosted *session)
{
    HASH_DEL(session->host->sessions, session);
    loop_timer_destroy(session->presence_timer);
    loop_timer_destroy(session->start_timer);
    free(session);
}

/* Answers everybody who waits for the streamer. */
static void answer_waiters(struct hosted *session,
                           void (*answer)(struct hosted *session, struct http_request *r))
{
    struct waiter *waiter, *next;
    loop_timer_stop(session->start_timer);
    DL_FOREACH_SAFE(session->waiters, waiter, next)
    {
        DL_DELETE(session->waiters, waiter);
        answer(session, waiter->request);
        free(waiter);
    }
}

static void answer_failed(struct hosted *session, struct http_request *r)
{
    cleanup_free char *message = xasprintf("The session's display could not be started (%s).",
                                           *session->record.reason ? session->record.reason : "timeout");
    http_answer_error(r, 502, "display_failed", message);
}

static void answer_ended(struct hosted *session, struct http_request *r)
{
    (void)session;
    http_answer_error(r, 410, "session_ended", "The session has ended.");
}

void host_session_wait(struct hosted *session, struct http_request *r)
{
    struct waiter *waiter = xcalloc(1, sizeof *waiter);
    http_defer(r);
    waiter->request = r;
    if (!session->waiters)
        loop_timer_start(session->start_timer,
                         (uint64_t)config_int(session->host->config, "isthmus.startTimeoutMs"), 0);
    DL_APPEND(session->waiters, waiter);
}

/* Presence: whoever is not there yet or any more has this long to come. */
static void arm_presence(struct hosted *session)
{
    const struct config *config = session->host->config;
    int status = session->record.status;
    if (status == SESSION_SUSPENDED)
        loop_timer_start(session->presence_timer, (uint64_t)config_int(config, "isthmus.suspendedMs"), 0);
    else if (status == SESSION_READY && session->owners == 0)
        loop_timer_start(session->presence_timer, (uint64_t)config_int(config, "isthmus.ownerGoneMs"), 0);
    else
        loop_timer_stop(session->presence_timer);
}

static void on_presence_timer(void *arg)
{
    struct hosted *session = arg;
    if (session->record.status == SESSION_SUSPENDED)
        host_session_event(session, SESSION_EV_KILL, "timeout");
    else if (session->owners == 0)
        host_session_event(session, SESSION_EV_OWNER_GONE, "timeout");
}

static void on_start_timer(void *arg)
{
    struct hosted *session = arg;
    int status = session->record.status;
    if (status == SESSION_CREATED || status == SESSION_TO_START || status == SESSION_STARTING)
        host_session_event(session, SESSION_EV_START_FAILED, "streamer_failed");
    answer_waiters(session, answer_failed);
}

static void log_step(const struct hosted *session, int before)
{
    const struct journal_session *record = &session->record;
    const char *was = session_status_word(before), *is = session_status_word(record->status);
    log_event(str_eq(was, is) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, record->session_id, "slot %u: %s -> %s%s%s",
              record->slot, session_status_word(before), session_status_word(record->status),
              *record->reason ? ": " : "", record->reason);
}

static void act(struct hosted *session, enum session_action action)
{
    struct host *host = session->host;
    switch (action) {
    case SESSION_ACT_PARK:
        /* The display goes on by itself and costs nothing while nobody looks. */
        host_session_event(session, SESSION_EV_SUSPENDED, NULL);
        break;
    case SESSION_ACT_UNPARK:
        host_session_event(session, SESSION_EV_RESUMED, NULL);
        break;
    case SESSION_ACT_DESTROY:
        if (pool_end(host->pool, session->record.session_id,
                     *session->record.reason ? session->record.reason : "kill") == -ENOENT)
            host_session_event(session, SESSION_EV_CLEANED, NULL);
        break;
    case SESSION_ACT_NONE:
    case SESSION_ACT_LAUNCH: /* whoever sends START has given the pool its order */
    case SESSION_ACT_FORGET: /* it stays known as ended for a day */
        break;
    }
}

void host_session_event(struct hosted *session, enum session_event event, const char *reason)
{
    struct journal_session *record = &session->record;
    struct session_step step;
    int before = record->status;
    if (session_step(before, event, record->persistent, record->ever_seen, &step) < 0) {
        log_event(LOG_LEVEL_WARN, record->session_id,
                  "\"%s\" makes no sense for a session that is %s; ignored", session_event_word(event),
                  session_status_word(before));
        return;
    }
    bool first_seen = event == SESSION_EV_OWNER_SEEN && !record->ever_seen;
    record->ever_seen |= first_seen;
    record->status = step.next;
    bool over = step.next == SESSION_TO_DESTROY || step.next == SESSION_DESTROYED;
    if (over && reason && !*record->reason)
        (void)str_copy(record->reason, sizeof record->reason, reason);
    if (step.next != before || first_seen)
        journal_put(session->host->journal, record, step.next != before);
    if (step.next != before) {
        log_step(session, before);
        arm_presence(session);
    }
    if (over && session->waiters)
        answer_waiters(session, before == SESSION_TO_START || before == SESSION_STARTING ? answer_failed
                                                                                         : answer_ended);
    act(session, step.action);
}

int host_session_start(struct host *host, const struct host_request *wanted, struct hosted **ret_session)
{
    struct pool_order order = {.session_id = wanted->session_id,
                               .username = wanted->username,
                               .app_exe = wanted->app_exe,
                               .app_mode = wanted->app_mode,
                               .app_args = wanted->app_args,
                               .width = wanted->width,
                               .height = wanted->height,
                               .max_width = wanted->max_width,
                               .max_height = wanted->max_height};
    struct pool_slot_info slot;
    int r = pool_start(host->pool, &order, &slot);
    if (r < 0)
        return r;
    struct journal_session record = {
        .slot = slot.number, .status = SESSION_TO_CREATE, .persistent = wanted->persistent};
    (void)str_copy(record.session_id, sizeof record.session_id, wanted->session_id);
    struct hosted *session = session_new(host, &record);
    log_event(LOG_LEVEL_INFO, record.session_id, "slot %u: starting %s for %s, %dx%d", slot.number,
              wanted->app_exe, wanted->username, wanted->width, wanted->height);
    host_session_event(session, SESSION_EV_ALLOCATED, NULL);
    host_session_event(session, SESSION_EV_START, NULL);
    *ret_session = session;
    return 0;
}

/* What the pool tells. */

static void on_launched(void *arg, const char *id)
{
    struct hosted *session = host_session_find(arg, id);
    if (session && session->record.status == SESSION_TO_START)
        host_session_event(session, SESSION_EV_LAUNCHED, NULL);
}

static void on_ready(void *arg, const char *id)
{
    struct hosted *session = host_session_find(arg, id);
    if (!session)
        return;
    /* A host that was killed may have left its journal some steps behind. */
    if (session->record.status == SESSION_CREATED)
        host_session_event(session, SESSION_EV_START, NULL);
    if (session->record.status == SESSION_TO_START)
        host_session_event(session, SESSION_EV_LAUNCHED, NULL);
    host_session_event(session, SESSION_EV_DISPLAY_READY, NULL);
    answer_waiters(session, host_answer_connection);
}

static void on_viewers(void *arg, const char *id, int viewers, int owners)
{
    struct hosted *session = host_session_find(arg, id);
    (void)viewers;
    if (!session)
        return;
    bool came = owners > 0 && session->owners == 0;
    bool went = owners == 0 && session->owners > 0;
    session->owners = owners;
    if (came) {
        if (session->record.status == SESSION_SUSPENDED)
            host_session_event(session, SESSION_EV_RESUME, NULL);
        host_session_event(session, SESSION_EV_OWNER_SEEN, NULL);
    }
    if (came || went) {
        log_event(LOG_LEVEL_INFO, id, came ? "the owner is there" : "the owner is gone");
        arm_presence(session);
    }
}

static enum session_event event_of_end(const struct hosted *session, const char *reason)
{
    int status = session->record.status;
    if (str_eq(reason, "exit"))
        return SESSION_EV_EXIT;
    if (str_eq(reason, "kill") || str_eq(reason, "timeout"))
        return SESSION_EV_KILL;
    return status == SESSION_TO_START || status == SESSION_STARTING ? SESSION_EV_START_FAILED
                                                                    : SESSION_EV_LOST;
}

static void on_ending(void *arg, const char *id, const char *reason)
{
    struct hosted *session = host_session_find(arg, id);
    /* Host-initiated ends are in state 3 already. */
    if (session && session_status_is_alive(session->record.status))
        host_session_event(session, event_of_end(session, reason), reason);
}

static void on_ended(void *arg, const char *id, const char *reason)
{
    struct host *host = arg;
    struct hosted *session = host_session_find(host, id);
    log_event(LOG_LEVEL_INFO, id, "cleaned up: %s", reason);
    if (session && session->record.status != SESSION_DESTROYED)
        host_session_event(session, SESSION_EV_CLEANED, NULL);
}

static void on_broken(void *arg, unsigned slot, const char *cause)
{
    (void)arg;
    (void)slot;
    log_error("%s", cause);
}

const struct pool_events host_pool_events = {.launched = on_launched,
                                             .ready = on_ready,
                                             .viewers = on_viewers,
                                             .ending = on_ending,
                                             .ended = on_ended,
                                             .broken = on_broken};

/* Restart. */

void host_session_restore(void *arg, const struct journal_session *record)
{
    (void)session_new(arg, record);
}

static void on_found(void *arg, const char *id, unsigned slot)
{
    struct host *host = arg;
    struct hosted *session = host_session_find(host, id);
    if (!session) {
        /* The journal lost it; its keeper is the better witness. */
        struct journal_session record = {
            .slot = slot, .status = SESSION_STARTING, .persistent = true, .ever_seen = true};
        (void)str_copy(record.session_id, sizeof record.session_id, id);
        session = session_new(host, &record);
        journal_put(host->journal, &session->record, true);
    }
    session->record.slot = slot;
    log_event(LOG_LEVEL_INFO, id, "slot %u: found alive, %s", slot,
              session_status_word(session->record.status));
    arm_presence(session);
    if (session->record.status == SESSION_CREATED || session->record.status == SESSION_TO_START ||
        session->record.status == SESSION_STARTING)
        loop_timer_start(session->start_timer, (uint64_t)config_int(host->config, "isthmus.startTimeoutMs"),
                         0);
}

int host_session_adopt(struct host *host)
{
    int r = pool_adopt(host->pool, on_found, host);
    struct hosted *session, *next;
    HASH_ITER(hh, host->sessions, session, next)
    {
        struct pool_slot_info slot;
        int status = session->record.status;
        bool there = pool_find(host->pool, session->record.session_id, &slot) == 0;
        if (status == SESSION_DESTROYED && !there)
            continue;
        if (!session_status_is_alive(status))
            pool_end(host->pool, session->record.session_id, "kill");
        if (!there && session_status_is_alive(status))
            host_session_event(session, SESSION_EV_LOST, "lost");
        else if (!there)
            host_session_event(session, SESSION_EV_CLEANED, NULL);
    }
    return r;
}

void host_session_sweep(struct host *host)
{
    int64_t now = clock_wall_s(NULL);
    struct hosted *session, *next;
    unsigned ended = 0;
    HASH_ITER(hh, host->sessions, session, next)
    {
        if (session->record.status != SESSION_DESTROYED)
            continue;
        ended++;
        if (now - session->record.changed < HOST_KEEP_ENDED_S && ended <= HOST_ENDED_MAX)
            continue;
        journal_forget(host->journal, session->record.session_id);
        session_free(session);
    }
}

static void answer_draining(struct hosted *session, struct http_request *r)
{
    (void)session;
    http_answer_error(r, 503, "draining", "This host is being stopped.");
}

bool host_session_anybody_waits(const struct host *host)
{
    const struct hosted *session, *next;
    HASH_ITER(hh, host->sessions, session, next)
    {
        if (session->waiters)
            return true;
    }
    return false;
}

void host_session_free_all(struct host *host)
{
    struct hosted *session, *next;
    HASH_ITER(hh, host->sessions, session, next)
    {
        answer_waiters(session, answer_draining);
        session_free(session);
    }
}

json_t *host_session_reports(struct host *host)
{
    json_t *reports = json_array();
    cleanup_json json_t *pending = journal_changes(host->journal, 1);
    int64_t oldest = json_integer_value(json_object_get(json_array_get(pending, 0), "sequence"));
    struct hosted *session, *next;
    HASH_ITER(hh, host->sessions, session, next)
    {
        const struct journal_session *record = &session->record;
        bool unconfirmed = oldest > 0 && record->sequence >= oldest;
        if (record->status == SESSION_DESTROYED && !unconfirmed)
            continue;
        json_array_append_new(reports,
                              json_pack("{s:s, s:I, s:i, s:s, s:I}", "sessionId", record->session_id,
                                        "sequence", (json_int_t)record->sequence, "status", record->status,
                                        "reason", record->reason, "time", (json_int_t)record->changed));
    }
    return reports;
}
