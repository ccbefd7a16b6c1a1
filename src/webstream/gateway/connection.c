/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /getConnection: the caller's session is started (or found again) at its host, and the ports of its
 * streamer are kept for the WebSockets. A client that repeats the request gets the same session: host and
 * broker both go by the session's id. */
#include "webstream/gateway/caller.h"
#include "webstream/gateway/gateway_priv.h"

#define MIN_SIDE 200
#define MAX_WIDTH 7680
#define MAX_HEIGHT 4320
#define HOST_MARGIN_MS 5000 /* the host gives up first, with a reason */

struct connection {
    struct http_request *request;
    struct session_row row;
    struct session_headers headers;
    int64_t width, height; /* 0: not asked for */
    /* the host's answer */
    int64_t ws_port, http_port;
    char state[32];
    char client[ADDR_TEXT_LEN];
};

static void connection_free(void *data)
{
    struct connection *c = data;
    session_headers_finish(&c->headers);
    free(c);
}

static bool read_side(struct http_request *r, const char *name, int64_t max, int64_t *ret_value)
{
    const char *text = http_query(r, name);
    if (!text || str_to_int(text, MIN_SIDE, max, ret_value) == 0)
        return true;
    http_answer_error(r, 400, "bad_size", "width must be 200 to 7680 and height 200 to 4320.");
    return false;
}

static void answer_ended(struct http_request *r)
{
    http_answer_error(r, 410, "session_ended", "The session has ended.");
}

static void answer_not_ready(struct http_request *r, bool suspended)
{
    if (suspended)
        http_answer_error(r, 409, "session_suspended",
                          "The session is suspended until its owner resumes it.");
    else
        http_answer_error(r, 409, "session_not_ready", "The session does not run yet.");
}

static void answer_unreachable(struct http_request *r)
{
    http_answer_error(r, 502, "host_unreachable", "The session's host does not answer.");
}

/* Last step, on a worker: the ports into the store. */
static void keep_ports(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct connection *c = http_data(r);
    int result = session_broker_connected(g->broker, c->row.id, (int)c->ws_port, (int)c->http_port);
    if (result == -ENOENT) {
        /* Released while it was being started. The host reports it soon and is told to end it then. */
        answer_ended(r);
        return;
    }
    if (result < 0) {
        gateway_answer_failure(r, result);
        return;
    }
    log_event(LOG_LEVEL_INFO, c->row.id, "connected for %s from %s: %s, streamer on port %d", c->row.username,
              c->client, c->state, (int)c->ws_port);
    gateway_answer(r, 200,
                   json_pack("{s:s, s:I, s:I, s:s}", "sessionId", c->row.id, "width", (json_int_t)c->width,
                             "height", (json_int_t)c->height, "state", c->state));
}

static void keep_end(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct connection *c = http_data(r);
    session_broker_ended(g->broker, c->row.id, "lost");
    answer_ended(r);
}

static int read_answer(struct connection *c, const struct http_answer *answer)
{
    cleanup_json json_t *body = NULL;
    char error[JSON_ERROR_LEN];
    const char *id, *state;
    if (json_read(answer->body, answer->len, &body, error) < 0 || !json_is_object(body) ||
        json_get_string(body, "sessionId", 32, &id, error) < 0 || strcmp(id, c->row.id) != 0 ||
        json_get_int(body, "wsPort", 1, 65535, &c->ws_port, error) < 0 ||
        json_get_int(body, "httpPort", 1, 65535, &c->http_port, error) < 0 ||
        json_get_int(body, "width", 1, 65535, &c->width, error) < 0 ||
        json_get_int(body, "height", 1, 65535, &c->height, error) < 0 ||
        json_get_string(body, "state", sizeof(c->state) - 1, &state, error) < 0)
        return -EPROTO;
    return str_copy(c->state, sizeof(c->state), state);
}

