/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session_invite.php: an invitation, its token, and the mail with the address. */
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "http/mail.h"
#include "ovd/message/invite.h"
#include "ovd/session_manager/manager_priv.h"

#define EMAIL_MAX 254
#define ANSWER_MAX 4096
#define MAIL_MS 15000

/* What a server asks for. */
struct request {
    const char *fqdn, *session, *mode, *email, *access_id;
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

/* One address and nothing that a mail server could take for a second one or for a header. */
static bool is_address(const char *email)
{
    const char *at = strchr(email, '@');
    size_t len = strlen(email);
    if (!at || at == email || !at[1] || strchr(at + 1, '@') || len > EMAIL_MAX ||
        !str_is_utf8(email, len, true))
        return false;
    return email[0] != '-' && strpbrk(email, " <>,;\"\\()") == NULL;
}

/* A session by its legacy name; or by its own, for one that was begun in a browser and has no other yet. */
static int find_record(struct manager *m, const char *session, struct record *ret_record)
{
    struct session_row row;
    int r = sm_record_by_id(m, session, ret_record);
    if (r != -ENOENT || !str_is_id(session))
        return r;
    r = sm_record_by_session(m, session, ret_record);
    if (r != -ENOENT)
        return r;
    r = session_broker_get(m->s.broker, session, NULL, &row);
    if (r < 0)
        return r;
    struct record record = {.mode = OVD_MODE_DESKTOP};
    record.settings = json_pack(
        "{s:s, s:s, s:s, s:s, s:s}", ovd_setting_name(OVD_SETTING_CLIENT), "browser",
        ovd_setting_name(OVD_SETTING_USER_LOGIN), row.username,
        ovd_setting_name(OVD_SETTING_USER_DISPLAYNAME), row.username, ovd_setting_name(OVD_SETTING_LOCALE),
        "en_GB.UTF-8", ovd_setting_name(OVD_SETTING_QUALITY), config_str(m->s.config, "ovd.defaultQuality"));
    ovd_id_make(sm_manager_now_ms() / 1000, record.id);
    memcpy(record.session_id, row.id, sizeof(record.session_id));
    memcpy(record.user_id, row.user_id, sizeof(record.user_id));
    r = record.settings ? sm_record_insert(m, &record) : -EINVAL;
    if (r < 0)
        sm_record_finish(&record);
    else
        *ret_record = record;
    return r;
}

static int send_mail(struct manager *m, const struct server *server, const struct http_request *r,
                     const struct record *record, const char *email, const char *token)
{
    const struct config *config = m->s.config;
    cleanup_free char *url = sm_redirect_url(server, r, token);
    cleanup_free char *subject = xasprintf("Invitation from %s", config_str(config, "ovd.title"));
    const char *name =
        json_string_value(json_object_get(record->settings, ovd_setting_name(OVD_SETTING_USER_DISPLAYNAME)));
    cleanup_free char *text = xasprintf(
        "%s invites you to a running session. Open this address to join; it is good once, and for a "
        "short time only:\n\n%s\n",
        name ? name : "Somebody", url);
    const struct mail mail = {
        .server = config_str(config, "ovd.mailUrl"),
        .user = config_str(config, "ovd.mailUser"),
        .password = config_str(config, "ovd.mailPassword"),
        .from = config_str(config, "ovd.mailFrom"),
        .to = email,
        .subject = subject,
        .text = text,
        .timeout_ms = MAIL_MS,
    };
    return *mail.server && *mail.from ? mail_send(&mail) : -EDESTADDRREQ;
}

/* The answer's body, or an error; the server then tells its user that it failed. */
static int invite(struct manager *m, const struct http_request *r, const struct request *q,
                  const struct record *record, const struct server *server, struct buf *out)
{
    enum ovd_guest_mode mode = ovd_guest_mode_read(q->mode);
    struct invite made = {
        .email = q->email, .view_only = mode == OVD_GUEST_PASSIVE, .access_id = q->access_id};
    char token[OVD_ID_SIZE], email[EMAIL_MAX + 1];
    if (!is_address(q->email) || (q->access_id && !ovd_id_is_valid(q->access_id)))
        return -EINVAL;
    memcpy(made.record, record->id, sizeof(made.record));
    int result = sm_invite_make(m, &made, token);
    if (result < 0)
        return result;
    result = send_mail(m, server, r, record, q->email, token);
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

void sm_route_session_invite(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct args args = {0};
    int result = sm_args_read(r, &args);
    struct request q = {form_get(&args.query, "fqdn"), either(&args, "session"), either(&args, "mode"),
                        either(&args, "email"), either(&args, "access_id")};
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
