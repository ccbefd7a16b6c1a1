/* SPDX-License-Identifier: GPL-3.0-or-later */
/* index.php?token=T (spec/ovd.md 3.1, 8): the token is redeemed at the Session Manager, which lets one
 * request win; the session is created, or found; the visitor gets its cookie. Limits: tokens of OVD_ID_MAX
 * characters, those of guests of a participant's name; answers as ovd/message/session_token.h reads them. */
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/str.h"
#include "host/host_policy.h"
#include "ovd/application_server/aps_priv.h"
#include "ovd/message/session_answer.h"

#define ANSWER_MAX 16384
#define LOCATION "/applicationserver"
#define TIME_LIMIT_MAX INT64_C(253402300799)
#define TEXT_MAX 65536
#define PROBLEM_LEN 256

struct redeem {
    struct aps *aps;
    struct http_request *request;
    char id[OVD_ID_MAX + 1]; /* the token */
    struct ovd_session_token token;
    bool created; /* the session, by this token */
    char own_app[APS_APP_ID_LEN];
};

static void redeem_free(struct redeem *redeem)
{
    ovd_session_token_finish(&redeem->token);
    secret_wipe(redeem->id, sizeof(redeem->id));
    free(redeem);
}

static void redirect(struct http_request *r, const char *where)
{
    http_add_header(r, "Location", where);
    aps_answer(r, 302, APS_TEXT, "");
}

static void refuse(struct redeem *redeem, const char *why)
{
    log_warn("%s: a token leads to no session: %s", http_peer(redeem->request), why);
    redirect(redeem->request, "error/");
    redeem_free(redeem);
}

static bool is_here(const char *url)
{
    return str_starts_with(url, "http://127.") || str_starts_with(url, "http://localhost:") ||
           str_starts_with(url, "http://[::1]:");
}

/* Where people find the Session Manager: the address that this server asks may be one of the machine alone,
 * and then its public one has the name that the client has used. */
static char *manager_of(const struct aps *aps, const struct http_request *r)
{
    const struct config *config = aps->s.config;
    const char *public_url = config_str(config, "gateway.publicUrl");
    int64_t port = config_int(config, "gateway.httpPort");
    if (*config_str(config, "ovd.sessionManagerUrl"))
        return xstrdup(aps->manager_url);
    if (*public_url)
        return xasprintf("%s/sessionmanager", public_url);
    if (port == 0 || !is_here(aps->s.gateway_url))
        return xstrdup(aps->manager_url);
    unsigned unused;
    cleanup_free char *name = aps_host_name(aps, r, &unused);
    return xasprintf("http://%s:%d%s/sessionmanager", name, (int)port,
                     config_str(config, "gateway.basePath"));
}

/* ---- the answer ---- */

static bool is_on(const struct redeem *redeem, enum ovd_setting setting)
{
    return str_eq(redeem->token.settings[setting], "1");
}

static int build_answer(const struct redeem *redeem, struct buf *out)
{
    struct ovd_session_answer answer = {
        .mode = redeem->token.mode,
        .shareable = is_on(redeem, OVD_SETTING_SHAREABLE),
        .persistent = is_on(redeem, OVD_SETTING_PERSISTENT),
        .protocol = xstrdup(http_is_tls(redeem->request) ? "https" : "http"),
        .location = xstrdup(LOCATION),
    };
    unsigned port;
    answer.server = aps_host_name(redeem->aps, redeem->request, &port);
    answer.port = (int)port;
    int r = ovd_session_answer_build(&answer, out);
    ovd_session_answer_finish(&answer);
    return r;
}

/* Who has a cookie finds its session, whatever is killed. */
static void answer_visitor(struct redeem *redeem)
{
    struct http_request *r = redeem->request;
    if (str_eq(redeem->token.settings[OVD_SETTING_CLIENT], "browser")) {
        cleanup_free char *where = xasprintf("%s/?token=%s", ovd_mode_words[redeem->token.mode], redeem->id);
        http_add_header(r, "Location", where);
        aps_answer_kept(redeem->aps, r, 302, APS_TEXT, "", 0);
    } else {
        struct buf out;
        buf_init(&out, ANSWER_MAX);
        if (build_answer(redeem, &out) < 0)
            aps_answer(r, 500, APS_TEXT, "");
        else
            aps_answer_kept(redeem->aps, r, 200, APS_XML, out.data, out.len);
        buf_finish(&out);
    }
    redeem_free(redeem);
}

/* ---- who comes ---- */