/* The word for a failure that the host itself explains. */
static void refuse_like_host(struct connection *c, const struct http_answer *answer)
{
    cleanup_json json_t *body = NULL;
    char error[JSON_ERROR_LEN];
    const char *code = NULL;
    if (answer->len > 0 && json_read(answer->body, answer->len, &body, error) == 0)
        code = json_string_value(json_object_get(json_object_get(body, "error"), "code"));
    log_event(LOG_LEVEL_WARN, c->row.id, "%s answered %u %s to getConnection", c->row.server_url,
              answer->status, code ? code : "");
    if (code && strcmp(code, "draining") == 0) {
        http_add_header(c->request, "Retry-After", "5");
        http_answer_error(c->request, 503, "no_host", "The session's host is being stopped.");
    } else if (code && (strcmp(code, "session_suspended") == 0 || strcmp(code, "session_not_ready") == 0)) {
        answer_not_ready(c->request, strcmp(code, "session_suspended") == 0);
    } else if (answer->status == 503) {
        http_add_header(c->request, "Retry-After", "15");
        http_answer_error(c->request, 503, "pool_exhausted", "All sessions are taken at the moment.");
    } else if (code && strcmp(code, "display_failed") == 0) {
        http_answer_error(c->request, 502, "display_failed", "The session's display could not be started.");
    } else {
        answer_unreachable(c->request);
    }
}

static void on_host_answer(void *arg, const struct http_answer *answer)
{
    struct connection *c = arg;
    if (answer->error != 0) {
        log_event(LOG_LEVEL_WARN, c->row.id, "%s does not answer getConnection: %s", c->row.server_url,
                  strerror(-answer->error));
        answer_unreachable(c->request);
    } else if (answer->status == 410) {
        http_work(c->request, keep_end);
    } else if (answer->status == 200 && read_answer(c, answer) == 0) {
        http_work(c->request, keep_ports);
    } else {
        refuse_like_host(c, answer);
    }
}

static char *host_url_of(const struct connection *c)
{
    cleanup_free char *width = c->width > 0 ? xasprintf("width=%d", (int)c->width) : xstrdup("");
    cleanup_free char *height = c->height > 0 ? xasprintf("height=%d", (int)c->height) : xstrdup("");
    const char *mark = *width || *height ? "?" : "", *join = *width && *height ? "&" : "";
    return xasprintf("%s/getConnection%s%s%s%s", c->row.server_url, mark, width, join, height);
}

/* Second step, on the loop: the question to the host. */
static void ask_host(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct connection *c = http_data(r);
    char *lines[SESSION_HEADERS_MAX + 1] = {NULL};
    cleanup_free char *url = host_url_of(c);
    for (size_t i = 0; i < c->headers.count; i++)
        lines[i] = xasprintf("%s: %s", c->headers.field[i].name, c->headers.field[i].value);
    struct http_call_options options = {
        .method = "GET",
        .url = url,
        .headers = (const char *const *)lines,
        .peer_key = g->shared_key,
        .timeout_ms = (unsigned)config_int(g->config, "isthmus.startTimeoutMs") + HOST_MARGIN_MS,
        .max_answer = 65536,
    };
    size_t count = c->headers.count; /* c may be gone after the call */
    host_call_start(g, &options, on_host_answer, c);
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
}

/* A guest comes into a session that runs, and neither starts nor resumes one. The host, which is told the
 * role, checks that again: here is a copy of its state. */
static bool may_connect(struct http_request *r, const struct identity_caller *caller,
                        const struct session_row *row)
{
    if (!session_status_is_alive(row->status)) {
        answer_ended(r);
        return false;
    }
    if (caller->role == IDENTITY_OWNER || row->status == SESSION_READY)
        return true;
    answer_not_ready(r, row->status == SESSION_SUSPENDING || row->status == SESSION_SUSPENDED);
    return false;
}

/* First step, on a worker: whose session, and what belongs to it. */
void route_connection(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_caller caller;
    struct identity_launch launch;
    struct connection *c = xcalloc(1, sizeof(*c));
    c->request = r;
    http_set_data(r, c, connection_free);
    if (!read_side(r, "width", MAX_WIDTH, &c->width) || !read_side(r, "height", MAX_HEIGHT, &c->height) ||
        !session_of_viewer(g, r, &caller, &c->row) || !may_connect(r, &caller, &c->row))
        return;
    if (caller.role != IDENTITY_OWNER)
        c->width = c->height = 0; /* the screen is the owner's */
    int result = session_broker_launch(g->broker, c->row.id, &launch);
    if (result == 0) {
        result = session_headers_make(&c->row, &launch, caller.role, &c->headers);
        identity_launch_finish(&launch);
    }
    gateway_client(g, r, c->client);
    if (result == -ENOENT)
        http_answer_error(r, 404, "unknown_session", "There is no such session.");
    else if (result < 0)
        gateway_answer_failure(r, result);
    else
        http_on_loop(r, ask_host);
}
