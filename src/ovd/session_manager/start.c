/* SPDX-License-Identifier: GPL-3.0-or-later */
/* startsession.php: from a form to a redirect that carries a token. */
#include "base/log.h"
#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define SERVICE_MESSAGE "The service is not available, please try again later"
#define ACTIVE_MESSAGE "You already have an active session"
#define EXISTS_MESSAGE "You already have a session, please contact your administrator"

struct start {
    struct manager *manager;
    struct http_request *request;
    struct identity_user user;
    struct wish wish;
    struct identity_launch launch;
    bool has_launch;
    struct server server;
    char token[OVD_ID_SIZE];
    const char *message; /* what a refused user reads */
};

enum decision sm_start_decide(int status, bool stale, enum ovd_mode wanted, bool join)
{
    switch (status) {
    case SESSION_SUSPENDING:
    case SESSION_SUSPENDED:
        return DECISION_RESUME;
    case SESSION_CREATED:
    case SESSION_TO_START:
    case SESSION_STARTING:
    case SESSION_READY:
        if (wanted == OVD_MODE_EXTERNAL)
            return DECISION_REUSE;
        return join ? DECISION_JOIN : DECISION_REFUSE_ACTIVE;
    case SESSION_TO_CREATE:
        return stale ? DECISION_EXPIRE : DECISION_REFUSE;
    case SESSION_DESTROYED:
        return DECISION_NEW;
    default:
        return DECISION_REFUSE;
    }
}

/* The workspace of an application, or of the user's desktop when app is NULL; NULL when there is none. */
static const char *find_workspace(json_t *workspaces, const char *app)
{
    const char *chosen = NULL;
    size_t i;
    json_t *workspace;
    json_array_foreach(workspaces, i, workspace)
    {
        const char *type = json_string_value(json_object_get(workspace, "type"));
        bool fits = app ? sm_applications_have(json_object_get(workspace, "applications"), app)
                        : !str_eq(type, "app_collection");
        if (fits && (!chosen || str_eq(type, "virtual_desktop")))
            chosen = json_string_value(json_object_get(workspace, "id"));
    }
    return chosen;
}

static int launch(struct start *start, const char *workspace, const char *app)
{
    int r = identity_launch(start->manager->s.identity, start->user.id, workspace, app, &start->launch);
    start->has_launch = r == 0;
    return r;
}

/* A portal shows applications, each on a screen of its own, so a user who has nothing but applications can
 * have one. The session's own screen is a desktop that no client of a portal looks at. A browser does look at
 * it, and gets the first application instead: nobody has given this user a desktop. */
static int launch_portal(struct start *start, json_t *workspaces)
{
    struct identity_launch *what = &start->launch;
    const char *client =
        json_string_value(json_object_get(start->wish.settings, ovd_setting_name(OVD_SETTING_CLIENT)));
    size_t i;
    json_t *workspace;
    json_array_foreach(workspaces, i, workspace)
    {
        const json_t *first = json_array_get(json_object_get(workspace, "applications"), 0);
        if (!first)
            continue;
        int r = launch(start, json_string_value(json_object_get(workspace, "id")),
                       json_string_value(json_object_get(first, "id")));
        if (r < 0 || str_eq(client, "browser"))
            return r;
        what->app_id[0] = what->app_name[0] = what->app_args[0] = '\0';
        stpcpy(what->app_exe, "remotedesktop");
        stpcpy(what->workspace_type, "virtual_desktop");
        return 0;
    }
    return -ENOENT;
}

/* What the mode starts: the chosen application in external mode, the user's desktop else. */
static int choose_launch(struct start *start)
{
    const char *app = start->wish.mode == OVD_MODE_EXTERNAL ? start->wish.start_app : NULL;
    cleanup_json json_t *workspaces = NULL;
    int r = identity_entitlements(start->manager->s.identity, start->user.id, &workspaces);
    if (r < 0)
        return r;
    const char *chosen = find_workspace(workspaces, app);
    if (chosen)
        return launch(start, chosen, app);
    return start->wish.mode == OVD_MODE_PORTAL ? launch_portal(start, workspaces) : -ENOENT;
}

