/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "webstream/gateway/caller.h"
#include "webstream/gateway/iam.h"

#define USERNAME_MAX 128
#define PASSWORD_MAX 1024
#define LOGIN_BODY_MAX 16384 /* every byte of a password may be an escape of six */

static void answer_data(struct http_request *r, json_t *value)
{
    http_add_header(r, "Cache-Control", "no-store");
    http_answer_data(r, 200, value);
}

static json_t *user_json(const struct identity_user *user)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", user->id, "username", user->username, "displayName",
                     user->display_name, "organisationId", user->organisation_id, "admin", user->admin);
}

/* A name in quotes on a log line: its own quotes become %22 (and % becomes %25), so that nobody can end the
 * field and forge the next one. Backslashes and control characters are the log's business. */
static void quote(const char *text, char *ret_text, size_t size)
{
    size_t at = 0;
    for (; *text && at + 4 < size; text++) {
        if (*text == '"' || *text == '%')
            at += (size_t)snprintf(ret_text + at, size - at, "%%%02X", (unsigned)*text);
        else
            ret_text[at++] = *text;
    }
    ret_text[at] = '\0';
}

/* One stable line per login, for whoever watches the log (docs/protocol/iam.md). */
static void log_login(const char *what, const char *username, const char *client, const char *reason)
{
    char quoted[3 * USERNAME_MAX + 4];
    quote(username, quoted, sizeof(quoted));
    enum log_level level = reason ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    log_event(level, NULL, "login %s user=\"%s\" address=%s%s%s", what, quoted, client,
              reason ? " reason=" : "", reason ? reason : "");
}

static void refuse_login(struct http_request *r, int result, unsigned wait_s, const char *username,
                         const char *client)
{
    if (result == -EACCES) {
        log_login("refused", username, client, "credentials");
        http_answer_error(r, 401, "invalid_credentials", "The user name or the password is wrong.");
    } else if (result == -EAGAIN) {
        char wait[16];
        snprintf(wait, sizeof(wait), "%u", wait_s);
        log_login("refused", username, client, "throttled");
        http_add_header(r, "Retry-After", wait);
        http_answer_error(r, 429, "throttled",
                          "There were too many failed logins; wait before the next one.");
    } else {
        log_login("refused", username, client, result == -EBUSY ? "busy" : "database");
        gateway_answer_failure(r, result);
    }
}

static void accept_login(struct http_request *r, const struct identity_user *user, const char *token,
                         int64_t expires, const char *client)
{
    char text[21];
    clock_format_utc(expires, text);
    log_login("accepted", user->username, client, NULL);
    answer_data(r, json_pack("{s:s, s:s, s:o}", "token", token, "expiresAt", text, "user", user_json(user)));
}

static void route_login(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    const char *username, *password;
    char error[JSON_ERROR_LEN], client[ADDR_TEXT_LEN];
    const json_t *body = http_json(r);
    if (!body)
        return;
    if (json_get_string(body, "username", USERNAME_MAX, &username, error) < 0 ||
        json_get_string(body, "password", PASSWORD_MAX, &password, error) < 0) {
        http_answer_error(r, 400, "bad_request", error);
        return;
    }
    struct identity_user user;
    char *token = NULL;
    int64_t expires = 0;
    unsigned wait_s = 0;
    gateway_client(g, r, client);
    int result = identity_login(g->identity, username, password, client, &user, &token, &expires, &wait_s);
    if (result < 0) {
        refuse_login(r, result, wait_s, username, client);
        return;
    }
    accept_login(r, &user, token, expires, client);
    secret_wipe(token, strlen(token));
    free(token);
}

static void route_me(struct http_request *r, void *ctx)
{
    struct identity_user user;
    if (caller_require(ctx, r, &user))
        answer_data(r, user_json(&user));
}

/* The user's open WebSockets go, too. Those of another browser of the same user come back by themselves, with
 * its own token. */
static void route_logout(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_user user;
    if (!caller_require(g, r, &user))
        return;
    int result = identity_revoke_token(g->identity, caller_token(r));
    if (result < 0 && result != -EACCES) { /* revoked by somebody else in between is what was asked for */
        gateway_answer_failure(r, result);
        return;
    }
    gateway_user_revoked(g, user.id);
    answer_data(r, json_object());
}

static void route_entitlements(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_user user;
    json_t *workspaces = NULL;
    if (!caller_require(g, r, &user))
        return;
    const char *id = http_param(r, "id");
    if (!str_eq(id, user.id) && !user.admin) {
        http_answer_error(r, 403, "forbidden", "Only administrators see what other users may start.");
        return;
    }
    int result = identity_entitlements(g->identity, id, &workspaces);
    if (result == -ENOENT)
        http_answer_error(r, 404, "unknown_user", "There is no such user.");
    else if (result < 0)
        gateway_answer_failure(r, result);
    else
        answer_data(r, workspaces);
}

static void route_health(struct http_request *r, void *ctx)
{
    char now[21];
    if (!gateway_state_works(ctx)) {
        http_answer_error(r, 503, "store_unavailable", "The database cannot be used at the moment.");
        return;
    }
    clock_format_utc(clock_wall_s(NULL), now);
    answer_data(r, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "status", "healthy", "version",
                             ISTHMUS_VERSION, "mode", "builtin", "authMode", "builtin", "database",
                             "connected", "timestamp", now));
}

const struct http_route gateway_iam_routes[] = {
    {"POST", "/iam/auth/login", HTTP_ON_WORKER, 0, LOGIN_BODY_MAX, route_login},
    {"GET", "/iam/auth/me", HTTP_ON_WORKER, 0, 0, route_me},
    {"POST", "/iam/auth/logout", HTTP_ON_WORKER, 0, 1024, route_logout},
    {"GET", "/iam/users/{id}/entitlements", HTTP_ON_WORKER, 0, 0, route_entitlements},
    {"GET", "/iam/health", HTTP_ON_WORKER, 0, 0, route_health},
    {0},
};
