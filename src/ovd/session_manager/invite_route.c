/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session_invite.php: a server's user invites somebody. */
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/message/invite.h"
#include "ovd/session_manager/manager_priv.h"

#define ANSWER_MAX 4096

/* What a server asks for. */
struct request {
    const char *fqdn, *session, *mode, *email, *access_id;
    const char *external; /* what the server's own client called it */
};

/* In the original's order; NULL when everything is there. */
static const char *missing(const struct request *q)
{
    if (!q->session)
        return "session";
    if (!q->mode)
        return "mode";
    return q->email ? NULL : "email";
}

/* A session by its legacy name; or by its own, for one that was begun in a browser and has no other yet. */
static int find_record(struct manager *m, const char *session, struct record *ret_record)
{
    int r = sm_record_by_id(m, session, ret_record);
    return r == -ENOENT && str_is_id(session) ? sm_record_of_session(m, session, ret_record) : r;
}

/* The answer's body, or an error; the server then tells its user that it failed. */
static int invite(struct manager *m, const struct http_request *r, const struct request *q,
                  const struct record *record, const struct server *server, struct buf *out)
{
    enum ovd_guest_mode mode = ovd_guest_mode_read(q->mode);
    struct invite made = {
        .email = q->email, .view_only = mode == OVD_GUEST_PASSIVE, .access_id = q->access_id};
    char token[OVD_ID_SIZE], email[INVITE_EMAIL_MAX + 1];
    int64_t open = 0;
    if (!sm_invite_is_address(q->email) || (q->access_id && !ovd_id_is_valid(q->access_id)))
        return -EINVAL;
    memcpy(made.record, record->id, sizeof(made.record));
    int result = sm_invites_open(m, record->id, &open);
    if (result == 0 && open >= SM_INVITES_OPEN_MAX)
        result = -EDQUOT;
    if (result == 0)
        result = sm_invite_make(m, &made, token);
    if (result < 0)
        return result;
    cleanup_free char *url = sm_redirect_url(server, r, token);
    result = sm_invite_mail(m, record, q->email, url);
    if (result == 0)
        result = str_copy(email, sizeof(email), q->email);
    if (result == 0) {
        const struct ovd_invite message = {.token = token, .mode = mode, .email = email};
        result = ovd_invite_build(&message, out);
    }
    if (result < 0)
        (void)sm_invite_remove(m, made.id, token);
    return result;
}

static void answer(struct manager *m, struct http_request *r, const struct request *q)
{
    struct record record = {0};
    struct session_row row = {0};
    struct server server = {0};
    struct buf out;
    int result = ovd_id_is_valid(q->session) ? find_record(m, q->session, &record) : -ENOENT;
    buf_init(&out, ANSWER_MAX);
    if (result == 0)
        result = session_broker_get(m->s.broker, record.session_id, NULL, &row);
    if (result == 0)
        result = sm_server_of_url(m, row.server_url, &server);
    if (result < 0 || !session_status_is_alive(row.status) || strcasecmp(server.fqdn, q->fqdn) != 0) {
        sm_manager_say(r, "ERROR - No such session");
    } else {
        /* A server of this very machine: only its clients know by which name it is found from elsewhere. */
        if (!server.external[0] && q->external)
            sm_server_set_external(&server, q->external);
        result = invite(m, r, q, &record, &server, &out);
        if (result < 0) {
            log_event(LOG_LEVEL_WARN, row.id, "no invitation was sent: %s", strerror(-result));
            sm_manager_say(r, "");
        } else {
            log_event(LOG_LEVEL_INFO, row.id, "invitation sent for %s", q->fqdn);
            http_add_header(r, "Cache-Control", "no-store");
            http_answer(r, 200, MANAGER_XML, out.data, out.len);
        }
    }
    buf_finish(&out);
    sm_record_finish(&record);
}

static const char *either(const struct args *args, const char *name)
{
    const char *value = form_get(&args->post, name);
    return value ? value : form_get(&args->query, name);
}

static void answer_invite(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct args args = {0};
    int result = sm_args_read(r, &args);
    struct request q = {form_get(&args.query, "fqdn"), either(&args, "session"),   either(&args, "mode"),
                        either(&args, "email"),        either(&args, "access_id"), either(&args, "external")};
    char fqdn[FQDN_SIZE];
    if (result < 0) {
        sm_manager_answer(r, 400, MANAGER_TEXT, "");
    } else if (!q.fqdn) {
        sm_manager_say(r, "ERROR - NO $_GET['fqdn']");
    } else if (sm_server_name(q.fqdn, fqdn) < 0) {
        sm_manager_say(r, "Server not authorized");
    } else if (sm_server_check(m, r, fqdn)) {
        q.fqdn = fqdn;
        const char *name = missing(&q);
        cleanup_free char *text = name ? xasprintf("ERROR - NO $_GET['%s']", name) : NULL;
        if (text)
            sm_manager_say(r, text);
        else
            answer(m, r, &q);
    }
    sm_args_finish(&args);
}

static void refuse_invite(struct http_request *r, void *ctx)
{
    (void)ctx;
    sm_manager_say(r, "");
}

void sm_route_session_invite(struct http_request *r, void *ctx)
{
    sm_turn_wait(ctx, SM_LANE_MAIL, r, answer_invite, refuse_invite);
}
