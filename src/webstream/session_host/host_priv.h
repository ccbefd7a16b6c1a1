/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session host's parts. Everything runs on the loop's thread. */
#ifndef ISTHMUS_WEBSTREAM_SESSION_HOST_HOST_PRIV_H
#define ISTHMUS_WEBSTREAM_SESSION_HOST_HOST_PRIV_H

#include <uthash.h>

#include "base/secret.h"
#include "config/config.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "net/listener.h"
#include "pool/pool.h"
#include "session/session_state.h"
#include "webstream/session_host/control_plane.h"
#include "webstream/session_host/host_load.h"
#include "webstream/session_host/journal.h"

#define HOST_EXIT_RUN 1
#define HOST_EXIT_USAGE 2
#define HOST_EXIT_CONFIG 78

#define HOST_MIN_SIDE 200
#define HOST_KEEP_ENDED_S 86400 /* how long an ended session is known as ended */
#define HOST_ENDED_MAX 10000

struct host;

/* One request for a connection that waits for the streamer. */
struct waiter {
    struct http_request *request;
    struct waiter *prev, *next;
};

struct hosted {
    struct host *host;
    struct journal_session record; /* id, status, slot, … as it is in the journal */
    int owners;
    struct loop_timer *presence_timer; /* no owner for too long, or suspended for too long */
    struct loop_timer *start_timer;    /* somebody waits for the streamer */
    struct waiter *waiters;
    UT_hash_handle hh;
};

struct host_options {
    char *state, *config_file, *tags;
    bool no_sandbox;
};

struct host {
    struct loop *loop;
    struct config *config;
    char *state_dir, *tags, *web_root;
    char *server_url; /* our own, in normal form */
    uint8_t key[32];
    struct pool *pool;
    struct journal *journal;
    struct http_client *client;
    struct http_server *server;
    struct listener *listener;
    struct control_plane *plane;
    struct host_load load;
    struct hosted *sessions; /* by id */
    struct loop_signal *signals[3];
    struct loop_timer *sweep_timer, *stop_timer;
    uint64_t started_ms, stop_ms;
    unsigned max_sessions;
    bool stopping, ending_all, left;
    int exit_code;
};

/* What is to be started, read from the headers that the gateway injects. Strings are owned. */
struct host_request {
    char session_id[SECRET_ID_LEN];
    char *username, *app_exe, *app_args;
    const char *app_mode;
    int width, height, max_width, max_height;
    bool persistent;
};

/* host_options.c */
int host_options_parse(int argc, char **argv, struct host_options *ret_options, int *ret_code);
void host_options_finish(struct host_options *options);
/* "http://NAME:PORT", the own address as advertised. */
char *host_own_url(const struct config *config);
char *host_gateway_url(const struct config *config);

/* host_request.c: 0, or -EINVAL after answering 400. */
int host_request_read(struct host *host, struct http_request *r, struct host_request *ret_wanted);
void host_request_finish(struct host_request *wanted);

/* host_session.c */
struct hosted *host_session_find(struct host *host, const char *id);
/* A new session in state 0 with a slot, on its way up: 0, or -errno of pool_start. */
int host_session_start(struct host *host, const struct host_request *wanted, struct hosted **ret_session);
/* Feeds the state machine. reason is kept when the session ends; NULL otherwise. */
void host_session_event(struct hosted *session, enum session_event event, const char *reason);
/* The request is answered when the streamer serves or the session fails; a deferred request. */
void host_session_wait(struct hosted *session, struct http_request *r);
/* Sessions from the journal, before and after the pool has looked for their keepers. */
void host_session_restore(void *arg, const struct journal_session *record);
int host_session_adopt(struct host *host);
/* Forgets what ended long ago. */
void host_session_sweep(struct host *host);
bool host_session_anybody_waits(const struct host *host);
void host_session_free_all(struct host *host);
json_t *host_session_reports(struct host *host);
extern const struct pool_events host_pool_events;

/* host_routes.c */
extern const struct http_route host_routes[];
void host_answer_connection(struct hosted *session, struct http_request *r);

#endif
