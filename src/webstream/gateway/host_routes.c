/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What session hosts say, on the internal port (docs/protocol/internal.md). Whether a host is alive is
 * decided by the age of its last heartbeat; active probes belong beside this file and would only set
 * hosts.status. */
#include <stdio.h>

#include "webstream/gateway/gateway_priv.h"

#define BODY_MAX 65536
#define REPORT_BODY_MAX (1024 * 1024)
#define WORDS_MAX 64
#define WORD_MAX 300 /* "ovd-external=" and a name */

static void refuse(struct http_request *r, const char *message)
{
    http_answer_error(r, 400, "bad_request", message);
}

/* Member serverUrl in its normal form; false after answering. */
static bool take_url(struct http_request *r, const json_t *body, struct host_url *ret_url)
{
    char error[JSON_ERROR_LEN];
    const char *text;
    if (json_get_string(body, "serverUrl", 512, &text, error) < 0) {
        refuse(r, error);
        return false;
    }
    if (host_url_parse(text, ret_url) < 0) {
        http_answer_error(r, 400, "bad_server_url", "serverUrl must be http://NAME:PORT without a path.");
        return false;
    }
    return true;
}

/* An optional array of short strings. */
static int take_words(const json_t *body, const char *name, json_t **ret_words, char *error)
{
    json_t *words = json_object_get(body, name);
    size_t i;
    const json_t *word;
    if (!words || json_is_null(words))
        return 0;
    if (!json_is_array(words) || json_array_size(words) > WORDS_MAX)
        goto bad;
    json_array_foreach(words, i,
                       word) if (!json_is_string(word) || json_string_length(word) > WORD_MAX) goto bad;
    *ret_words = words;
    return 0;
bad:
    snprintf(error, JSON_ERROR_LEN, "%s must be an array of at most %d strings of at most %d bytes", name,
             WORDS_MAX, WORD_MAX);
    return -EINVAL;
}

static int take_host(const json_t *body, struct session_host_info *host, char *error)
{
    const char *type = "", *version = "";
    int64_t max = 0;
    int r = json_get_int(body, "maxSessions", 0, 100000, &max, error);
    if (r == 0)
        r = json_opt_string(body, "instanceType", sizeof(host->instance_type) - 1, &type, error);
    if (r == 0)
        r = json_opt_string(body, "version", sizeof(host->version) - 1, &version, error);
    if (r == 0)
        r = take_words(body, "tags", &host->tags, error);
    if (r == 0)
        r = take_words(body, "capabilities", &host->capabilities, error);
    if (r < 0)
        return r;
    host->max_sessions = (int)max;
    r = str_copy(host->instance_type, sizeof(host->instance_type), type);
    return r < 0 ? r : str_copy(host->version, sizeof(host->version), version);
}

static void route_register(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct session_host_info host = {0};
    struct host_url url;
    char error[JSON_ERROR_LEN];
    const json_t *body = http_json(r);
    if (!body || !take_url(r, body, &url))
        return;
    if (take_host(body, &host, error) < 0) {
        refuse(r, error);
        return;
    }
    int result = host_url_check(&url);
    if (result < 0) {
        log_warn("refused the registration of %s from %s: %s", url.text, http_peer(r),
                 result == -EACCES ? "not a private address" : "unknown name");
        http_answer_error(r, 400, "bad_server_url", "serverUrl must lead to a private or loopback address.");
        return;
    }
    result = str_copy(host.server_url, sizeof(host.server_url), url.text);
    if (result == 0)
        result = session_broker_register(g->broker, &host);
    if (result < 0) {
        gateway_answer_failure(r, result);
        return;
    }
    log_info("session host %s registered with %d slots", host.server_url, host.max_sessions);
    gateway_answer(r, 200,
                   json_pack("{s:b, s:I}", "success", 1, "heartbeatInterval",
                             (json_int_t)config_int(g->config, "gateway.backend.heartbeatInterval")));
}

static double take_number(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);
    return json_is_number(value) ? json_number_value(value) : 0;
}

