/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Application Server of an Isthmus host asks beside the OVD protocol, which does not say what is to
 * be started and knows no browser client. A host hears about its own sessions only; every other one is
 * unknown to it. */
#include <inttypes.h>
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define BODY_MAX 16384
#define URL_MAX 512
#define SIDE_MAX 32767

static void answer_json(struct http_request *r, json_t *value)
{
    http_add_header(r, "Cache-Control", "no-store");
    http_answer_json(r, 200, value);
}

static void refuse(struct http_request *r, const char *message)
{
    http_answer_error(r, 400, "bad_request", message);
}

static void answer_failure(struct http_request *r, int error)
{
    if (error == -ENOENT)
        http_answer_error(r, 404, "unknown_session", "This host has no such session.");
    else
        http_answer_error(r, 503, "store_unavailable", "The database cannot be used at the moment.");
}

/* The register has URLs in normal form, a host may say its own with a slash behind. */
static bool same_url(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    a_len -= a_len > 0 && a[a_len - 1] == '/';
    b_len -= b_len > 0 && b[b_len - 1] == '/';
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* The living session, when it is at the host. */
static int find_session(struct manager *m, const char *session_id, const char *server_url,
                        struct session_row *ret_row)
{
    struct session_row row;
    int r = str_is_id(session_id) ? session_broker_get(m->s.broker, session_id, NULL, &row) : -ENOENT;
    if (r == 0 && (!same_url(row.server_url, server_url) || !session_status_is_alive(row.status)))
        r = -ENOENT;
    if (r == 0)
        *ret_row = row;
    return r;
}

/* ---- POST /gateway/ovd/session ---- */

static int64_t side_of(const json_t *policy, const char *name)
{
    char error[JSON_ERROR_LEN];
    int64_t value = 0;
    const json_t *resources = json_object_get(policy, "resources");
    if (json_is_object(resources))
        (void)json_opt_int(resources, name, 0, SIDE_MAX, &value, error);
    return value;
}

/* number: of the application, as OVD clients call it, "" for none. */
static json_t *launch_json(const struct session_row *row, const struct identity_launch *launch,
                           const char *number)
{
    const json_t *reconnect = json_object_get(json_object_get(launch->policy, "session"), "allowReconnect");
    json_t *policy = launch->policy ? launch->policy : json_null();
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:O}",
                     "sessionId", row->id, "userId", row->user_id, "username", row->username, "workspaceId",
                     launch->workspace_id, "workspaceName", launch->workspace_name, "workspaceType",
                     launch->workspace_type, "appId", launch->app_id, "appNumber", number, "appName",
                     launch->app_name, "appExe", launch->app_exe, "appArgs", launch->app_args, "maxWidth",
                     (json_int_t)side_of(launch->policy, "maxDesktopWidth"), "maxHeight",
                     (json_int_t)side_of(launch->policy, "maxDesktopHeight"), "persistent",
                     !json_is_false(reconnect), "policy", policy);
}

/* By its legacy name; the lease of a session that its host is about to start gets its time again. */
static int find_launch(struct manager *m, const char *ovd_session, const char *server_url,
                       struct session_row *ret_row, struct identity_launch *ret_launch)
{
    struct record record = {0};
    int r = ovd_id_is_valid(ovd_session) ? sm_record_by_id(m, ovd_session, &record) : -ENOENT;
    if (r == 0)
        r = find_session(m, record.session_id, server_url, ret_row);
    if (r == 0)
        r = session_broker_renew(m->s.broker, ret_row->id);
    if (r == 0)
        r = session_broker_launch(m->s.broker, ret_row->id, ret_launch);
    sm_record_finish(&record);
    return r;
}

static int number_text(struct manager *m, const struct identity_launch *launch, char **ret_text)
{
    int64_t number;
    if (!launch->app_id[0]) {
        *ret_text = xstrdup("");
        return 0;
    }
    int r = sm_application_number(m, launch->app_id, &number);
    if (r == 0)
        *ret_text = xasprintf("%" PRId64, number);
    return r;
}