/* A server that the request names is a placement like one of the policy. */
static int pin_server(struct start *start)
{
    if (!start->wish.server[0])
        return 0;
    int r = sm_server_by_fqdn(start->manager, start->wish.server, &start->server);
    if (r < 0)
        return r;
    json_t *policy = start->launch.policy;
    if (!json_object_get(policy, "resources"))
        json_object_set_new(policy, "resources", json_object());
    return json_object_set_new(json_object_get(policy, "resources"), "hostPlacement",
                               json_string(start->server.url)) < 0
               ? -ENOMEM
               : 0;
}

/* The legacy name of a session; one that was begun in a browser gets it now. */
static int name_session(struct start *start, const struct session_row *row, struct record *ret_record)
{
    struct record record = {.mode = start->wish.mode, .settings = start->wish.settings};
    ovd_id_make(sm_manager_now_ms() / 1000, record.id);
    memcpy(record.session_id, row->id, sizeof(record.session_id));
    memcpy(record.user_id, start->user.id, sizeof(record.user_id));
    int r = sm_record_insert(start->manager, &record);
    if (r < 0)
        return r;
    json_incref(record.settings);
    *ret_record = record;
    return 0;
}

static int find_or_name(struct start *start, const struct session_row *row, struct record *ret_record)
{
    int r = sm_record_by_session(start->manager, row->id, ret_record);
    return r == -ENOENT ? name_session(start, row, ret_record) : r;
}

/* What a browser shows is of no mode, and an invitation from there asks for none: who comes with a form gets
 * the one that it asks for. */
static bool has_mode(const struct record *record)
{
    return !str_eq(json_string_value(json_object_get(record->settings, ovd_setting_name(OVD_SETTING_CLIENT))),
                   "browser");
}

/* Goes on with a session that is there: its server, a token of the type, the new request's settings. */
static int go_on(struct start *start, const struct session_row *row, enum ovd_token_type type)
{
    struct manager *m = start->manager;
    struct record record = {0};
    int r = sm_server_of_url(m, row->server_url, &start->server);
    if (r == 0)
        r = find_or_name(start, row, &record);
    if (r == 0)
        r = sm_record_set_wish(m, record.id, has_mode(&record) ? record.mode : start->wish.mode,
                               start->wish.settings);
    if (r == 0)
        r = sm_token_make(m, type, record.id, "", start->token);
    sm_record_finish(&record);
    return r;
}

static int join(struct start *start, const struct session_row *row)
{
    struct manager *m = start->manager;
    struct record record = {0};
    struct invite invite = {.email = start->user.username, .access_id = "desktop"};
    invite.client =
        json_string_value(json_object_get(start->wish.settings, ovd_setting_name(OVD_SETTING_CLIENT)));
    int r = sm_server_of_url(m, row->server_url, &start->server);
    if (r == 0)
        r = find_or_name(start, row, &record);
    if (r == 0) {
        memcpy(invite.record, record.id, sizeof(invite.record));
        r = sm_invite_make(m, &invite, start->token);
    }
    sm_record_finish(&record);
    return r;
}

/* Status -1 for a while: nobody came with the token, or the server took it and made no session of it. The
 * user may begin anew. */
static bool is_stale(struct start *start, const struct session_row *row)
{
    struct manager *m = start->manager;
    struct record record = {0};
    if (row->status != SESSION_TO_CREATE || sm_record_by_session(m, row->id, &record) < 0)
        return false;
    sm_record_finish(&record);
    return record.age_ms > config_int(m->s.config, "ovd.staleSessionMs");
}

static int expire(struct start *start, const struct session_row *row)
{
    struct manager *m = start->manager;
    struct session_row after;
    int r = session_broker_release(m->s.broker, row->id, start->user.id, &after);
    if (r == 0)
        m->s.session_ended(m->s.process, &after);
    return r;
}

/* 1: the request is settled with this session; 0: go on with the next one. */
static int settle(struct start *start, const struct session_row *row)
{
    bool joins = str_eq(config_str(start->manager->s.config, "ovd.actionWhenActiveSession"), "join");
    int r = 0;
    switch (sm_start_decide(row->status, is_stale(start, row), start->wish.mode, joins)) {
    case DECISION_NEW:
        return 0;
    case DECISION_EXPIRE:
        return expire(start, row);
    case DECISION_RESUME:
        r = go_on(start, row, OVD_TOKEN_RESUME);
        break;
    case DECISION_REUSE:
        r = go_on(start, row, OVD_TOKEN_REUSE);
        break;
    case DECISION_JOIN:
        r = join(start, row);
        break;
    case DECISION_REFUSE_ACTIVE:
        start->message = ACTIVE_MESSAGE;
        r = -EEXIST;
        break;
    case DECISION_REFUSE:
        start->message = EXISTS_MESSAGE;
        r = -EEXIST;
        break;
    }
    return r < 0 ? r : 1;
}

