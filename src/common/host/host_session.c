/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One session of this host. Every change of status goes through the table of session/session_state.h; what
 * the table says is done here, and each change is written to the journal, logged, told to the front-ends and
 * reported. */
#include "base/log.h"
#include "base/str.h"
#include "host/host_priv.h"
#include "pool/cmdline.h"

struct host_session *host_session_find(struct host_sessions *host, const char *session_id)
{
    struct host_session *session;
    HASH_FIND_STR(host->table, session_id, session);
    return session;
}

struct host_session *host_session_new(struct host_sessions *host, const struct host_journal_session *record)
{
    struct host_session *session = xcalloc(1, sizeof *session);
    session->host = host;
    session->record = *record;
    host_order_copy(&session->order, &(struct host_session_order){0});
    if (loop_timer_create(host->loop, host_presence_timer, session, &session->life_timer) < 0 ||
        loop_timer_create(host->loop, host_wait_timer, session, &session->start_timer) < 0)
        abort(); /* timers need nothing but memory */
    HASH_ADD_STR(host->table, record.session_id, session);
    return session;
}

void host_session_free(struct host_session *session)
{
    HASH_DEL(session->host->table, session);
    loop_timer_destroy(session->life_timer);
    loop_timer_destroy(session->start_timer);
    host_order_finish(&session->order);
    json_decref(session->note);
    free(session);
}

void host_session_keep_order(struct host_session *session, bool change)
{
    cleanup_free char *text = host_order_text(&session->order);
    host_journal_put(session->host->journal, &session->record, change, text, NULL);
}

/* cause: of a suspension, else "". */
static void log_step(const struct host_session *session, int before, const char *cause)
{
    const struct host_journal_session *record = &session->record;
    const char *was = session_status_word(before), *is = session_status_word(record->status);
    const char *why = *record->reason ? record->reason : cause;
    log_event(str_eq(was, is) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, record->session_id, "slot %u: %s -> %s%s%s",
              record->slot, was, is, *why ? ": " : "", why);
}

void host_session_launch(struct host_session *session)
{
    const struct host_order *order = &session->order;
    struct pool_order wanted = {.session_id = session->record.session_id,
                                .username = order->username,
                                .app_exe = order->app_exe,
                                .app_mode = order->app_mode,
                                .app_args = order->app_args,
                                .width = order->width,
                                .height = order->height,
                                .max_width = order->max_width,
                                .clipboard = order->clipboard,
                                .max_height = order->max_height};
    struct pool_slot_info slot;
    if (session->running)
        return;
    session->running = true;
    host_wait_arm(session);
    int r = pool_start(session->host->pool, &wanted, &slot);
    if (r == -ENOSPC && session->slot_lost) {
        session->running = false; /* its slot is still being cleaned: tried again */
        return;
    }
    session->slot_lost = false;
    if (r < 0) {
        log_event(LOG_LEVEL_WARN, session->record.session_id, "cannot be started: %s", strerror(-r));
        (void)host_session_event(session, SESSION_EV_START_FAILED, "display_failed");
        return;
    }
    session->record.slot = slot.number;
    log_event(LOG_LEVEL_INFO, session->record.session_id, "slot %u: starting %s for %s, %dx%d", slot.number,
              order->app_exe, order->username, order->width, order->height);
}

static void destroy(struct host_session *session)
{
    const char *reason = *session->record.reason ? session->record.reason : "kill";
    if (pool_end(session->host->pool, session->record.session_id, reason) == -ENOENT)
        (void)host_session_event(session, SESSION_EV_CLEANED, NULL);
}

/* Nobody looks any more; the display goes on by itself, which costs nothing. Its front-ends have taken the
 * credentials back when they heard of the change. */
static void park(struct host_session *session)
{
    int r = pool_detach(session->host->pool, session->record.session_id, "suspended");
    if (r < 0 && r != -ENOENT)
        (void)host_session_event(session, SESSION_EV_KILL, "internal3");
    else
        (void)host_session_event(session, SESSION_EV_SUSPENDED, NULL);
}

static void act(struct host_session *session, enum session_action action)
{
    switch (action) {
    case SESSION_ACT_LAUNCH:
        host_session_launch(session);
        break;
    case SESSION_ACT_PARK:
        park(session);
        break;
    case SESSION_ACT_UNPARK:
        (void)host_session_event(session, SESSION_EV_RESUMED, NULL);
        break;
    case SESSION_ACT_DESTROY:
        destroy(session);
        break;
    case SESSION_ACT_NONE:
    case SESSION_ACT_FORGET: /* it stays known as ended for a day */
        break;
    }
}

