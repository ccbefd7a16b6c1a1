/* SPDX-License-Identifier: GPL-3.0-or-later */
/* select, release, status and ticket (docs/protocol/gateway.md). */
#include "base/clock.h"
#include "webstream/gateway/caller.h"
#include "webstream/gateway/gateway_priv.h"

#define BODY_MAX 16384

static const char *sent_id(struct http_request *r)
{
    const char *id = http_header(r, "X-Session-ID");
    size_t len = 0;
    if (id)
        return id;
    http_body(r, &len);
    if (len > 0) {
        const json_t *body = http_json(r);
        if (!body)
            return NULL; /* answered */
        id = json_string_value(json_object_get(body, "sessionId"));
    }
    if (!id)
        id = http_query(r, "sessionId");
    return id ? id : "";
}

const char *session_id_of(struct http_request *r)
{
    const char *id = sent_id(r);
    if (id && !str_is_id(id)) {
        http_answer_error(r, 400, "bad_session_id", "X-Session-ID must be 32 lower-case hexadecimal digits.");
        return NULL;
    }
    return id;
}

int64_t session_expires_at(struct gateway *g, const struct session_row *row)
{
    struct identity_launch launch;
    if (row->status == SESSION_TO_CREATE && row->ws_port == 0)
        return row->changed + config_int(g->config, "isthmus.selectExpiryMs") / 1000;
    if (!session_status_is_alive(row->status) || session_broker_launch(g->broker, row->id, &launch) < 0)
        return 0;
    int64_t limit = json_integer_value(
        json_object_get(json_object_get(launch.policy, "session"), "maxSessionDurationSeconds"));
    identity_launch_finish(&launch);
    return limit > 0 ? row->created + limit : 0;
}

static void answer_select_failure(struct http_request *r, int error)
{
    switch (error) {
    case -ENOSPC:
        http_add_header(r, "Retry-After", "15");
        http_answer_error(r, 503, "pool_exhausted", "All sessions are taken at the moment.");
        break;
    case -EHOSTDOWN:
        http_add_header(r, "Retry-After", "15");
        http_answer_error(r, 503, "no_host", "No session host is in service.");
        break;
    case -EDQUOT:
        http_answer_error(r, 409, "user_limit", "You have as many sessions as you are allowed.");
        break;
    case -EEXIST:
        http_answer_error(r, 409, "session_taken", "This session id is in use or used up.");
        break;
    default:
        gateway_answer_failure(r, error);
    }
}

/* What is asked for. appExe, appArgs and workspaceType of the body are ignored: the entitlement says what
 * they are. */
static bool read_selection(struct http_request *r, const char **ret_workspace, const char **ret_app)
{
    char error[JSON_ERROR_LEN];
    const char *app = NULL;
    const json_t *body = http_json(r);
    if (!body)
        return false;
    if (json_get_string(body, "workspaceId", 32, ret_workspace, error) < 0 ||
        json_opt_string(body, "appId", 32, &app, error) < 0) {
        http_answer_error(r, 400, "bad_request", error);
        return false;
    }
    if (app && !*app)
        app = NULL;
    if (!str_is_id(*ret_workspace) || (app && !str_is_id(app))) {
        http_answer_error(r, 400, "bad_request", "workspaceId and appId must be ids of the entitlements.");
        return false;
    }
    *ret_app = app;
    return true;
}

static bool check_entitlement(struct gateway *g, struct http_request *r, const struct identity_user *user,
                              struct identity_launch *ret_launch)
{
    const char *workspace, *app;
    if (!read_selection(r, &workspace, &app))
        return false;
    int result = identity_launch(g->identity, user->id, workspace, app, ret_launch);
    if (result == -EACCES)
        http_answer_error(r, 403, "not_entitled", "You may not open this workspace or application.");
    else if (result == -ENOENT)
        http_answer_error(r, 404, "unknown_workspace", "There is no such workspace or application.");
    else if (result < 0)
        gateway_answer_failure(r, result);
    return result == 0;
}

