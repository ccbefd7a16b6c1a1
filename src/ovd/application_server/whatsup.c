/* SPDX-License-Identifier: GPL-3.0-or-later */
/* whatsup.php: how session and applications are, what was printed, who watches (spec/ovd.md 3.2); and the
 * owner's and guests' keep-alive. Nothing is written here but what happens once: a guest's first question, an
 * announced document. Documents are looked for at most once in PRINT_LOOK_MS, whatever the client does. */
#include <utlist.h>

#include "base/clock.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"
#include "ovd/message/whatsup.h"
#include "print/print_spool.h"

#define ANSWER_MAX ((size_t)256 * 1024)
#define PRINT_LOOK_MS 500

static void answer(struct http_request *r, const struct ovd_whatsup *whatsup)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    if (ovd_whatsup_build(whatsup, &out) < 0)
        aps_answer(r, 500, APS_TEXT, "");
    else
        aps_answer_xml(r, &out);
    buf_finish(&out);
}

/* The owner's polls keep the session where the original has infos/keepmealive, which is desktop mode, and the
 * application that is shown. */
static void keep_alive(struct aps_session *session, const char *application_id)
{
    if (session->mode == OVD_MODE_DESKTOP)
        host_session_polled(session->host);
    aps_instance_polled(session, session->mode == OVD_MODE_DESKTOP ? NULL : application_id);
}

static void fill_running(struct aps_session *session, struct ovd_whatsup *whatsup)
{
    struct aps_instance *instance;
    size_t count = 0;
    DL_COUNT(session->instances, instance, count);
    whatsup->running = xcalloc(count + 1, sizeof(*whatsup->running));
    DL_FOREACH(session->instances, instance)
    {
        if (str_eq(instance->app_id, "desktop") || str_eq(instance->app_id, "portal") ||
            instance->status == APS_INSTANCE_ORDERED)
            continue;
        whatsup->running[whatsup->running_count++] =
            (struct ovd_whatsup_running){instance->id, instance->app_id, instance->status};
    }
}

static void fill_print(struct aps_session *session, struct print_job *job, struct ovd_whatsup *whatsup)
{
    uint64_t now = clock_monotonic_ms(NULL);
    int dir = -1;
    if (session->printed_ms && now - session->printed_ms < PRINT_LOOK_MS)
        return;
    session->printed_ms = now;
    if (pool_open_prints(session->aps->s.pool, session->session_id, &dir) < 0)
        return;
    if (print_find(dir, MAX(session->opened, session->print_announced), job) == 0) {
        whatsup->print_path = job->title;
        whatsup->print_time = job->time;
        session->print_announced = job->time + 1;
        session->printed_ms = 0; /* there may be more */
        aps_session_changed(session);
    }
    close(dir);
}

static bool is_hidden(const struct aps_session *session, const struct aps_guest *guest)
{
    int64_t good_ms = config_int(session->aps->s.config, "ovd.invitationMs");
    return !guest->joined && (clock_wall_s(NULL) - guest->invited) * 1000 > good_ms;
}

/* The list is in the order of the invitations. */
static void fill_sharing(struct aps_session *session, struct ovd_whatsup *whatsup)
{
    struct aps_guest *guest;
    size_t count = 0;
    DL_COUNT(session->guests, guest, count);
    whatsup->has_sharing = true;
    whatsup->shares = xcalloc(count + 1, sizeof(*whatsup->shares));
    DL_FOREACH(session->guests, guest)
    {
        if (is_hidden(session, guest))
            continue;
        whatsup->shares[whatsup->share_count++] = (struct ovd_whatsup_share){
            guest->email, guest->mode, guest->joined, aps_guest_is_alive(session, guest)};
    }
}

static void guest_polled(struct aps_session *session, struct aps_guest *guest)
{
    bool first = !guest->joined;
    guest->joined = true;
    guest->polled_ms = clock_monotonic_ms(NULL);
    if (first)
        aps_session_changed(session);
}

static void answer_visitor(struct http_request *r, struct aps_visitor *visitor)
{
    struct aps_session *session = visitor->session;
    const char *application_id = aps_argument(r, "application_id");
    struct ovd_whatsup whatsup = {.status = aps_session_status(session), .single = application_id != NULL};
    struct print_job job;
    if (!visitor->guest)
        keep_alive(session, application_id);
    if (application_id)
        whatsup.application_status = aps_instance_status_of(session, application_id);
    else
        fill_running(session, &whatsup);
    if (whatsup.status == SESSION_READY && visitor->guest) {
        guest_polled(session, visitor->guest);
    } else if (whatsup.status == SESSION_READY) {
        fill_print(session, &job, &whatsup);
        fill_sharing(session, &whatsup);
    }
    answer(r, &whatsup);
    free(whatsup.running);
    free(whatsup.shares);
}

void aps_route_whatsup(struct http_request *r, void *ctx)
{
    struct aps *aps = ctx;
    struct aps_visitor *visitor = aps_visitor_of(aps, r);
    if (visitor) {
        answer_visitor(r, visitor);
    } else if (aps_visitor_is_lost(aps, r)) {
        aps_answer(r, 400, APS_XML, "ERROR - no current token");
    } else {
        const struct ovd_whatsup nothing = {.status = SESSION_DESTROYED};
        answer(r, &nothing);
    }
}