static void answer_success(struct http_request *r, int result)
{
    if (result == -ENOENT)
        http_answer_error(r, 404, "unknown_host", "This host is not registered; register again.");
    else if (result < 0)
        gateway_answer_failure(r, result);
    else
        gateway_answer(r, 200, json_pack("{s:b}", "success", 1));
}

static void route_heartbeat(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct host_url url;
    char error[JSON_ERROR_LEN];
    const char *status = "healthy";
    int64_t active = 0, max = 0;
    const json_t *body = http_json(r);
    if (!body || !take_url(r, body, &url))
        return;
    if (json_opt_string(body, "status", 32, &status, error) < 0 ||
        json_get_int(body, "activeSessions", 0, 100000, &active, error) < 0 ||
        json_get_int(body, "maxSessions", 0, 100000, &max, error) < 0) {
        refuse(r, error);
        return;
    }
    answer_success(r,
                   session_broker_heartbeat(g->broker, url.text, status, (int)active, (int)max,
                                            take_number(body, "cpuUsage"), take_number(body, "memoryUsage")));
}

static void route_unregister(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct host_url url;
    const json_t *body = http_json(r);
    if (!body || !take_url(r, body, &url))
        return;
    int result = session_broker_unregister(g->broker, url.text);
    if (result == 0)
        log_info("session host %s unregistered", url.text);
    answer_success(r, result);
}

/* Viewers of a session that is over are told so by its streamer; those that it forgets are closed here. */
struct departure {
    struct gateway *gateway;
    char server_url[513];
    json_t *reports;
};

static void see_off(void *arg)
{
    struct departure *departure = arg;
    size_t i;
    const json_t *report;
    json_array_foreach(departure->reports, i, report)
    {
        ws_links_reported(departure->gateway, departure->server_url,
                          json_string_value(json_object_get(report, "sessionId")),
                          json_integer_value(json_object_get(report, "status")));
    }
    json_decref(departure->reports);
    free(departure);
}

static void watch_departures(struct gateway *g, const char *server_url, const json_t *reports)
{
    struct departure *departure = xcalloc(1, sizeof(*departure));
    departure->gateway = g;
    departure->reports = json_deep_copy(reports);
    if (!departure->reports ||
        str_copy(departure->server_url, sizeof(departure->server_url), server_url) < 0) {
        json_decref(departure->reports);
        free(departure);
        return;
    }
    loop_post(g->loop, see_off, departure);
}

static void route_report(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct host_url url;
    char error[JSON_ERROR_LEN];
    bool full = false;
    int64_t acknowledged;
    json_t *end;
    const json_t *body = http_json(r);
    if (!body || !take_url(r, body, &url))
        return;
    if (json_opt_bool(body, "full", &full, error) < 0) {
        refuse(r, error);
        return;
    }
    const json_t *reports = json_object_get(body, "reports");
    int result = session_broker_report(g->broker, url.text, full, reports, &acknowledged, &end);
    if (result == 0 && json_array_size(reports) > 0)
        watch_departures(g, url.text, reports);
    if (result == -EINVAL)
        refuse(r, "reports must be an array of at most 500 reports");
    else if (result < 0)
        answer_success(r, result);
    else
        gateway_answer(
            r, 200,
            json_pack("{s:b, s:I, s:o}", "success", 1, "acknowledged", (json_int_t)acknowledged, "end", end));
}

const struct http_route gateway_host_routes[] = {
    {"POST", "/gateway/register", HTTP_ON_WORKER, HTTP_PEER_AUTH, BODY_MAX, route_register},
    {"POST", "/gateway/heartbeat", HTTP_ON_WORKER, HTTP_PEER_AUTH, BODY_MAX, route_heartbeat},
    {"POST", "/gateway/unregister", HTTP_ON_WORKER, HTTP_PEER_AUTH, BODY_MAX, route_unregister},
    {"POST", "/gateway/session/report", HTTP_ON_WORKER, HTTP_PEER_AUTH, REPORT_BODY_MAX, route_report},
    {0},
};