static void route_select(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_user user;
    struct identity_launch launch;
    struct session_row row;
    bool resumed;
    char client[ADDR_TEXT_LEN];
    const char *wanted = http_header(r, "X-Session-ID");

    if (!caller_require(g, r, &user))
        return;
    if (wanted && !session_id_of(r))
        return;
    if (!check_entitlement(g, r, &user, &launch))
        return;
    int result = session_broker_select(g->broker, &user, &launch, wanted, &row, &resumed);
    gateway_client(g, r, client);
    if (result < 0) {
        answer_select_failure(r, result);
    } else {
        log_event(LOG_LEVEL_INFO, row.id, "%s by %s from %s: workspace %s at %s",
                  resumed ? "selected again" : "selected", user.username, client, launch.workspace_name,
                  row.server_url);
        gateway_answer(r, 200,
                       json_pack("{s:s, s:s, s:s, s:b}", "sessionId", row.id, "state",
                                 session_status_word(row.status), "workspaceId", row.workspace_id, "resumed",
                                 resumed));
    }
    identity_launch_finish(&launch);
}

/* The session of the request, of the user. */
static bool find_session(struct gateway *g, struct http_request *r, const char *id, const char *user_id,
                         struct session_row *ret_row)
{
    int result = session_broker_get(g->broker, id, user_id, ret_row);
    if (result == -ENOENT)
        http_answer_error(r, 404, "unknown_session", "There is no such session.");
    else if (result < 0)
        gateway_answer_failure(r, result);
    return result == 0;
}

bool session_of_caller(struct gateway *g, struct http_request *r, struct identity_user *ret_user,
                       struct session_row *ret_row)
{
    if (!caller_require(g, r, ret_user))
        return false;
    const char *id = session_id_of(r);
    return id && find_session(g, r, id, ret_user->id, ret_row);
}

bool session_of_viewer(struct gateway *g, struct http_request *r, struct identity_caller *ret_caller,
                       struct session_row *ret_row)
{
    if (!caller_accept(g, r, ret_caller))
        return false;
    const char *id = session_id_of(r);
    if (!id)
        return false;
    if (ret_caller->role != IDENTITY_OWNER && strcmp(id, ret_caller->session_id) != 0) {
        caller_refuse_guest(r);
        return false;
    }
    return find_session(g, r, id, ret_caller->user.id, ret_row);
}

static void route_status(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_caller caller;
    struct session_row row;
    if (!session_of_viewer(g, r, &caller, &row))
        return;
    int64_t expires = session_expires_at(g, &row);
    char text[21];
    clock_format_utc(expires, text);
    gateway_answer(r, 200,
                   json_pack("{s:s, s:s, s:i, s:i, s:o, s:s*}", "sessionId", row.id, "state",
                             session_status_word(row.status), "ovdStatus", row.status, "viewers", row.viewers,
                             "expiresAt", expires > 0 ? json_string(text) : json_null(), "reason",
                             row.reason[0] ? row.reason : NULL));
}

/* A release goes on from worker to loop (sockets, host) to worker (store) with this. */
struct release {
    struct gateway *gateway;
    struct http_request *request;
    struct session_row row;
};

static void answer_release(struct http_request *r, const struct session_row *row)
{
    gateway_answer(r, 200,
                   json_pack("{s:s, s:s}", "sessionId", row->id, "state", session_status_word(row->status)));
}

static void store_end(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct release *release = http_data(r);
    if (session_broker_ended(g->broker, release->row.id, "exit") == 0)
        release->row.status = SESSION_DESTROYED;
    answer_release(r, &release->row);
}

static void on_host_ended(void *arg, const char *state)
{
    struct release *release = arg;
    if (state && strcmp(state, "ended") == 0) {
        ws_links_close_session(release->gateway, release->row.id);
        http_work(release->request, store_end);
        return;
    }
    if (!state) {
        log_event(LOG_LEVEL_WARN, release->row.id,
                  "%s cannot be told to end it now, and will be with its next report",
                  release->row.server_url);
        ws_links_close_session(release->gateway, release->row.id);
    } else {
        ws_links_expect_end(release->gateway, release->row.id); /* its viewers are told why */
    }
    answer_release(release->request, &release->row);
}

