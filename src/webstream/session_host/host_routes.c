/* SPDX-License-Identifier: GPL-3.0-or-later */
/* docs/protocol/internal.md, "Session host". */
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/http_static.h"
#include "webstream/session_host/host_priv.h"

#define END_BODY_MAX 4096

static void route_health(struct http_request *r, void *ctx)
{
    struct host *host = ctx;
    unsigned total, active, unused;
    char now[21];
    pool_count(host_sessions_pool(host->sessions), &total, &active, &unused);
    clock_format_utc(clock_wall_s(NULL), now);
    const char *status = host->stopping                          ? "draining"
                         : host_sessions_healthy(host->sessions) ? "healthy"
                                                                 : "degraded";
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s, s:{s:i, s:i, s:i}, s:I}", "status", status, "timestamp", now,
                               "sessions", "total", (int)total, "active", (int)active, "available",
                               (int)unused, "uptime",
                               (json_int_t)((clock_monotonic_ms(NULL) - host->started_ms) / 1000)));
}

static void answer_connection(struct http_request *r, const struct host *host, struct host_session *session)
{
    struct pool_slot_info slot;
    if (pool_find(host_sessions_pool(host->sessions), host_session_id(session), &slot) < 0) {
        http_answer_error(r, 410, "session_ended", "The session has ended.");
        return;
    }
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:s}", "sessionId", host_session_id(session),
                               "username", slot.account, "wsPort", (int)slot.ws_port, "httpPort",
                               (int)slot.http_port, "width", slot.width, "height", slot.height, "state",
                               session_status_word(host_session_status(session))));
}

static void answer_failed(struct http_request *r, const struct host_session *session)
{
    const char *reason = host_session_reason(session);
    cleanup_free char *message =
        xasprintf("The session's display could not be started (%s).", *reason ? reason : "timeout");
    http_answer_error(r, 502, "display_failed", message);
}

/* A request that waits for the streamer. */
struct waiting {
    const struct host *host;
    struct http_request *request;
};

static void on_usable(void *arg, struct host_session *session, int result)
{
    struct waiting *waiting = arg;
    struct http_request *r = waiting->request;
    if (result == 0)
        answer_connection(r, waiting->host, session);
    else if (result == -EBUSY)
        http_answer_error(r, 503, "draining", "This host is being stopped.");
    else if (result == -ECANCELED)
        http_answer_error(r, 410, "session_ended", "The session has ended.");
    else
        answer_failed(r, session);
    free(waiting);
}

/* The request is answered when the streamer serves or the session fails. */
static void answer_when_usable(struct http_request *r, const struct host *host, struct host_session *session)
{
    struct waiting *waiting = xcalloc(1, sizeof *waiting);
    *waiting = (struct waiting){host, r};
    http_defer(r);
    host_session_wait(session, on_usable, waiting);
}

/* A session that is there: one that another front-end has only made starts with this browser's screen, one
 * that sleeps wakes up. */
static int wake(struct host_session *session, const struct host_request *wanted)
{
    int status = host_session_status(session);
    if (status == SESSION_CREATED)
        return host_session_start(session, wanted->width, wanted->height);
    return status == SESSION_SUSPENDED ? host_session_event(session, SESSION_EV_RESUME, NULL) : 0;
}

static int start_new(struct host *host, const struct host_request *wanted, struct host_session **ret_session)
{
    const struct host_session_order order = {.session_id = wanted->session_id,
                                             .username = wanted->username,
                                             .app_exe = wanted->app_exe,
                                             .app_args = wanted->app_args,
                                             .app_mode = wanted->app_mode,
                                             .max_width = wanted->max_width,
                                             .clipboard = wanted->clipboard,
                                             .max_height = wanted->max_height,
                                             .persistent = wanted->persistent};
    int r = host_session_create(host->sessions, &order, ret_session);
    return r < 0 ? r : host_session_start(*ret_session, wanted->width, wanted->height);
}