static void route_session(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    char error[JSON_ERROR_LEN];
    const char *url, *ovd_session;
    struct session_row row;
    struct identity_launch launch = {0};
    const json_t *body = http_json(r);
    if (!body)
        return;
    if (json_get_string(body, "serverUrl", URL_MAX, &url, error) < 0 ||
        json_get_string(body, "ovdSession", OVD_ID_SIZE - 1, &ovd_session, error) < 0) {
        refuse(r, error);
        return;
    }
    cleanup_free char *number = NULL;
    int result = find_launch(m, ovd_session, url, &row, &launch);
    if (result < 0) {
        answer_failure(r, result);
        return;
    }
    result = number_text(m, &launch, &number);
    if (result == 0)
        answer_json(r, launch_json(&row, &launch, number));
    else
        answer_failure(r, -EIO);
    identity_launch_finish(&launch);
}

/* ---- POST /gateway/ovd/code ---- */

struct code_wish {
    const char *url, *session_id, *guest;
    enum identity_role role;
};

static int read_wish(const json_t *body, struct code_wish *wish, char error[JSON_ERROR_LEN])
{
    const char *role;
    *wish = (struct code_wish){.guest = ""};
    int r = json_get_string(body, "serverUrl", URL_MAX, &wish->url, error);
    if (r == 0)
        r = json_get_string(body, "sessionId", SECRET_ID_LEN - 1, &wish->session_id, error);
    if (r == 0)
        r = json_get_string(body, "role", 16, &role, error);
    if (r == 0)
        r = json_opt_string(body, "email", IDENTITY_GUEST_MAX, &wish->guest, error);
    if (r == 0 && identity_role_read(role, &wish->role) < 0) {
        r = -EINVAL;
        (void)str_copy(error, JSON_ERROR_LEN, "role must be owner, active or passive");
    }
    return r;
}

static void answer_code(struct manager *m, struct http_request *r, const char *code)
{
    unsigned https_port;
    const char *base_path;
    m->s.public_address(m->s.process, &https_port, &base_path);
    answer_json(r, json_pack("{s:s, s:i, s:i, s:s, s:s}", "code", code, "expiresMs",
                             IDENTITY_CODE_LIFETIME_S * 1000, "httpsPort", (int)https_port, "basePath",
                             base_path, "publicUrl", config_str(m->s.config, "gateway.publicUrl")));
}

static void route_code(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    char error[JSON_ERROR_LEN], code[SECRET_ID_LEN];
    struct code_wish wish;
    struct session_row row;
    const json_t *body = http_json(r);
    if (!body)
        return;
    if (read_wish(body, &wish, error) < 0) {
        refuse(r, error);
        return;
    }
    int result = find_session(m, wish.session_id, wish.url, &row);
    if (result == 0)
        result = identity_code_make(m->s.identity, row.user_id, row.id, wish.role,
                                    wish.role == IDENTITY_OWNER ? "" : wish.guest, code);
    if (result == -EINVAL) {
        refuse(r, "email is not one line of text");
    } else if (result < 0) {
        answer_failure(r, result);
    } else {
        log_event(LOG_LEVEL_INFO, row.id, "%s gets a code for a browser, as %s", row.server_url,
                  identity_role_words[wish.role]);
        answer_code(m, r, code);
    }
    secret_wipe(code, sizeof(code));
}

/* clang-format off */
#define SERVICE(file, handler) {"GET", "/sessionmanager/webservices/" file, HTTP_ON_WORKER, 0, 0, handler}
/* clang-format on */

/* The services for servers are here, too: a host of the farm knows this port and no other. They ask who it
 * is, as everywhere. */
const struct http_route sm_host_routes[] = {
    {"POST", "/gateway/ovd/session", HTTP_ON_WORKER, HTTP_PEER_AUTH, BODY_MAX, route_session},
    {"POST", "/gateway/ovd/code", HTTP_ON_WORKER, HTTP_PEER_AUTH, BODY_MAX, route_code},
    SERVICE("session_token.php", sm_route_session_token),
    SERVICE("session_status.php", sm_route_session_status),
    SERVICE("session_end_status.php", sm_route_session_end_status),
    {"GET", "/sessionmanager/webservices/session_invite.php", HTTP_ON_LOOP, 0, 0, sm_route_session_invite},
    SERVICE("icon.php", sm_route_server_icon),
    SERVICE("application.php", sm_route_server_application),
    SERVICE("get_news.php", sm_route_news),
    SERVICE("get_logo.php", sm_route_logo),
    {0},
};
