/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /gateway/session/invite: the owner of a session, who sits at the browser client, invites somebody. The
 * invitation is an ordinary one of this front-end. */
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/message/invite.h"
#include "ovd/session_manager/manager_priv.h"

#define NAME_WITHOUT_ADDRESS "guest"

struct share {
    const char *session_id, *email; /* email NULL: the link alone is wanted */
    enum ovd_guest_mode mode;
    struct session_row row;
    struct record record;
    struct server server;
    char token[OVD_ID_SIZE];
    bool mailed;
};

static void answer_failure(struct http_request *r, int error)
{
    if (error == -ENOENT)
        http_answer_error(r, 404, "unknown_session", "There is no such session.");
    else if (error == -ESHUTDOWN)
        http_answer_error(r, 410, "session_ended", "The session has ended.");
    else if (error == -EPERM)
        http_answer_error(r, 403, "not_shareable", "Nobody may be invited to this session.");
    else if (error == -EDQUOT)
        http_answer_error(r, 429, "too_many_invitations", "There are too many open invitations already.");
    else
        http_answer_error(r, 503, "store_unavailable", "The database cannot be used at the moment.");
}

/* The user of "Authorization: Bearer TOKEN"; false after answering. */
static bool require_user(struct manager *m, struct http_request *r, struct identity_user *ret_user)
{
    static const char scheme[] = "Bearer ";
    const char *value = http_header(r, "Authorization");
    bool sent = value && strncasecmp(value, scheme, strlen(scheme)) == 0;
    int result = sent ? identity_check_token(m->s.identity, value + strlen(scheme), ret_user) : -EACCES;
    if (result == -EACCES) {
        http_add_header(r, "WWW-Authenticate", "Bearer realm=\"isthmus\"");
        http_answer_error(r, 401, "token_invalid", "Log in first: the token is missing, wrong or over.");
    } else if (result == -EPERM) {
        http_answer_error(r, 403, "guest_forbidden", "A guest may only see the session of the invitation.");
    } else if (result < 0) {
        answer_failure(r, result);
    }
    return result == 0;
}

static bool read_wish(struct http_request *r, struct share *share)
{
    char error[JSON_ERROR_LEN];
    const char *mode, *email = "";
    const json_t *body = http_json(r);
    if (!body)
        return false;
    if (json_get_string(body, "sessionId", SECRET_ID_LEN - 1, &share->session_id, error) < 0 ||
        json_get_string(body, "mode", 16, &mode, error) < 0 ||
        json_opt_string(body, "email", INVITE_EMAIL_MAX, &email, error) < 0) {
        http_answer_error(r, 400, "bad_request", error);
        return false;
    }
    share->email = *email ? email : NULL;
    share->mode = ovd_guest_mode_read(mode);
    if (!str_eq(mode, "active") && !str_eq(mode, "passive"))
        http_answer_error(r, 400, "bad_request", "mode must be active or passive.");
    else if (share->email && !sm_invite_is_address(share->email))
        http_answer_error(r, 400, "bad_email", "email must be one plain address.");
    else
        return true;
    return false;
}

static int find(struct manager *m, const char *user_id, struct share *share)
{
    int64_t open = 0;
    int r = str_is_id(share->session_id)
                ? session_broker_get(m->s.broker, share->session_id, user_id, &share->row)
                : -ENOENT;
    if (r == 0 && !session_status_is_alive(share->row.status))
        r = -ESHUTDOWN;
    if (r == 0)
        r = sm_server_of_url(m, share->row.server_url, &share->server);
    if (r == 0)
        r = sm_record_of_session(m, share->row.id, &share->record);
    if (r == 0 && !json_object_get(share->record.settings, ovd_setting_name(OVD_SETTING_SHAREABLE)))
        r = -EPERM;
    if (r == 0)
        r = sm_invites_open(m, share->record.id, &open);
    return r == 0 && open >= SM_INVITES_OPEN_MAX ? -EDQUOT : r;
}

static int invite(struct manager *m, struct http_request *r, struct share *share, char **ret_url)
{
    /* The link is for a browser, whatever the owner came with, and shows the session's own screen. */
    struct invite made = {.email = share->email ? share->email : NAME_WITHOUT_ADDRESS,
                          .view_only = share->mode == OVD_GUEST_PASSIVE,
                          .access_id = share->record.mode == OVD_MODE_EXTERNAL ? NULL : "desktop",
                          .client = "browser"};
    memcpy(made.record, share->record.id, sizeof(made.record));
    int result = sm_invite_make(m, &made, share->token);
    if (result < 0)
        return result;
    *ret_url = sm_redirect_url(&share->server, r, share->token);
    if (share->email) {
        result = sm_invite_mail(m, &share->record, share->email, *ret_url);
        share->mailed = result == 0;
        if (result < 0 && result != -EDESTADDRREQ)
            log_event(LOG_LEVEL_WARN, share->row.id, "an invitation could not be mailed: %s",
                      strerror(-result));
    }
    return 0;
}

static void answer(struct manager *m, struct http_request *r, struct share *share)
{
    cleanup_free char *url = NULL;
    int result = invite(m, r, share, &url);
    if (result < 0) {
        answer_failure(r, result);
        return;
    }
    log_event(LOG_LEVEL_INFO, share->row.id, "%s invites a guest, %s%s", share->row.username,
              ovd_guest_mode_words[share->mode], share->mailed ? ", by mail" : "");
    http_add_header(r, "Cache-Control", "no-store");
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s, s:s*, s:b, s:I}", "link", url, "mode",
                               ovd_guest_mode_words[share->mode], "email", share->email, "mailed",
                               share->mailed, "expiresMs",
                               (json_int_t)config_int(m->s.config, "ovd.invitationMs")));
}

void sm_route_share(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct identity_user user;
    struct share share = {0};
    /* This front-end's routes are on the plain port, too; a token must not be. */
    if (!http_is_tls(r)) {
        http_answer_error(r, 404, "not_found", "There is no such page.");
        return;
    }
    if (!require_user(m, r, &user) || !read_wish(r, &share))
        return;
    int result = find(m, user.id, &share);
    if (result < 0)
        answer_failure(r, result);
    else
        answer(m, r, &share);
    sm_record_finish(&share.record);
}
