/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/control_link.h"

#include "base/codec.h"
#include "ws/ws.h"

#define FIRST_DELAY_MS 100
#define LAST_DELAY_MS 5000
#define MAX_MESSAGE 8192

struct control_link {
    struct loop *loop;
    char *path, *username;
    const struct control_link_events *events;
    void *arg;
    struct loop_timer *timer;
    struct ws_client *client;
    struct ws_conn *conn; /* NULL while away */
    unsigned delay_ms;
};

static void send_text(struct control_link *link, char *text)
{
    if (link->conn)
        ws_send_text(link->conn, text);
    free(text);
}

static void on_opened(void *ctx, struct ws_conn *conn, void *data)
{
    struct control_link *link = ctx;
    cleanup_free char *name = percent_encode(link->username);

    (void)data;
    link->conn = conn;
    link->delay_ms = FIRST_DELAY_MS;
    send_text(link, xasprintf("REQUEST_SESSION_INFO:%s", name));
}

static void on_message(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message,
                       size_t len)
{
    struct control_link *link = ctx;
    struct host_message m;
    int r = text ? host_message_parse(message, len, &m) : -EINVAL;

    (void)conn;
    (void)data;
    if (r == -ENOMSG)
        return; /* a later version's verb */
    if (r < 0) {
        link->events->bad(link->arg);
        return;
    }
    switch (m.type) {
    case HOST_SESSION_INFO:
        link->events->info(link->arg, &m.info);
        break;
    case HOST_REFUSED:
        link->events->refused(link->arg, m.word);
        break;
    case HOST_ENDING:
        link->events->ending(link->arg, m.word);
        break;
    case HOST_DETACH:
        link->events->detach(link->arg, m.word);
        break;
    }
}

static void on_closed(void *ctx, struct ws_conn *conn, void *data)
{
    struct control_link *link = ctx;
    bool was_there = link->conn != NULL;

    (void)conn;
    (void)data;
    link->conn = NULL;
    loop_timer_start(link->timer, link->delay_ms, 0);
    link->delay_ms = MIN(link->delay_ms * 2, (unsigned)LAST_DELAY_MS);
    if (was_there)
        link->events->lost(link->arg);
}

static const struct ws_handlers handlers = {.opened = on_opened, .message = on_message, .closed = on_closed};

static void on_timer(void *arg)
{
    struct control_link *link = arg;

    link->client = ws_client_destroy(link->client);
    if (ws_client_connect_unix(link->loop, link->path, "/control", MAX_MESSAGE, &handlers, link,
                               &link->client) == 0)
        return;
    loop_timer_start(link->timer, link->delay_ms, 0);
    link->delay_ms = MIN(link->delay_ms * 2, (unsigned)LAST_DELAY_MS);
}

int control_link_create(struct loop *loop, const char *socket_path, const char *username,
                        const struct control_link_events *events, void *arg, struct control_link **ret_link)
{
    struct control_link *link = xcalloc(1, sizeof(*link));
    int r = loop_timer_create(loop, on_timer, link, &link->timer);

    if (r < 0) {
        free(link);
        return r;
    }
    link->loop = loop;
    link->path = xstrdup(socket_path);
    link->username = xstrdup(username);
    link->events = events;
    link->arg = arg;
    link->delay_ms = FIRST_DELAY_MS;
    loop_timer_start(link->timer, 0, 0);
    *ret_link = link;
    return 0;
}

struct control_link *control_link_destroy(struct control_link *link)
{
    if (!link)
        return NULL;
    ws_client_destroy(link->client);
    loop_timer_destroy(link->timer);
    free(link->path);
    free(link->username);
    free(link);
    return NULL;
}

void control_link_ready(struct control_link *link, unsigned ws_port, unsigned http_port)
{
    send_text(link, xasprintf("STREAMER_READY:%u|%u", ws_port, http_port));
}

void control_link_viewers(struct control_link *link, unsigned viewers, unsigned owners)
{
    send_text(link, xasprintf("VIEWERS:%u|%u", viewers, owners));
}
