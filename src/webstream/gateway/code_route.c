/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /gateway/session/code: a page that was opened with a one-time code gets into its session. The code is
 * all that it has, so there is no Authorization here. */
#include <stdio.h>

#include "base/clock.h"
#include "webstream/gateway/attempts.h"
#include "webstream/gateway/iam.h"

struct exchange {
    char client[ADDR_TEXT_LEN];
    struct identity_caller caller;
    struct session_row row;
    char workspace[257];
    char *token;
    int64_t expires;
};

static void exchange_free(void *data)
{
    struct exchange *e = data;
    if (e->token)
        secret_wipe(e->token, strlen(e->token));
    free(e->token);
    free(e);
}

static void refuse(struct http_request *r)
{
    http_answer_error(r, 401, "code_invalid", "This link has been used or is too old.");
}

static json_t *answer_of(const struct exchange *e)
{
    char text[21];
    clock_format_utc(e->expires, text);
    json_t *answer =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "token", e->token, "expiresAt", text, "sessionId", e->row.id,
                  "workspaceName", e->workspace, "role", identity_role_words[e->caller.role]);
    const struct identity_user *user = &e->caller.user;
    if (!answer)
        return NULL;
    /* A guest hears whose session it is, and nothing else of the owner. */
    if (e->caller.role == IDENTITY_OWNER) {
        json_object_set_new(answer, "user", iam_user_json(user));
        json_object_set_new(answer, "workspaceId", json_string(e->row.workspace_id));
        json_object_set_new(answer, "appId", json_string(e->row.app_id));
    } else {
        json_object_set_new(answer, "displayName", json_string(e->caller.guest));
        json_object_set_new(answer, "ownerName",
                            json_string(user->display_name[0] ? user->display_name : user->username));
    }
    return answer;
}

static void finish(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct exchange *e = http_data(r);
    attempts_refund(&g->code_attempts, e->client);
    log_event(LOG_LEVEL_INFO, e->row.id, "entered by a code as %s from %s%s%s",
              identity_role_words[e->caller.role], e->client, e->caller.guest[0] ? ": " : "",
              e->caller.guest);
    gateway_answer(r, 200, answer_of(e));
}

/* The session and the name of what it shows. */
static int find_session(struct gateway *g, const char *session_id, struct exchange *e)
{
    struct identity_launch launch = {0};
    int r = session_broker_get(g->broker, session_id, e->caller.user.id, &e->row);
    if (r == 0 && !session_status_is_alive(e->row.status))
        r = -ESHUTDOWN;
    if (r == 0)
        r = session_broker_launch(g->broker, session_id, &launch);
    if (r < 0)
        return r;
    r = str_copy(e->workspace, sizeof(e->workspace),
                 launch.app_name[0] ? launch.app_name : launch.workspace_name);
    identity_launch_finish(&launch);
    return r;
}

static void redeem(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct exchange *e = http_data(r);
    char session_id[SECRET_ID_LEN];
    const char *code = json_string_value(json_object_get(http_json(r), "code"));
    int result =
        identity_code_redeem(g->identity, code, e->client, &e->caller, session_id, &e->token, &e->expires);
    if (result == 0)
        result = find_session(g, session_id, e);
    if (result == 0)
        http_on_loop(r, finish);
    else if (result == -EACCES)
        refuse(r);
    else if (result == -ENOENT || result == -ESHUTDOWN)
        http_answer_error(r, 410, "session_ended", "The session has ended.");
    else
        gateway_answer_failure(r, result);
}

void route_code(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    char error[JSON_ERROR_LEN], wait[16];
    const char *code;
    unsigned wait_s;
    const json_t *body = http_json(r);
    if (!body)
        return;
    if (json_get_string(body, "code", 64, &code, error) < 0) {
        http_answer_error(r, 400, "bad_request", error);
        return;
    }
    struct exchange *e = xcalloc(1, sizeof(*e));
    http_set_data(r, e, exchange_free);
    gateway_client(g, r, e->client);
    if (attempts_charge(&g->code_attempts, e->client, clock_monotonic_ms(NULL), &wait_s) < 0) {
        snprintf(wait, sizeof(wait), "%u", wait_s);
        http_add_header(r, "Retry-After", wait);
        http_answer_error(r, 429, "throttled", "There were too many links that are not good; wait a moment.");
        return;
    }
    http_work(r, redeem);
}
