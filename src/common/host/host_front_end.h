/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a second front-end comes into a session host's process, as session/front_end.h is for the control
 * plane's. It opens listeners of its own and drives the host's sessions. Loop thread only.
 *
 * Order: enabled, start (the sessions of an earlier run are there already), then requests; stop when the
 * process is to end; destroy when nothing can come any more, before the services go. */
#ifndef ISTHMUS_HOST_HOST_FRONT_END_H
#define ISTHMUS_HOST_HOST_FRONT_END_H

#include "host/host_session.h"
#include "http/http_client.h"

/* Lent from start to destroy. */
struct host_front_end_services {
    struct loop *loop;
    const struct config *config;
    const char *state_dir;
    struct host_sessions *sessions;
    struct pool *pool;
    struct http_client *client;
    const uint8_t *shared_key; /* 32 bytes, the farm's */
    const char *gateway_url;   /* "http://127.0.0.1:9000": the control plane's internal port */
    const char *server_url;    /* this host's own, by which the control plane knows it */
    const char *bind; /* address for listeners: "127.0.0.1" when the host is for this machine only, else "" */
};

struct host_front_end {
    const char *name; /* for the log */
    bool (*enabled)(const struct config *config);
    /* 0, or an error with a sentence, which the caller frees. */
    int (*start)(const struct host_front_end_services *services, void **ret_front_end, char **ret_cause);
    /* Words for the registration, "ovd-port=8082"; appended to the array of strings. */
    void (*capabilities)(void *front_end, json_t *list);
    /* Words for the line of readiness, "ovd=8082 ssh=2222"; the caller frees; NULL: none. */
    char *(*ready_words)(void *front_end);
    void (*stop)(void *front_end);
    void (*destroy)(void *front_end); /* NULL-safe */
};

#endif