static void take_settings(struct aps_session *session, struct redeem *redeem)
{
    struct ovd_session_token *token = &redeem->token;
    for (enum ovd_setting s = 0; s < OVD_SETTING_INVITE_EMAIL; s++)
        aps_session_set(session, s, token->settings[s]);
    for (size_t i = 0; i < session->menu_count; i++)
        free(session->menu[i].desktopfile);
    free(session->menu);
    session->menu = token->menu;
    session->menu_count = token->menu_count;
    token->menu = NULL;
    token->menu_count = 0;
}

/* The original has infos/keepmealive in desktop mode only: elsewhere SSH links and applications count. */
static void set_terms(const struct aps_session *session, struct host_session_order *order)
{
    int64_t limit = 0;
    (void)str_to_int(aps_session_setting(session, OVD_SETTING_TIMEOUT), 0, TIME_LIMIT_MAX, &limit);
    order->legacy = true;
    order->may_be_silent = session->mode != OVD_MODE_DESKTOP;
    order->time_limit = limit;
    order->time_limit_message = session->settings[OVD_SETTING_TIMEOUT_MESSAGE];
}

static struct aps_visitor *owner_enters(struct aps_session *session, struct redeem *redeem)
{
    const struct ovd_session_token *token = &redeem->token;
    struct host_session_order terms = {.persistent = host_session_persistent(session->host)};
    take_settings(session, redeem);
    session->mode = token->mode;
    session->owned = true;
    session->opened = clock_wall_s(NULL);
    if (!*session->rfb_password)
        ovd_password_make(session->rfb_password);
    set_terms(session, &terms);
    host_session_set_terms(session->host, &terms);
    struct aps_visitor *visitor = aps_visitor_enter(session->aps, redeem->request, session, NULL);
    if (visitor)
        visitor->type = token->type;
    return visitor;
}

static struct aps_guest *find_guest(struct aps_session *session, const struct redeem *redeem)
{
    const struct ovd_session_token *token = &redeem->token;
    const char *email = token->settings[OVD_SETTING_INVITE_EMAIL];
    const char *access_id = token->settings[OVD_SETTING_ACCESS_ID];
    bool passive = str_eq(token->settings[OVD_SETTING_VIEW_ONLY], "Yes");
    struct aps_guest *guest = aps_guest_find(session, redeem->id);
    if (!guest)
        guest = aps_guest_new(session, redeem->id, email ? email : "",
                              passive ? OVD_GUEST_PASSIVE : OVD_GUEST_ACTIVE,
                              access_id && *access_id ? access_id : "desktop");
    if (guest)
        guest->mode = passive ? OVD_GUEST_PASSIVE : OVD_GUEST_ACTIVE; /* the Session Manager's word counts */
    return guest;
}

static struct aps_visitor *guest_enters(struct aps_session *session, struct redeem *redeem)
{
    struct aps_guest *guest = find_guest(session, redeem);
    if (!guest)
        return NULL;
    if (!session->owned)
        take_settings(session, redeem);
    if (!*guest->rfb_password)
        ovd_password_make(guest->rfb_password);
    guest->left = false;
    struct aps_visitor *visitor = aps_visitor_enter(session->aps, redeem->request, session, guest);
    if (visitor)
        visitor->type = OVD_TOKEN_INVITE;
    return visitor;
}

/* A session that is beyond its start without any client of ours was begun in a browser. */
static void enter(struct redeem *redeem, struct aps_session *session)
{
    bool guest = redeem->token.type == OVD_TOKEN_INVITE;
    struct aps_visitor *visitor = guest ? guest_enters(session, redeem) : owner_enters(session, redeem);
    if (!visitor) {
        refuse(redeem, "there are too many guests");
        return;
    }
    if (aps_session_status(session) != SESSION_CREATED)
        (void)aps_instance_desktop(session);
    if (aps_session_status(session) == SESSION_READY && !*session->ssh_password)
        (void)aps_ssh_grant(session);
    aps_session_participants(session);
    aps_session_changed(session);
    log_event(LOG_LEVEL_INFO, session->session_id, "%s: %s of %s mode comes by a token (%s)",
              http_peer(redeem->request), guest ? "a guest" : "the owner", ovd_mode_words[session->mode],
              ovd_token_type_words[redeem->token.type]);
    answer_visitor(redeem);
}

/* ---- the session ---- */

/* What the control plane says is to be started. Strings are lent. */
struct launch {
    const char *session_id, *username, *exe, *args, *workspace_type;
    const char *app_number; /* of exe; "" */
    int64_t max_width, max_height;
    bool persistent;
    char clipboard[POOL_CLIPBOARD_LEN];
};

