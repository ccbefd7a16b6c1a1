/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plays a session's streamer at control.sock: asks for its session, says ready and one viewer, then waits;
 * calls again when the host comes back. A session of the width STAND_IN_LONELY has no viewer, one of the
 * width STAND_IN_MUTE a streamer that never gets ready. */
#ifndef TESTS_POOL_STREAMER_STAND_IN_H
#define TESTS_POOL_STREAMER_STAND_IN_H

#include <stdio.h>

#include "base/codec.h"
#include "base/str.h"
#include "loop/loop.h"
#include "ws/ws.h"

#define STAND_IN_LONELY "801"
#define STAND_IN_MUTE "802"

struct stand_in {
    struct loop *loop;
    const char *name;
    struct ws_client *client;
};

static inline void stand_in_opened(void *ctx, struct ws_conn *conn, void *data)
{
    struct stand_in *s = ctx;
    (void)data;
    cleanup_free char *text = xasprintf("REQUEST_SESSION_INFO:%s", s->name);
    (void)ws_send_text(conn, text);
}

static inline void stand_in_message(void *ctx, struct ws_conn *conn, void *data, bool text,
                                    const void *message, size_t len)
{
    struct stand_in *s = ctx;
    (void)data;
    (void)text;
    cleanup_free char *copy = xasprintf("%.*s", (int)len, (const char *)message);
    if (str_starts_with(copy, "SESSION_ENDING:")) {
        loop_stop(s->loop);
        return;
    }
    if (str_starts_with(copy, "DETACH:"))
        (void)ws_send_text(conn, "VIEWERS:0|0");
    const char *query = strchr(copy, '|');
    cleanup_free char *width = NULL;
    cleanup_free char *x11 = NULL;
    cleanup_free char *cookie = NULL;
    /* Both have to be within this account's reach. */
    if (query && query_get(query + 1, "x11", &x11) == 0 && query_get(query + 1, "xauthority", &cookie) == 0 &&
        access(x11, W_OK) == 0 && access(cookie, R_OK) == 0) {
        (void)query_get(query + 1, "width", &width);
        if (!width || str_eq(width, STAND_IN_MUTE))
            return;
        (void)ws_send_text(conn, "STREAMER_READY:9010|9011");
        bool lonely = str_eq(width, STAND_IN_LONELY);
        (void)ws_send_text(conn, lonely ? "VIEWERS:0|0" : "VIEWERS:2|1");
    }
}

static inline void stand_in_connect(void *arg);

static inline void stand_in_closed(void *ctx, struct ws_conn *conn, void *data)
{
    struct stand_in *s = ctx;
    (void)conn;
    (void)data;
    loop_post(s->loop, stand_in_connect, s);
}

static const struct ws_handlers stand_in_handlers = {
    .opened = stand_in_opened, .message = stand_in_message, .closed = stand_in_closed};
static const char *stand_in_path;

static inline void stand_in_connect(void *arg)
{
    struct stand_in *s = arg;
    s->client = ws_client_destroy(s->client);
    if (ws_client_connect_unix(s->loop, stand_in_path, "/control", 8192, &stand_in_handlers, s, &s->client) <
        0)
        loop_stop(s->loop);
}

/* isthmus streamer --control PATH --username NAME */
static inline int stand_in_main(int argc, char **argv)
{
    struct stand_in s = {0};
    if (argc != 6)
        return 2;
    stand_in_path = argv[3];
    s.name = argv[5];
    loop_create(&s.loop);
    stand_in_connect(&s);
    loop_run(s.loop);
    _exit(0);
}

#endif
