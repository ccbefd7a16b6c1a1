/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /session/print/TIME: a document that the caller's session has printed. It comes from the session's
 * streamer and rests in a nameless file until it has been sent: memory stays small however large it is and
 * however slow the client. */
#include <fcntl.h>
#include <strings.h>

#include "webstream/gateway/gateway_priv.h"

#define FETCH_MS 60000
#define DOCUMENT_MAX ((size_t)256 * 1024 * 1024)
#define FETCHES_MAX 8 /* at a time, of all users */
#define TIME_MAX 9999999999

struct fetch {
    struct gateway *gateway;
    struct http_request *request;
    struct session_row row;
    int64_t time;
    int fd;
};

static void fetch_free(void *data)
{
    struct fetch *fetch = data;
    if (fetch->fd >= 0)
        close(fetch->fd);
    free(fetch);
}

static const char *answer_header(const struct http_answer *answer, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *line = answer->headers; line && *line; line++)
        if (strncasecmp(*line, name, len) == 0 && (*line)[len] == ':')
            return *line + len + 1 + strspn(*line + len + 1, " ");
    return NULL;
}

static void on_fetched(void *arg, const struct http_answer *answer)
{
    struct fetch *fetch = arg;
    struct http_request *r = fetch->request;
    fetch->gateway->print_fetches--;
    if (answer->error == 0 && answer->status == 200) {
        const char *name = answer_header(answer, "Content-Disposition");
        http_add_header(r, "Content-Disposition", name ? name : "attachment");
        http_add_header(r, "Cache-Control", "no-store");
        http_add_header(r, "X-Content-Type-Options", "nosniff");
        int fd = fetch->fd;
        fetch->fd = -1;
        http_answer_file(r, 200, "application/pdf", fd, answer->stored);
        return;
    }
    if (answer->error == 0 && answer->status == 404) {
        http_answer_error(r, 404, "unknown_document", "There is no such document.");
        return;
    }
    log_event(LOG_LEVEL_WARN, fetch->row.id, "a printed document cannot be fetched from its streamer: %s",
              answer->error ? strerror(-answer->error) : "it refused");
    http_answer_error(r, 502, "host_unreachable", "The session's machine does not answer.");
}

static int open_file(const struct gateway *g)
{
    int fd = open(g->state_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    cleanup_free char *path = xasprintf("%s/run/print-XXXXXX", g->state_dir);
    fd = mkostemp(path, O_CLOEXEC); /* a file system without nameless files */
    if (fd >= 0)
        (void)unlink(path);
    return fd < 0 ? -errno : fd;
}

static void fetch_on_loop(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct fetch *fetch = http_data(r);
    struct host_url url;
    if (g->print_fetches >= FETCHES_MAX) {
        http_add_header(r, "Retry-After", "5");
        http_answer_error(r, 503, "busy", "Too many documents are being fetched at the moment.");
        return;
    }
    if (host_url_parse(fetch->row.server_url, &url) < 0) {
        http_answer_error(r, 502, "host_unreachable", "The session's machine does not answer.");
        return;
    }
    bool v6 = strchr(url.host, ':') != NULL;
    cleanup_free char *address = xasprintf("http://%s%s%s:%d/print/%lld", v6 ? "[" : "", url.host,
                                           v6 ? "]" : "", fetch->row.http_port, (long long)fetch->time);
    uint8_t key[32];
    peer_auth_streamer_key(g->shared_key, fetch->row.id, key);
    const struct http_call_options options = {.method = "GET",
                                              .url = address,
                                              .peer_key = key,
                                              .timeout_ms = FETCH_MS,
                                              .max_answer = DOCUMENT_MAX,
                                              .body_fd = fetch->fd};
    g->print_fetches++;
    host_call_start(g, &options, on_fetched, fetch);
    secret_wipe(key, sizeof(key));
}

void route_print(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct identity_user user;
    struct session_row row;
    int64_t time;
    if (!session_of_caller(g, r, &user, &row))
        return;
    if (str_to_int(http_param(r, "time"), 0, TIME_MAX, &time) < 0) {
        http_answer_error(r, 400, "bad_time", "A document is named by its time, in seconds since 1970.");
        return;
    }
    if (!session_status_is_alive(row.status) || row.http_port == 0) {
        http_answer_error(r, 410, "session_ended", "The session has ended, and its documents with it.");
        return;
    }
    struct fetch *fetch = xcalloc(1, sizeof(*fetch));
    *fetch = (struct fetch){.gateway = g, .request = r, .row = row, .time = time, .fd = open_file(g)};
    http_set_data(r, fetch, fetch_free);
    if (fetch->fd < 0)
        gateway_answer_failure(r, fetch->fd);
    else
        http_on_loop(r, fetch_on_loop);
}
