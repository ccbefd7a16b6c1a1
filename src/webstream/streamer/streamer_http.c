/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer's HTTP port: its health, and printed documents. Signed with the session's key. */
#include "base/clock.h"
#include "webstream/streamer/streamer_priv.h"
#include "webstream/streamer/viewer_role.h"

static void handle_health(struct http_request *r, void *ctx)
{
    const struct streamer *s = ctx;

    http_answer_json(r, 200,
                     json_pack("{s:s, s:s, s:i, s:I}", "status", s->stopping ? "stopping" : "ok", "sessionId",
                               s->info.session_id, "viewers", (int)s->viewers, "uptime",
                               (json_int_t)((clock_monotonic_ms(NULL) - s->started_ms) / 1000)));
}

static void handle_print(struct http_request *r, void *ctx)
{
    const struct streamer *s = ctx;
    enum viewer_role role;

    /* The gateway asks on behalf of owners only; this is the second lock on that door. */
    if (viewer_role_parse(http_header(r, VIEWER_ROLE_HEADER), &role) < 0 || role != VIEWER_OWNER)
        http_answer_error(r, 403, "owner_only", "Documents are the session's owner's.");
    else
        prints_answer(s->prints, r);
}

static void on_connection(void *arg, int fd, const char *peer)
{
    struct streamer *s = arg;

    (void)http_server_add(s->http, fd, peer, NULL); /* closes fd when it fails: the peer sees that */
}

int streamer_http_start(struct streamer *s)
{
    static const struct http_route routes[] = {
        {"GET", "/health", HTTP_ON_LOOP, HTTP_PEER_AUTH, 0, handle_health},
        {"GET", "/print/{time}", HTTP_ON_WORKER, HTTP_PEER_AUTH, 0, handle_print},
        {.method = NULL},
    };
    const struct http_server_options options = {.loop = s->loop,
                                                .routes = routes,
                                                .ctx = s,
                                                .base_path = "",
                                                .peer_key = s->info.key,
                                                .max_connections = 32};
    int r = http_server_create(&options, &s->http);

    if (r == 0)
        r = listener_create(s->loop, s->info.bind, s->info.http_port, on_connection, s, &s->listener);
    return r;
}
