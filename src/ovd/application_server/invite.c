/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite.php: the owner invites somebody by mail to one of its instances (spec/ovd.md 3.5). The Session
 * Manager makes the invitation and sends the mail. Only the owner may, and only in a session that is
 * shareable; the original looks at neither. Limits: an email of EMAIL_MAX bytes, APS_GUESTS_MAX guests. */
#include "ovd/message/invite.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"
#include "xml/xml.h"

#define EMAIL_MAX 254
#define NO_APPLICATION "die2 (400): ERROR - No such application"

struct invitation {
    struct aps *aps;
    struct http_request *request;
    char session_id[SECRET_ID_LEN];
    char access_id[POOL_INSTANCE_LEN];
    enum ovd_guest_mode mode;
};

/* Whether it is XML at all, and has an element of that name: what the original asks. */
static const char *complaint(const char *body, size_t len)
{
    struct xml_doc *document = NULL;
    if (!body || xml_read(body, len, NULL, NULL, &document) < 0)
        return "Invalid XML";
    xml_doc_free(document);
    return "Missing element 'invite'";
}

static void on_answer(void *arg, const char *body, size_t len, const char *type)
{
    struct invitation *i = arg;
    struct ovd_invite invite = {0};
    (void)type;
    int r = body ? ovd_invite_parse(body, len, NULL, NULL, &invite) : -EINVAL;
    struct aps_session *session = aps_session_find(i->aps, i->session_id);
    if (r < 0) {
        log_event(LOG_LEVEL_WARN, i->session_id, "the Session Manager made no invitation");
        aps_answer(i->request, 200, APS_TEXT, complaint(body, len));
    } else {
        /* Without room for it in the list the invitation is still good. */
        if (session && !aps_guest_find(session, invite.token) &&
            aps_guest_new(session, invite.token, invite.email, i->mode, i->access_id))
            aps_session_changed(session);
        aps_answer_kept(i->aps, i->request, 200, APS_TEXT, "OK", 2);
    }
    ovd_invite_finish(&invite);
    free(i);
}

/* The name by which this client found us is good for the guest, too, when nobody has configured a better one.
 */
static char *make_query(struct http_request *r, const struct aps_session *session, const char *access_id,
                        const char *email, enum ovd_guest_mode mode)
{
    cleanup_free char *address = percent_encode(email);
    cleanup_free char *name = aps_host_bare(session->aps, r);
    cleanup_free char *external = percent_encode(name);
    return xasprintf("session=%s&mode=%s&email=%s&access_id=%s&external=%s", session->ovd_id,
                     ovd_guest_mode_words[mode], address, access_id, external);
}

static void ask(struct http_request *r, struct aps_session *session, const char *access_id, const char *email,
                enum ovd_guest_mode mode)
{
    struct invitation *i = xcalloc(1, sizeof(*i));
    cleanup_free char *query = make_query(r, session, access_id, email, mode);
    i->aps = session->aps;
    i->request = r;
    i->mode = mode;
    (void)str_copy(i->session_id, sizeof(i->session_id), session->session_id);
    (void)str_copy(i->access_id, sizeof(i->access_id), access_id);
    if (aps_manager_get(session->aps, "session_invite.php", query, on_answer, i) < 0) {
        free(i);
        aps_answer(r, 200, APS_TEXT, "Invalid XML");
        return;
    }
    http_defer(r);
}

void aps_route_invite(struct http_request *r, void *ctx)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    const char *access_id = aps_argument(r, "access_id"), *email = aps_argument(r, "email");
    const char *mode = aps_argument(r, "mode");
    if (!visitor) {
        aps_answer_critical(r);
        return;
    }
    struct aps_session *session = visitor->session;
    bool may = !visitor->guest && session->owned && aps_session_setting_on(session, OVD_SETTING_SHAREABLE);
    if (!may || !access_id || !email || !mode || strlen(email) > EMAIL_MAX ||
        strlen(access_id) >= POOL_INSTANCE_LEN ||
        aps_instance_status_of(session, access_id) != APS_INSTANCE_READY)
        aps_answer(r, 400, APS_TEXT, NO_APPLICATION);
    else
        ask(r, session, access_id, email, ovd_guest_mode_read(mode));
}
