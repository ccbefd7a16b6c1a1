/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/host_sessions.h"

#include "base/clock.h"
#include "host/host_priv.h"

#define SWEEP_MS 600000

static void on_written(void *arg)
{
    struct host_sessions *host = arg;
    if (host->reports_due)
        host->reports_due(host->arg);
}

static unsigned count_ended(const struct host_sessions *host)
{
    const struct host_session *session, *next;
    unsigned ended = 0;
    HASH_ITER(hh, host->table, session, next)
    {
        ended += session->record.status == SESSION_DESTROYED;
    }
    return ended;
}

/* Forgets what ended long ago; the table has the oldest sessions first. */
static void on_sweep(void *arg)
{
    struct host_sessions *host = arg;
    int64_t now = clock_wall_s(NULL);
    struct host_session *session, *next;
    unsigned ended = count_ended(host);
    HASH_ITER(hh, host->table, session, next)
    {
        if (session->record.status != SESSION_DESTROYED ||
            (now - session->record.changed < HOST_KEEP_ENDED_S && ended <= HOST_ENDED_MAX))
            continue;
        ended--;
        host_tell_forgotten(session);
        host_journal_forget(host->journal, session->record.session_id);
        host_session_free(session);
    }
}

static int open_all(struct host_sessions *host, const struct host_sessions_options *options, char **ret_cause)
{
    int r = pool_create(options->pool, &host_pool_events, host, &host->pool, ret_cause);
    if (r >= 0)
        r = host_journal_open(host->loop, options->state_dir, host_restore_session, on_written, host,
                              &host->journal, ret_cause);
    if (r >= 0)
        r = loop_timer_create(host->loop, on_sweep, host, &host->sweep_timer);
    if (r >= 0)
        r = loop_timer_create(host->loop, host_restore_slots, host, &host->slot_timer);
    if (r >= 0)
        r = host_restore_adopt(host);
    if (r >= 0) {
        loop_timer_start(host->sweep_timer, SWEEP_MS, SWEEP_MS);
        on_sweep(host);
    }
    return r;
}

int host_sessions_create(const struct host_sessions_options *options, struct host_sessions **ret_sessions,
                         char **ret_cause)
{
    struct host_sessions *host = xcalloc(1, sizeof *host);
    host->loop = options->loop;
    host->config = options->config;
    int r = open_all(host, options, ret_cause);
    if (r < 0) {
        host_sessions_close(host);
        host_sessions_destroy(host);
        return r;
    }
    host->reports_due = options->reports_due;
    host->arg = options->arg;
    *ret_sessions = host;
    return 0;
}

static void close_one(void *arg, struct host_session *session)
{
    (void)arg;
    loop_timer_stop(session->life_timer);
    host_wait_answer(session, -EBUSY);
}

void host_sessions_close(struct host_sessions *host)
{
    if (!host)
        return;
    host->draining = host->closed = true;
    host_sessions_each(host, close_one, NULL);
    if (host->journal)
        host_journal_dismiss(host->journal, -EBUSY);
}

void host_sessions_written(struct host_sessions *host, void (*fn)(void *arg, int result), void *arg)
{
    if (host->closed)
        fn(arg, -EBUSY);
    else
        host_journal_wait(host->journal, fn, arg);
}

static void free_one(void *arg, struct host_session *session)
{
    (void)arg;
    host_session_free(session);
}

struct host_sessions *host_sessions_destroy(struct host_sessions *host)
{
    if (!host)
        return NULL;
    host_sessions_each(host, free_one, NULL);
    loop_timer_destroy(host->sweep_timer);
    loop_timer_destroy(host->slot_timer);
    pool_destroy(host->pool);
    host_journal_close(host->journal);
    free(host);
    return NULL;
}

struct pool *host_sessions_pool(const struct host_sessions *host)
{
    return host->pool;
}

bool host_sessions_healthy(const struct host_sessions *host)
{
    return host_journal_healthy(host->journal);
}

json_t *host_sessions_reports(const struct host_sessions *host)
{
    json_t *reports = json_array();
    cleanup_json json_t *pending = host_journal_changes(host->journal, 1);
    int64_t oldest = json_integer_value(json_object_get(json_array_get(pending, 0), "sequence"));
    const struct host_session *session, *next;
    HASH_ITER(hh, host->table, session, next)
    {
        const struct host_journal_session *record = &session->record;
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

json_t *host_sessions_changes(const struct host_sessions *host, size_t max)
{
    return host_journal_changes(host->journal, max);
}

void host_sessions_acknowledge(struct host_sessions *host, int64_t sequence)
{
    host_journal_acknowledge(host->journal, sequence);
}

void host_sessions_drain(struct host_sessions *host)
{
    host->draining = true;
}

static void end_one(void *arg, struct host_session *session)
{
    (void)arg;
    if (session_status_is_alive(session->record.status))
        (void)host_session_event(session, SESSION_EV_KILL, "shutdown");
}

void host_sessions_end_all(struct host_sessions *host)
{
    host->draining = host->ending_all = true;
    host_sessions_each(host, end_one, NULL);
    pool_end_all(host->pool, "shutdown"); /* what the table does not know */
}

bool host_sessions_settled(const struct host_sessions *host)
{
    unsigned total, active, unused;
    const struct host_session *session, *next;
    HASH_ITER(hh, host->table, session, next)
    {
        if (session->waiters)
            return false;
    }
    pool_count(host->pool, &total, &active, &unused);
    return !host->ending_all || active == 0;
}