/* What changed is on its way to the disk, in the log and known to everybody. */
static void take_step(struct host_session *session, int before, bool over, const char *cause)
{
    log_step(session, before, cause);
    host_presence_status(session);
    host_tell_changed(session, before);
    if (over)
        host_wait_answer(session,
                         before == SESSION_TO_START || before == SESSION_STARTING ? -EIO : -ECANCELED);
}

int host_session_event(struct host_session *session, enum session_event event, const char *reason)
{
    struct host_journal_session *record = &session->record;
    struct session_step step;
    int before = record->status;
    if (session_step(before, event, record->persistent, record->ever_seen, &step) < 0) {
        log_event(LOG_LEVEL_WARN, record->session_id,
                  "\"%s\" makes no sense for a session that is %s; ignored", session_event_word(event),
                  session_status_word(before));
        return -EPERM;
    }
    bool first_seen = event == SESSION_EV_OWNER_SEEN && !record->ever_seen;
    bool over = step.next == SESSION_TO_DESTROY || step.next == SESSION_DESTROYED;
    const char *cause = host_presence_cause(session, event, reason);
    record->ever_seen |= first_seen;
    record->status = step.next;
    /* Who cannot be suspended leaves, as with exit.php (spec/ovd.md 5.1 rule 3). */
    if (over && !reason && event == SESSION_EV_SUSPEND)
        reason = "exit";
    if (over && reason && !*record->reason)
        (void)str_copy(record->reason, sizeof record->reason, reason);
    if (step.next != before || first_seen)
        host_journal_put(session->host->journal, record, step.next != before, NULL, NULL);
    if (step.next != before)
        take_step(session, before, over, over ? "" : cause);
    /* Whoever was told may have gone on from there. */
    if (record->status == step.next)
        act(session, step.action);
    return 0;
}

void host_session_catch_up(struct host_session *session)
{
    session->running = true;
    if (session->record.status == SESSION_CREATED)
        (void)host_session_event(session, SESSION_EV_START, NULL);
    if (session->record.status == SESSION_TO_START)
        (void)host_session_event(session, SESSION_EV_LAUNCHED, NULL);
}

static int check_order(const struct host_session_order *order)
{
    char **argv = NULL;
    if (!str_is_id(order->session_id) ||
        (!str_eq(order->app_mode, "desktop") && !str_eq(order->app_mode, "app")))
        return -EINVAL;
    if (str_eq(order->app_exe, "remotedesktop") || !*order->app_exe)
        return 0;
    if (cmdline_build(order->app_exe, order->app_args, order->session_id, order->username, &argv) < 0)
        return -EINVAL;
    cmdline_free(argv);
    return 0;
}

int host_session_create(struct host_sessions *host, const struct host_session_order *order,
                        struct host_session **ret_session)
{
    if (host->draining)
        return -EBUSY;
    if (host_session_find(host, order->session_id))
        return -EEXIST;
    struct pool_slot_info slot;
    int r = check_order(order);
    if (r >= 0)
        r = pool_reserve(host->pool, order->session_id, &slot);
    if (r < 0)
        return r;
    struct host_journal_session record = {
        .status = SESSION_TO_CREATE, .slot = slot.number, .persistent = order->persistent};
    (void)str_copy(record.session_id, sizeof record.session_id, order->session_id);
    struct host_session *session = host_session_new(host, &record);
    host_order_finish(&session->order);
    host_order_copy(&session->order, order);
    log_event(LOG_LEVEL_INFO, record.session_id, "slot %u: taken for %s", slot.number, order->username);
    (void)host_session_event(session, SESSION_EV_ALLOCATED, NULL);
    host_session_keep_order(session, false);
    *ret_session = session;
    return 0;
}

int host_session_start(struct host_session *session, int width, int height)
{
    struct host_order *order = &session->order;
    if (session->record.status != SESSION_CREATED)
        return -EPERM;
    order->width = CLAMP(width, HOST_MIN_SIDE, MAX(order->max_width, HOST_MIN_SIDE));
    order->height = CLAMP(height, HOST_MIN_SIDE, MAX(order->max_height, HOST_MIN_SIDE));
    host_session_keep_order(session, false);
    return host_session_event(session, SESSION_EV_START, NULL);
}

void host_session_set_terms(struct host_session *session, const struct host_session_order *terms)
{
    session->record.persistent = terms->persistent;
    host_order_set_terms(&session->order, terms);
    host_session_keep_order(session, false);
    host_presence_arm(session);
}

int host_session_set_note(struct host_session *session, json_t *note)
{
    cleanup_free char *text = note ? json_text(note) : xstrdup("");
    if (!text || strlen(text) > HOST_NOTE_MAX) {
        json_decref(note);
        return -EMSGSIZE;
    }
    json_decref(session->note);
    session->note = note;
    host_journal_put(session->host->journal, &session->record, false, NULL, text);
    return 0;
}