static int read_launch(const struct aps *aps, const json_t *answer, struct launch *launch)
{
    const struct config *config = aps->s.config;
    char error[JSON_ERROR_LEN];
    int64_t widest = config_int(config, "webstreamSettings.remoteMaxDesktopWidth");
    int64_t highest = config_int(config, "webstreamSettings.remoteMaxDesktopHeight");
    if (json_get_string(answer, "sessionId", SECRET_ID_LEN - 1, &launch->session_id, error) < 0 ||
        !str_is_id(launch->session_id) ||
        json_get_string(answer, "username", OVD_LINE_MAX, &launch->username, error) < 0 ||
        json_get_string(answer, "appExe", TEXT_MAX, &launch->exe, error) < 0 ||
        json_get_string(answer, "appArgs", TEXT_MAX, &launch->args, error) < 0 ||
        json_get_string(answer, "workspaceType", OVD_LINE_MAX, &launch->workspace_type, error) < 0 ||
        json_get_string(answer, "appNumber", APS_APP_ID_LEN - 1, &launch->app_number, error) < 0 ||
        json_get_int(answer, "maxWidth", 0, INT32_MAX, &launch->max_width, error) < 0 ||
        json_get_int(answer, "maxHeight", 0, INT32_MAX, &launch->max_height, error) < 0 ||
        json_get_bool(answer, "persistent", &launch->persistent, error) < 0)
        return -EINVAL;
    host_policy_clipboard(json_object_get(answer, "policy"), launch->clipboard);
    launch->max_width = launch->max_width ? CLAMP(launch->max_width, HOST_MIN_SIDE, widest) : widest;
    launch->max_height = launch->max_height ? CLAMP(launch->max_height, HOST_MIN_SIDE, highest) : highest;
    return 0;
}

/* As for browsers: a session that asks for no program gets the configured one, or the desktop. */
static void choose_program(const struct config *config, const struct launch *launch,
                           struct host_session_order *order)
{
    const char *exe = config_str(config, "webstreamSettings.appRemoteStartExe");
    order->app_exe = launch->exe;
    order->app_args = launch->args;
    order->app_mode = str_eq(launch->workspace_type, "app_collection") ? "app" : "desktop";
    if (*launch->exe)
        return;
    order->app_exe = *exe ? exe : "remotedesktop";
    order->app_args = *exe ? config_str(config, "webstreamSettings.appRemoteStartArgs") : "";
    order->app_mode = *exe && config_bool(config, "webstreamSettings.appRemoteAppMode") ? "app" : "desktop";
}

/* In external mode the token may say what the application opens: one argument more, quoted as pool/cmdline.h
 * reads it. */
static char *with_argument(const struct redeem *redeem, const char *args)
{
    const char *argument = redeem->token.settings[OVD_SETTING_START_APP_ARGS];
    if (redeem->token.mode != OVD_MODE_EXTERNAL || !argument || !*argument)
        return xstrdup(args);
    cleanup_free char *quoted = str_replace(argument, "'", "'\\''");
    return xasprintf("%s '%s'", args, quoted);
}

/* A browser of the owner may have been here first. */
static int create(struct redeem *redeem, const struct launch *launch, struct host_session **ret_host)
{
    const struct aps *aps = redeem->aps;
    struct host_session_order order = {
        .session_id = launch->session_id,
        .username = launch->username,
        .max_width = (int)launch->max_width,
        .max_height = (int)launch->max_height,
        .clipboard = launch->clipboard,
        .persistent = launch->persistent && is_on(redeem, OVD_SETTING_PERSISTENT),
        .legacy = true,
        .may_be_silent = redeem->token.mode != OVD_MODE_DESKTOP,
    };
    choose_program(aps->s.config, launch, &order);
    cleanup_free char *args = with_argument(redeem, order.app_args);
    order.app_args = args;
    int r = host_session_create(aps->s.sessions, &order, ret_host);
    redeem->created = r == 0;
    if (r != -EEXIST)
        return r;
    *ret_host = host_session_find(aps->s.sessions, launch->session_id);
    return *ret_host ? 0 : -ENOENT;
}

static bool is_over(const struct host_session *host)
{
    int status = host_session_status(host);
    return status == SESSION_TO_DESTROY || status == SESSION_DESTROYED;
}

static int find_host(struct redeem *redeem, const json_t *answer, struct host_session **ret_host)
{
    struct launch launch;
    struct host_session *host = NULL;
    int r = read_launch(redeem->aps, answer, &launch);
    if (r == 0 && redeem->token.type == OVD_TOKEN_START)
        r = create(redeem, &launch, &host);
    else if (r == 0)
        host = host_session_find(redeem->aps->s.sessions, launch.session_id);
    if (r == 0 && (!host || is_over(host)))
        r = -ENOENT;
    if (r == 0)
        *ret_host = host;
    if (r == 0 && *launch.exe)
        r = str_copy(redeem->own_app, sizeof(redeem->own_app), launch.app_number);
    return r;
}

