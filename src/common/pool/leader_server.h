/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A display server of a session and the number it has. */
#ifndef ISTHMUS_POOL_LEADER_SERVER_H
#define ISTHMUS_POOL_LEADER_SERVER_H

#include "loop/loop.h"

#define LEADER_SERVER_NAME_LEN 16

struct leader_server;

struct leader_server_options {
    struct loop *loop;
    const char *auth; /* file with the session's cookie */
    int width, height;
    void (*up)(void *arg);
    /* It does not run any more, or could not be brought up: the last call. */
    void (*gone)(void *arg);
    void *arg;
};

int leader_server_create(const struct leader_server_options *options, struct leader_server **ret_server);
const char *leader_server_display(const struct leader_server *server); /* ":100"; lent */
int leader_server_number(const struct leader_server *server);
/* Its clients lose their connection; gone follows, unless it was called. */
void leader_server_stop(struct leader_server *server);
/* Kills what still runs, without calling gone. NULL-safe; returns NULL. */
struct leader_server *leader_server_destroy(struct leader_server *server);

#endif