static void refuse(struct http_request *r, const char *session_id, int result)
{
    const struct {
        int result;
        unsigned status;
        const char *code, *message;
    } * row, rows[] = {
                 {-ENOSPC, 503, "pool_exhausted", "All sessions of this host are taken."},
                 {-EBUSY, 503, "draining", "This host is being stopped."},
                 {-EINVAL, 502, "display_failed", "The application's command line cannot be understood."},
                 {0, 500, "internal", "The session could not be started."},
             };
    for (row = rows; row->result && row->result != result;)
        row++;
    log_event(LOG_LEVEL_WARN, session_id, "refused: %s", row->result ? row->message : strerror(-result));
    http_answer_error(r, row->status, row->code, row->message);
}

/* A guest comes into what runs, and neither starts nor wakes anything: false after answering. */
static bool may_come(struct http_request *r, const struct host_session *session)
{
    int status = session ? host_session_status(session) : SESSION_TO_CREATE;
    if (!http_header(r, "X-Viewer-Role") || status == SESSION_READY)
        return true;
    if (!session_status_is_alive(status))
        http_answer_error(r, 410, "session_ended", "The session has ended.");
    else if (status == SESSION_SUSPENDING || status == SESSION_SUSPENDED)
        http_answer_error(r, 409, "session_suspended", "The session is suspended.");
    else
        http_answer_error(r, 409, "session_not_ready", "The session does not run yet.");
    return false;
}

static void route_connection(struct http_request *r, void *ctx)
{
    struct host *host = ctx;
    struct host_request wanted;
    if (host_request_read(host, r, &wanted) < 0)
        return;
    struct host_session *session = host_session_find(host->sessions, wanted.session_id);
    if (may_come(r, session)) {
        int result = session ? wake(session, &wanted) : start_new(host, &wanted, &session);
        if (result < 0)
            refuse(r, wanted.session_id, result);
        else
            answer_when_usable(r, host, session);
    }
    host_request_finish(&wanted);
}

static void route_end(struct http_request *r, void *ctx)
{
    struct host *host = ctx;
    char error[JSON_ERROR_LEN];
    const char *id, *reason = "kill";
    const json_t *body = http_json(r);
    if (!body)
        return;
    if (json_get_string(body, "sessionId", SECRET_ID_LEN - 1, &id, error) < 0 ||
        json_opt_string(body, "reason", POOL_REASON_LEN - 1, &reason, error) < 0) {
        http_answer_error(r, 400, "bad_request", error);
        return;
    }
    if (!str_is_token(reason, "abcdefghijklmnopqrstuvwxyz_", POOL_REASON_LEN - 1)) {
        http_answer_error(r, 400, "bad_request", "reason must be one word of a-z and _.");
        return;
    }
    struct host_session *session = host_session_find(host->sessions, id);
    if (!session) {
        http_answer_error(r, 404, "unknown_session", "There is no such session here.");
        return;
    }
    if (session_status_is_alive(host_session_status(session)))
        (void)host_session_event(session, SESSION_EV_KILL, reason);
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s}", "sessionId", host_session_id(session), "state",
                               session_status_word(host_session_status(session))));
}

static void route_static(struct http_request *r, void *ctx)
{
    const struct host *host = ctx;
    const char *path = http_param(r, "*");
    http_static_answer(r, host->web_root, path ? path : "");
}

const struct http_route host_routes[] = {
    {"GET", "/health", HTTP_ON_LOOP, 0, 0, route_health},
    {"GET", "/getConnection", HTTP_ON_LOOP, HTTP_PEER_AUTH, 0, route_connection},
    {"POST", "/session/end", HTTP_ON_LOOP, HTTP_PEER_AUTH, END_BODY_MAX, route_end},
    {"GET", "/*", HTTP_ON_LOOP, 0, 0, route_static},
    {0},
};