static void on_launch(void *arg, const json_t *answer)
{
    struct redeem *redeem = arg;
    struct host_session *host = NULL;
    struct aps_session *session;
    int r = answer ? find_host(redeem, answer, &host) : -EIO;
    if (r == -ENOSPC) {
        refuse(redeem, "every slot of the pool is taken");
    } else if (r < 0) {
        refuse(redeem, r == -EIO ? "the control plane does not know it" : strerror(-r));
    } else {
        session = aps_session_new(redeem->aps, host, redeem->token.id);
        const char *argument = redeem->token.settings[OVD_SETTING_START_APP_ARGS];
        if (session && redeem->created && redeem->token.mode == OVD_MODE_EXTERNAL && argument)
            session->argument = xstrdup(argument);
        if (session) {
            (void)str_copy(session->own_app, sizeof(session->own_app), redeem->own_app);
            enter(redeem, session);
        } else {
            refuse(redeem, "its id is too long");
        }
    }
}

static void ask_launch(struct redeem *redeem)
{
    json_t *body =
        json_pack("{s:s, s:s}", "serverUrl", redeem->aps->s.server_url, "ovdSession", redeem->token.id);
    int r = aps_plane_post(redeem->aps, "/gateway/ovd/session", body, on_launch, redeem);
    if (r < 0)
        refuse(redeem, strerror(-r));
}

static void on_problem(void *arg, int line, const char *message)
{
    char *text = arg;
    (void)snprintf(text, PROBLEM_LEN, "the Session Manager's answer, line %d: %s", line, message);
}

static bool is_short(const char *value, size_t max)
{
    return !value || strlen(value) <= max;
}

/* Invitations are for guests and nothing else is. What is kept with a session has to be readable again. */
static bool is_sound(const struct ovd_session_token *token)
{
    return (token->mode == OVD_MODE_SHARE) == (token->type == OVD_TOKEN_INVITE) &&
           is_short(token->settings[OVD_SETTING_START_APP_ARGS], APS_ARGUMENT_MAX) &&
           is_short(token->settings[OVD_SETTING_INVITE_EMAIL], OVD_LINE_MAX);
}

static int read_token(struct redeem *redeem, const char *body, size_t len, char ret_problem[PROBLEM_LEN])
{
    (void)str_copy(ret_problem, PROBLEM_LEN, "the Session Manager gives no answer");
    if (!body)
        return -EIO;
    int r = ovd_session_token_parse(body, len, on_problem, ret_problem, &redeem->token);
    /* It says no in plain text. */
    if (r < 0 && *body != '<')
        (void)snprintf(ret_problem, PROBLEM_LEN, "the Session Manager says \"%.64s\"", body);
    if (r == 0 && !is_sound(&redeem->token)) {
        (void)str_copy(ret_problem, PROBLEM_LEN, "the Session Manager's answer contradicts itself");
        r = -EINVAL;
    }
    return r;
}

static void on_token(void *arg, const char *body, size_t len, const char *type)
{
    struct redeem *redeem = arg;
    char problem[PROBLEM_LEN];
    (void)type;
    if (read_token(redeem, body, len, problem) < 0) {
        refuse(redeem, problem);
        return;
    }
    struct aps_session *session = aps_session_by_ovd(redeem->aps, redeem->token.id);
    if (session && !is_over(session->host))
        enter(redeem, session);
    else
        ask_launch(redeem);
}

void aps_route_index(struct http_request *r, void *ctx)
{
    struct aps *aps = ctx;
    const char *token = aps_argument(r, "token");
    if (!token || !*token) {
        cleanup_free char *url = manager_of(aps, r);
        redirect(r, url);
        return;
    }
    struct redeem *redeem = xcalloc(1, sizeof(*redeem));
    redeem->aps = aps;
    redeem->request = r;
    if (!ovd_id_is_valid(token) || str_copy(redeem->id, sizeof(redeem->id), token) < 0) {
        refuse(redeem, "it has not the form of one");
        return;
    }
    cleanup_free char *query = xasprintf("token=%s", redeem->id);
    if (aps_manager_get(aps, "session_token.php", query, on_token, redeem) < 0) {
        refuse(redeem, "this server has too much to ask, or stops");
        return;
    }
    http_defer(r);
}
