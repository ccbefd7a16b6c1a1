/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an earlier run has left: the journal says how far each session was, the keepers which of them live. */
#include "base/log.h"
#include "base/str.h"
#include "host/host_priv.h"

#define SLOT_RETRY_MS 50 /* its former slot has to be cleaned first */

void host_restore_session(void *arg, const struct host_journal_session *record, const char *order,
                          const char *note)
{
    char error[JSON_ERROR_LEN];
    struct host_session *session = host_session_new(arg, record);
    struct host_order known;
    if (*order && host_order_read(order, &known) >= 0) {
        host_order_finish(&session->order);
        session->order = known;
    } else if (*order) {
        log_event(LOG_LEVEL_WARN, record->session_id, "the journal has no order that can be read");
    }
    if (*note && json_read(note, strlen(note), &session->note, error) < 0)
        log_event(LOG_LEVEL_WARN, record->session_id, "the journal has no note that can be read: %s", error);
}

/* A step that the earlier run had begun: its front-ends have no credentials left to take back. */
static void finish_step(struct host_session *session)
{
    if (session->record.status == SESSION_SUSPENDING)
        (void)host_session_event(session, SESSION_EV_SUSPENDED, NULL);
    else if (session->record.status == SESSION_TO_RESTORE)
        (void)host_session_event(session, SESSION_EV_RESUMED, NULL);
}

static void on_found(void *arg, const char *id, unsigned slot)
{
    struct host_sessions *host = arg;
    struct host_session *session = host_session_find(host, id);
    if (!session) {
        /* The journal lost it; its keeper is the better witness. */
        struct host_journal_session record = {
            .slot = slot, .status = SESSION_STARTING, .persistent = true, .ever_seen = true};
        (void)str_copy(record.session_id, sizeof record.session_id, id);
        session = host_session_new(host, &record);
        host_journal_put(host->journal, &session->record, true, NULL, NULL);
    }
    session->record.slot = slot;
    session->running = true;
    log_event(LOG_LEVEL_INFO, id, "slot %u: found alive, %s", slot,
              session_status_word(session->record.status));
    host_presence_status(session);
    finish_step(session);
    int status = session->record.status;
    if (status == SESSION_CREATED || status == SESSION_TO_START || status == SESSION_STARTING)
        host_wait_arm(session);
}

/* True when it has a slot again, or needs none any more. */
static bool regain_slot(struct host_session *session)
{
    struct pool_slot_info slot;
    int status = session->record.status;
    if (status == SESSION_TO_START) {
        host_session_launch(session);
        return session->running || session->record.status != SESSION_TO_START;
    }
    if (status != SESSION_CREATED)
        return true;
    int r = pool_reserve(session->host->pool, session->record.session_id, &slot);
    if (r < 0 && r != -ENOSPC)
        (void)host_session_event(session, SESSION_EV_LOST, "lost");
    if (r >= 0)
        session->record.slot = slot.number;
    return r != -ENOSPC;
}

void host_restore_slots(void *arg)
{
    struct host_sessions *host = arg;
    bool missing = false;
    struct host_session *session, *next;
    HASH_ITER(hh, host->table, session, next)
    {
        if (session->slot_lost)
            session->slot_lost = !regain_slot(session);
        missing |= session->slot_lost;
    }
    if (missing && !host->closed)
        loop_timer_start(host->slot_timer, SLOT_RETRY_MS, 0);
}

/* Nothing ran, so nothing is lost: it waits on for its start, or is started again. */
static void start_again(struct host_session *session)
{
    log_event(LOG_LEVEL_INFO, session->record.session_id,
              session->record.status == SESSION_CREATED ? "waits on for its start" : "is started again");
    session->slot_lost = true;
    host_presence_status(session);
}

static bool nothing_ran(const struct host_session *session)
{
    int status = session->record.status;
    bool ordered = *session->order.app_mode; /* the journal knows what was to be started */
    return ordered && (status == SESSION_CREATED || (status == SESSION_TO_START && session->order.width > 0));
}

static void settle(struct host_session *session)
{
    struct pool *pool = session->host->pool;
    struct pool_slot_info slot;
    const char *id = session->record.session_id;
    int status = session->record.status;
    bool there = pool_find(pool, id, &slot) == 0;
    if (status == SESSION_DESTROYED && !there)
        return;
    if (!session_status_is_known(status))
        (void)host_session_event(session, SESSION_EV_KILL, "internal1");
    else if (!session_status_is_alive(status) && pool_end(pool, id, "kill") == -ENOENT)
        (void)host_session_event(session, SESSION_EV_CLEANED, NULL);
    else if (!there && nothing_ran(session))
        start_again(session);
    else if (!there && session_status_is_alive(status))
        (void)host_session_event(session, SESSION_EV_LOST, "lost");
}

static void settle_one(void *arg, struct host_session *session)
{
    (void)arg;
    settle(session);
}

int host_restore_adopt(struct host_sessions *host)
{
    int r = pool_adopt(host->pool, on_found, host);
    if (r >= 0)
        host_sessions_each(host, settle_one, NULL);
    host_restore_slots(host);
    return r;
}