static void release_on_loop(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct release *release = http_data(r);
    if (release->row.status == SESSION_TO_DESTROY) {
        gateway_host_end(g, release->row.server_url, release->row.id, "exit", on_host_ended, release);
    } else {
        ws_links_close_session(g, release->row.id);
        answer_release(r, &release->row);
    }
}

/* A session that has filled the disk must not live on because its end cannot be written down: the host is
 * asked all the same, and its reports tell the rest when there is room again. */
static bool release_without_store(struct session_row *row)
{
    if (!session_status_is_alive(row->status) || row->ws_port == 0)
        return false;
    row->status = SESSION_TO_DESTROY;
    log_event(LOG_LEVEL_WARN, row->id,
              "the database cannot take its release; the host is asked all the same");
    return true;
}

static void route_release(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_user user;
    struct session_row row;
    char client[ADDR_TEXT_LEN];
    if (!session_of_caller(g, r, &user, &row))
        return;
    int result = session_broker_release(g->broker, row.id, user.id, &row);
    if (result < 0 && (result == -ENOENT || !release_without_store(&row))) {
        gateway_answer_failure(r, result);
        return;
    }
    gateway_client(g, r, client);
    log_event(LOG_LEVEL_INFO, row.id, "released by %s from %s", user.username, client);
    struct release *release = xcalloc(1, sizeof(*release));
    *release = (struct release){.gateway = g, .request = r, .row = row};
    http_set_data(r, release, free);
    http_on_loop(r, release_on_loop);
}

static bool read_channel(struct http_request *r, const char **ret_channel)
{
    static const char *const channels[] = {"capture", "control", "audio"};
    char error[JSON_ERROR_LEN];
    const json_t *body = http_json(r);
    if (!body)
        return false;
    if (json_get_string(body, "channel", 16, ret_channel, error) == 0)
        for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
            if (strcmp(*ret_channel, channels[i]) == 0)
                return true;
    http_answer_error(r, 400, "bad_channel", "channel must be capture, control or audio.");
    return false;
}

static void route_ticket(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_caller caller;
    struct session_row row;
    const char *channel;
    char ticket[SECRET_ID_LEN];
    char expires_text[21];
    int64_t expires;
    if (!session_of_viewer(g, r, &caller, &row) || !read_channel(r, &channel))
        return;
    if (!session_status_is_alive(row.status)) {
        http_answer_error(r, 410, "session_ended", "The session has ended.");
        return;
    }
    if (row.ws_port == 0 || (caller.role != IDENTITY_OWNER && row.status != SESSION_READY)) {
        http_answer_error(r, 409, "not_connected",
                          "The session has no display yet; ask for /getConnection first.");
        return;
    }
    int result =
        identity_ticket_make(g->identity, caller.user.id, caller_token(r), row.id, channel, ticket, &expires);
    if (result == -EACCES)
        caller_refuse(r);
    else if (result < 0)
        gateway_answer_failure(r, result);
    if (result < 0)
        return;
    clock_format_utc(expires, expires_text);
    gateway_answer(r, 200,
                   json_pack("{s:s, s:s, s:s, s:s}", "ticket", ticket, "sessionId", row.id, "channel",
                             channel, "expiresAt", expires_text));
}

const struct http_route gateway_session_routes[] = {
    {"POST", "/gateway/session/select", HTTP_ON_WORKER, 0, BODY_MAX, route_select},
    {"POST", "/gateway/session/release", HTTP_ON_WORKER, 0, BODY_MAX, route_release},
    {"GET", "/session/print/{time}", HTTP_ON_WORKER, 0, 0, route_print},
    {"GET", "/gateway/session/status", HTTP_ON_WORKER, 0, 0, route_status},
    {"POST", "/gateway/session/code", HTTP_ON_LOOP, 0, BODY_MAX, route_code},
    {"POST", "/gateway/session/ticket", HTTP_ON_WORKER, 0, BODY_MAX, route_ticket},
    {"GET", "/getConnection", HTTP_ON_WORKER, 0, 0, route_connection},
    {0},
};
