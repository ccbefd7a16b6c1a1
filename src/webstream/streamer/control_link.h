/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer's line to its session host: a WebSocket on a Unix socket. When the host is away it is tried
 * again with back-off, for ever. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_CONTROL_LINK_H
#define ISTHMUS_WEBSTREAM_STREAMER_CONTROL_LINK_H

#include "loop/loop.h"
#include "webstream/streamer/session_info.h"

struct control_link;

struct control_link_events {
    /* After each connection. Answer with control_link_ready when it serves. */
    void (*info)(void *arg, const struct session_info *info);
    void (*refused)(void *arg, const char *error);
    void (*ending)(void *arg, const char *reason);
    void (*detach)(void *arg, const char *reason); /* the viewers are to go, the session stays */
    void (*bad)(void *arg);                        /* a message that is none */
    void (*lost)(void *arg);                       /* told once for each connection that was there */
};

int control_link_create(struct loop *loop, const char *socket_path, const char *username,
                        const struct control_link_events *events, void *arg, struct control_link **ret_link);
struct control_link *control_link_destroy(struct control_link *link); /* NULL-safe; returns NULL */
/* Both are dropped while the host is away: it asks again. */
void control_link_ready(struct control_link *link, unsigned ws_port, unsigned http_port);
void control_link_viewers(struct control_link *link, unsigned viewers, unsigned owners);

#endif
