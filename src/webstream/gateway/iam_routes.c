/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/gateway/caller.h"
#include "webstream/gateway/iam.h"

#define LOGIN_BODY_MAX 16384 /* every byte of a password may be an escape of six */

void iam_answer_data(struct http_request *r, json_t *value)
{
    http_add_header(r, "Cache-Control", "no-store");
    http_answer_data(r, 200, value);
}

json_t *iam_user_json(const struct identity_user *user)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", user->id, "username", user->username, "displayName",
                     user->display_name, "organisationId", user->organisation_id, "admin", user->admin);
}

static void route_me(struct http_request *r, void *ctx)
{
    struct identity_user user;
    if (caller_require(ctx, r, &user))
        iam_answer_data(r, iam_user_json(&user));
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
    iam_answer_data(r, json_object());
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
        iam_answer_data(r, workspaces);
}

static void route_health(struct http_request *r, void *ctx)
{
    char now[21];
    if (!gateway_state_works(ctx)) {
        http_answer_error(r, 503, "store_unavailable", "The database cannot be used at the moment.");
        return;
    }
    clock_format_utc(clock_wall_s(NULL), now);
    iam_answer_data(r, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "status", "healthy", "version",
                                 ISTHMUS_VERSION, "mode", "builtin", "authMode", "builtin", "database",
                                 "connected", "timestamp", now));
}

const struct http_route gateway_iam_routes[] = {
    {"POST", "/iam/auth/login", HTTP_ON_LOOP, 0, LOGIN_BODY_MAX, route_login},
    {"GET", "/iam/auth/me", HTTP_ON_WORKER, 0, 0, route_me},
    {"POST", "/iam/auth/logout", HTTP_ON_WORKER, 0, 1024, route_logout},
    {"GET", "/iam/users/{id}/entitlements", HTTP_ON_WORKER, 0, 0, route_entitlements},
    {"GET", "/iam/health", HTTP_ON_WORKER, 0, 0, route_health},
    {0},
};
