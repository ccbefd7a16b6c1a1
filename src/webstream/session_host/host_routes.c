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
    pool_count(host->pool, &total, &active, &unused);
    clock_format_utc(clock_wall_s(NULL), now);
    const char *status = host->stopping                   ? "draining"
                         : journal_healthy(host->journal) ? "healthy"
                                                          : "degraded";
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s, s:{s:i, s:i, s:i}, s:I}", "status", status, "timestamp", now,
                               "sessions", "total", (int)total, "active", (int)active, "available",
                               (int)unused, "uptime",
                               (json_int_t)((clock_monotonic_ms(NULL) - host->started_ms) / 1000)));
}

void host_answer_connection(struct hosted *session, struct http_request *r)
{
    struct pool_slot_info slot;
    if (pool_find(session->host->pool, session->record.session_id, &slot) < 0) {
        http_answer_error(r, 410, "session_ended", "The session has ended.");
        return;
    }
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:s}", "sessionId", session->record.session_id,
                               "username", slot.account, "wsPort", (int)slot.ws_port, "httpPort",
                               (int)slot.http_port, "width", slot.width, "height", slot.height, "state",
                               session_status_word(session->record.status)));
}

static void connect_known(struct hosted *session, struct http_request *r)
{
    struct pool_slot_info slot;
    if (!session_status_is_alive(session->record.status)) {
        http_answer_error(r, 410, "session_ended", "The session has ended.");
        return;
    }
    if (session->record.status == SESSION_SUSPENDED)
        host_session_event(session, SESSION_EV_RESUME, NULL);
    if (pool_find(session->host->pool, session->record.session_id, &slot) == 0 && slot.ready &&
        session->record.status == SESSION_READY)
        host_answer_connection(session, r);
    else
        host_session_wait(session, r);
}

static void route_connection(struct http_request *r, void *ctx)
{
    struct host *host = ctx;
    struct host_request wanted;
    if (host_request_read(host, r, &wanted) < 0)
        return;
    struct hosted *session = host_session_find(host, wanted.session_id);
    int result = 0;
    if (session)
        connect_known(session, r);
    else if (host->stopping)
        result = -EBUSY;
    else if ((result = host_session_start(host, &wanted, &session)) >= 0)
        host_session_wait(session, r);
    if (result < 0)
        log_event(LOG_LEVEL_WARN, wanted.session_id, "refused: %s",
                  result == -ENOSPC   ? "all sessions of this host are taken"
                  : result == -EBUSY  ? "this host is being stopped"
                  : result == -EINVAL ? "the application's command line cannot be understood"
                                      : strerror(-result));
    host_request_finish(&wanted);
    if (result == -ENOSPC)
        http_answer_error(r, 503, "pool_exhausted", "All sessions of this host are taken.");
    else if (result == -EBUSY)
        http_answer_error(r, 503, "draining", "This host is being stopped.");
    else if (result == -EINVAL)
        http_answer_error(r, 502, "display_failed", "The application's command line cannot be understood.");
    else if (result < 0)
        http_answer_error(r, 500, "internal", "The session could not be started.");
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
    struct hosted *session = host_session_find(host, id);
    if (!session) {
        http_answer_error(r, 404, "unknown_session", "There is no such session here.");
        return;
    }
    if (session_status_is_alive(session->record.status))
        host_session_event(session, SESSION_EV_KILL, reason);
    http_answer_json(r, 200,
                     json_pack("{s:s, s:s}", "sessionId", session->record.session_id, "state",
                               session_status_word(session->record.status)));
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