/* A session in the way: begun by a form, or in a browser for the very thing that is asked for. A browser's
 * lease that nobody has opened is in nobody's way. */
static bool is_in_the_way(struct start *start, const struct session_row *row)
{
    struct record record = {0};
    if (sm_record_by_session(start->manager, row->id, &record) == 0) {
        sm_record_finish(&record);
        return true;
    }
    return row->status != SESSION_TO_CREATE && str_eq(row->workspace_id, start->launch.workspace_id) &&
           str_eq(row->app_id, start->launch.app_id);
}

static int look_at_sessions(struct start *start)
{
    struct session_row *rows = calloc(MANAGER_SESSIONS_MAX, sizeof(*rows));
    size_t count = 0;
    if (!rows)
        return -ENOMEM;
    int r =
        session_broker_of_user(start->manager->s.broker, start->user.id, rows, MANAGER_SESSIONS_MAX, &count);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (is_in_the_way(start, &rows[i]))
            r = settle(start, &rows[i]);
    }
    free(rows);
    return r;
}

static int begin(struct start *start)
{
    struct manager *m = start->manager;
    struct session_row row;
    struct record record = {0};
    bool resumed;
    int r = pin_server(start);
    if (r == 0)
        r = session_broker_select(m->s.broker, &start->user, &start->launch, NULL, &row, &resumed);
    if (r == 0)
        r = sm_server_of_url(m, row.server_url, &start->server);
    if (r == 0)
        r = name_session(start, &row, &record);
    if (r == -EEXIST) /* another request of the same user was faster */
        start->message = EXISTS_MESSAGE;
    if (r == 0)
        r = sm_token_make(m, OVD_TOKEN_START, record.id, "", start->token);
    if (r == 0)
        log_event(LOG_LEVEL_INFO, row.id, "started by form by %s as %s at %s", start->user.username,
                  record.id, start->server.fqdn);
    sm_record_finish(&record);
    return r;
}

static int run(struct start *start, const struct args *args)
{
    struct manager *m = start->manager;
    cleanup_json json_t *apps = NULL;
    char any[513];
    int r = sm_login_user(m, start->request, args, &start->user);
    if (r == 0)
        r = sm_applications_of_user(m, start->user.id, &apps);
    if (r == 0)
        r = sm_wish_read(m, args, &start->user, apps, &start->wish);
    if (r == 0)
        r = session_broker_any_host(m->s.broker, any); /* even for a session that is there, as ever */
    if (r == 0)
        r = choose_launch(start);
    if (r == 0)
        r = look_at_sessions(start);
    return r == 0 ? begin(start) : r;
}

static void answer_start(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct start start = {.manager = m, .request = r, .message = SERVICE_MESSAGE};
    struct args args = {0};
    int result = sm_args_read(r, &args);
    if (result == 0)
        result = run(&start, &args);
    if (result >= 0) {
        cleanup_free char *url = sm_redirect_url(&start.server, r, start.token);
        sm_login_forget(m, &args);
        http_add_header(r, "Location", url);
        http_add_header(r, "Cache-Control", "no-store");
        sm_manager_answer(r, 302, MANAGER_TEXT, "");
    } else {
        if (result != -EACCES && result != -EEXIST)
            log_warn("no session for %s: %s", start.user.username[0] ? start.user.username : "a form",
                     strerror(-result));
        sm_page_error(m, r, start.message);
    }
    if (start.has_launch)
        identity_launch_finish(&start.launch);
    sm_wish_finish(&start.wish);
    sm_args_finish(&args);
}

static void refuse_start(struct http_request *r, void *ctx)
{
    sm_page_error(ctx, r, SERVICE_MESSAGE);
}

void sm_route_start(struct http_request *r, void *ctx)
{
    sm_turn_wait(ctx, SM_LANE_LOGIN, r, answer_start, refuse_start);
}
