/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session host reports to, whoever that is: an Isthmus gateway today, a foreign OVD Session Manager
 * later (design: one interface, two implementations). The host says "something changed"; the implementation
 * decides when to register, beat and report, and asks back for what it needs. Loop thread only. */
#ifndef ISTHMUS_HOST_CONTROL_PLANE_H
#define ISTHMUS_HOST_CONTROL_PLANE_H

#include "http/http_client.h"
#include "loop/loop.h"
#include "json/json.h"

struct control_plane;

struct control_plane_facts {
    const char *status; /* "healthy", "draining" */
    int active_sessions, max_sessions;
    double cpu, memory; /* percent */
};

/* What an implementation asks of its host. */
struct control_plane_host {
    void (*facts)(void *arg, struct control_plane_facts *ret_facts);
    /* Reports of all living sessions, and of ended ones whose end was not acknowledged. A new reference. */
    json_t *(*sessions)(void *arg);
    /* Changes that were not acknowledged, the oldest first, at most max. A new reference. */
    json_t *(*changes)(void *arg, size_t max);
    void (*acknowledged)(void *arg, int64_t sequence);
    /* The control plane wants this session to end. */
    void (*end)(void *arg, const char *session_id);
    /* For the log: one sentence, once for each change of how things stand. */
    void (*note)(void *arg, bool good, const char *sentence);
};

struct control_plane_ops {
    /* Registers, then keeps the registration alive. */
    void (*start)(struct control_plane *plane);
    /* There is something to report. */
    void (*changed)(struct control_plane *plane);
    /* Unregisters; done is called once, at the latest after two seconds. Nothing is reported any more. */
    void (*leave)(struct control_plane *plane, void (*done)(void *arg), void *arg);
    void (*destroy)(struct control_plane *plane);
};

/* The first member of every implementation. */
struct control_plane {
    const struct control_plane_ops *ops;
};

static inline void control_plane_start(struct control_plane *plane)
{
    plane->ops->start(plane);
}

static inline void control_plane_changed(struct control_plane *plane)
{
    plane->ops->changed(plane);
}

static inline void control_plane_leave(struct control_plane *plane, void (*done)(void *arg), void *arg)
{
    plane->ops->leave(plane, done, arg);
}

/* NULL-safe; returns NULL. */
static inline struct control_plane *control_plane_destroy(struct control_plane *plane)
{
    if (plane)
        plane->ops->destroy(plane);
    return NULL;
}

struct control_plane_gateway_options {
    struct loop *loop;
    struct http_client *client;
    const char *gateway_url;    /* "http://127.0.0.1:9000" */
    const char *server_url;     /* our own */
    const char *tags;           /* "gpu,autocad" or NULL */
    const json_t *capabilities; /* array of strings beside those of every host, or NULL; copied */
    const char *instance_type;
    unsigned heartbeat_s;
    const uint8_t *key; /* 32 bytes, copied */
};

/* docs/protocol/internal.md, "Gateway, internal port". */
int control_plane_gateway_create(const struct control_plane_gateway_options *options,
                                 const struct control_plane_host *host, void *arg,
                                 struct control_plane **ret_plane);

#endif
