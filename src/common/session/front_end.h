/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a second front-end comes into the control plane's process. It brings routes for the ports that are open
 * there, with a context of its own, and is handed what the process shares; neither side includes the other.
 * The program's role (src/isthmus) says which front-ends there are.
 *
 * Order: enabled, start, then requests and sweeps; stop when the process is to end, while the servers still
 * run; destroy when no handler runs and no request can come any more, before the services go. */
#ifndef ISTHMUS_SESSION_FRONT_END_H
#define ISTHMUS_SESSION_FRONT_END_H

#include "config/config.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "net/addr.h"
#include "session/session_broker.h"

/* Lent from start to destroy. Worker threads may use config, store, identity, broker, the key and
 * client_address; loop and client belong to the loop's thread. */
struct front_end_services {
    struct loop *loop;
    const struct config *config;
    const char *state_dir;
    struct store *store;
    struct identity *identity;
    struct session_broker *broker;
    struct http_client *client;
    const uint8_t *shared_key; /* 32 bytes, the farm's */
    void *process;             /* first argument of the functions below */
    /* Where browsers find this process: its https port and the prefix of its paths ("" or "/prefix", lent).
     * Any thread, from the first request on. */
    void (*public_address)(void *process, unsigned *ret_https_port, const char **ret_base_path);
    /* The client's address behind the trusted proxies. */
    void (*client_address)(void *process, const struct http_request *r, char ret_text[ADDR_TEXT_LEN]);
    /* A user's access was taken away: closes the user's connections. Any thread. */
    void (*user_revoked)(void *process, const char *user_id);
    /* The session was ended here (session_broker_release): closes its connections and, where its host runs
     * it, tells that host now and not with its next report. Any thread. */
    void (*session_ended)(void *process, const struct session_row *row);
};

struct front_end {
    const char *name; /* for the log */
    bool (*enabled)(const struct config *config);
    /* Tables of routes, tried before those of the process; NULL: none. Handlers get what start returned. */
    const struct http_route *public_routes;   /* TLS */
    const struct http_route *plain_routes;    /* the port without TLS */
    const struct http_route *internal_routes; /* hosts */
    /* services is copied by the callee where it needs it. 0, or an error with a sentence, which the caller
     * frees. */
    int (*start)(const struct front_end_services *services, void **ret_front_end, char **ret_cause);
    /* Every few seconds on a worker thread, never twice at a time; may be NULL. */
    void (*sweep)(void *front_end);
    /* Ends what waits (deferred requests, calls); may be NULL. Loop thread. */
    void (*stop)(void *front_end);
    void (*destroy)(void *front_end); /* NULL-safe */
};

#endif
