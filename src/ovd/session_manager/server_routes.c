/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Application Server of a session asks: redeeming a token, telling a status, telling why a session
 * ended. Refusals are 200 with the original's words, because servers look at the body and not at the status.
 */
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define TOKEN_ANSWER_MAX ((size_t)1024 * 1024)
#define STOP_WHY_MAX 16

/* A server's request after its checks. */
struct question {
    struct args args;
    char fqdn[FQDN_SIZE];
    struct record record; /* of the session, when it is asked about one */
    struct session_row row;
};

static void question_finish(struct question *q)
{
    sm_record_finish(&q->record);
    sm_args_finish(&q->args);
}

/* Names the first argument of the list that is missing; false after answering. */
static bool has_all(struct http_request *r, struct question *q, const char *const *names)
{
    if (sm_args_read(r, &q->args) < 0) {
        sm_manager_answer(r, 400, MANAGER_TEXT, "");
        return false;
    }
    for (; *names; names++) {
        if (form_get(&q->args.query, *names))
            continue;
        cleanup_free char *text = xasprintf("ERROR - NO $_GET['%s']", *names);
        sm_manager_say(r, text);
        return false;
    }
    return true;
}

static bool is_ours(struct manager *m, struct http_request *r, struct question *q)
{
    if (sm_server_name(form_get(&q->args.query, "fqdn"), q->fqdn) < 0) {
        sm_manager_say(r, "Server not authorized");
        return false;
    }
    return sm_server_check(m, r, q->fqdn);
}

/* The session of a record, when it is this server's and not over. */
static int find_session(struct manager *m, struct question *q)
{
    struct server server;
    int r = session_broker_get(m->s.broker, q->record.session_id, NULL, &q->row);
    if (r == 0)
        r = sm_server_of_url(m, q->row.server_url, &server);
    if (r == 0 && (strcasecmp(server.fqdn, q->fqdn) != 0 || q->row.status == SESSION_DESTROYED))
        r = -ENOENT;
    return r;
}

static bool has_session(struct manager *m, struct http_request *r, struct question *q)
{
    int result = sm_record_by_id(m, form_get(&q->args.query, "session"), &q->record);
    if (result == 0)
        result = find_session(m, q);
    if (result < 0)
        sm_manager_say(r, "ERROR - No such session");
    return result == 0;
}

/* ---- session_token.php ---- */

static int fill_settings(struct manager *m, const struct question *q, const struct token *token,
                         struct ovd_session_token *message)
{
    cleanup_json json_t *overlay = NULL;
    if (token->type == OVD_TOKEN_INVITE) {
        int r = sm_invite_settings(m, token->invite, &overlay);
        if (r < 0)
            return r;
    }
    for (enum ovd_setting s = 0; s < OVD_SETTING_COUNT; s++) {
        const char *value = json_string_value(json_object_get(overlay, ovd_setting_name(s)));
        if (!value)
            value = json_string_value(json_object_get(q->record.settings, ovd_setting_name(s)));
        message->settings[s] = value ? xstrdup(value) : NULL;
    }
    return 0;
}

/* None of our applications is known to have a desktop file on the server, so it is told to fetch each one. */
static int fill_menu(struct manager *m, const char *user_id, struct ovd_session_token *message)
{
    cleanup_json json_t *apps = NULL;
    size_t i;
    const json_t *app;
    int r = sm_applications_of_user(m, user_id, &apps);
    if (r < 0)
        return r;
    message->menu = calloc(json_array_size(apps) + 1, sizeof(*message->menu));
    if (!message->menu)
        return -ENOMEM;
    json_array_foreach(apps, i, app)
    {
        struct ovd_menu_item *item = &message->menu[message->menu_count++];
        *item = (struct ovd_menu_item){.is_virtual = true, .reload = true};
        r = sm_application_number(m, json_string_value(json_object_get(app, "id")), &item->id);
        if (r < 0)
            return r;
    }
    return 0;
}

static int build(struct manager *m, const struct question *q, const struct token *token, struct buf *out)
{
    struct ovd_session_token message = {
        .id = xstrdup(q->record.id),
        .mode = token->type == OVD_TOKEN_INVITE ? OVD_MODE_SHARE : q->record.mode,
        .type = token->type,
        .fs_type = xstrdup("local"),
    };
    int r = fill_settings(m, q, token, &message);
    if (r == 0)
        r = fill_menu(m, q->record.user_id, &message);
    if (r == 0)
        r = ovd_session_token_build(&message, out);
    ovd_session_token_finish(&message);
    return r;
}

/* 0 and the XML; else what is to be said. Looking comes first, so that a stranger's question does not use the
 * token up; taking it is one statement, so that of several servers, or of one that asks twice, one gets it.
 */
static const char *redeem(struct manager *m, struct question *q, struct token *token, struct buf *out)
{
    const char *id = form_get(&q->args.query, "token");
    if (!ovd_id_is_valid(id) || sm_token_find(m, id, token) < 0 ||
        sm_record_by_id(m, token->record, &q->record) < 0)
        return "No such token file";
    int r = find_session(m, q);
    if (r == 0 && token->type == OVD_TOKEN_START && q->row.status == SESSION_TO_CREATE)
        r = session_broker_renew(m->s.broker, q->row.id);
    if (r < 0)
        return "Invalid session";
    if (sm_token_take(m, id) < 0)
        return "No such token file";
    r = build(m, q, token, out);
    if (r == -ENOENT)
        return "No such invite";
    return r < 0 ? "Invalid session" : NULL;
}

void sm_route_session_token(struct http_request *r, void *ctx)
{
    static const char *const needed[] = {"fqdn", NULL};
    struct manager *m = ctx;
    struct question q = {0};
    struct token token;
    struct buf out;
    buf_init(&out, TOKEN_ANSWER_MAX);
    if (has_all(r, &q, needed) && is_ours(m, r, &q)) {
        const char *id = form_get(&q.args.query, "token");
        const char *refusal = id && *id ? redeem(m, &q, &token, &out) : "ERROR - NO $_GET['token']";
        if (refusal) {
            sm_manager_say(r, refusal);
        } else {
            log_event(LOG_LEVEL_INFO, q.row.id, "%s token redeemed by %s", ovd_token_type_words[token.type],
                      q.fqdn);
            http_add_header(r, "Cache-Control", "no-store");
            http_answer(r, 200, MANAGER_XML, out.data, out.len);
        }
    }
    buf_finish(&out);
    question_finish(&q);
}

/* ---- session_status.php, session_end_status.php ---- */

static int store_status(struct manager *m, struct question *q, int status)
{
    const char *why = status == SESSION_DESTROYED && !q->record.stop_why[0] ? "unknown" : q->record.stop_why;
    int r = session_broker_told(m->s.broker, q->row.server_url, q->row.id, status,
                                status == SESSION_DESTROYED ? why : "", &q->row);
    if (r == 0)
        r = sm_record_status(m, q->record.id, status);
    if (r == 0 && status == SESSION_DESTROYED)
        m->s.session_ended(m->s.process, &q->row);
    return r;
}

void sm_route_session_status(struct http_request *r, void *ctx)
{
    static const char *const needed[] = {"session", "status", "fqdn", NULL};
    struct manager *m = ctx;
    struct question q = {0};
    int64_t status;
    if (has_all(r, &q, needed) && is_ours(m, r, &q) && has_session(m, r, &q)) {
        const char *text = form_get(&q.args.query, "status");
        if (str_to_int(text, -1, 22, &status) < 0 || !ovd_session_status_is_known(status)) {
            log_event(LOG_LEVEL_WARN, q.row.id, "%s tells a status that is none", q.fqdn);
            sm_manager_answer(r, 400, MANAGER_TEXT, "ERROR - No such status");
        } else {
            int result = store_status(m, &q, (int)status);
            if (result < 0)
                sm_manager_answer(r, 503, MANAGER_TEXT, "");
            else
                sm_manager_say(r, "");
        }
    }
    question_finish(&q);
}

void sm_route_session_end_status(struct http_request *r, void *ctx)
{
    static const char *const needed[] = {"session", "status", "fqdn", NULL};
    struct manager *m = ctx;
    struct question q = {0};
    if (has_all(r, &q, needed) && is_ours(m, r, &q) && has_session(m, r, &q)) {
        char why[STOP_WHY_MAX + 1] = "";
        const char *text = form_get(&q.args.query, "status");
        memcpy(why, text, strnlen(text, STOP_WHY_MAX));
        int result = sm_record_stop_why(m, q.record.id, sm_end_reason(why));
        if (result == -ENOENT)
            sm_manager_say(r, "ERROR - No such report");
        else if (result < 0)
            sm_manager_answer(r, 503, MANAGER_TEXT, "");
        else
            sm_manager_say(r, "");
    }
    question_finish(&q);
}
