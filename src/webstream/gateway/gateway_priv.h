/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway's parts. The context of every route's handler is the struct gateway. Worker threads may use
 * config, identity, broker, the keys and the flags; everything else belongs to the loop's thread. */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_GATEWAY_PRIV_H
#define ISTHMUS_WEBSTREAM_GATEWAY_GATEWAY_PRIV_H

#include <stdatomic.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "config/config.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/peer_auth.h"
#include "identity/identity.h"
#include "loop/loop.h"
#include "net/listener.h"
#include "net/tls.h"
#include "session/front_end.h"
#include "session/session_broker.h"
#include "store/store.h"

#define GATEWAY_EXIT_RUN 1
#define GATEWAY_EXIT_USAGE 2
#define GATEWAY_EXIT_CONFIG 78

#define GATEWAY_HOST_TIMEOUT_MS 5000 /* one question to a host that it answers at once */
#define GATEWAY_KEEP_ENDED_S 86400   /* ended sessions are known for a day */
#define GATEWAY_SWEEP_MS 5000

#define GATEWAY_FRONT_ENDS_MAX 4

/* Another front-end in this process. */
struct gateway_front_end {
    const struct front_end *what;
    void *self;
};

struct arrival;
struct attempts;
struct host_call;
struct login;
struct ws_link;
struct viewer_change;

struct gateway {
    struct loop *loop;
    struct config *config;
    char *state_dir;
    uint8_t shared_key[32];

    struct store *store;
    struct identity *identity;
    struct session_broker *broker;

    struct http_client *client;
    struct tls_context *tls;
    struct arrival *arrivals;          /* TLS handshakes under way */
    struct http_server *public_server; /* TLS */
    struct http_server *plain_server;  /* redirects */
    struct http_server *internal_server;
    struct listener *public_listener;
    struct listener *plain_listener;
    struct listener *internal_listener;
    struct http_route *public_routes;
    struct http_route *internal_routes;
    struct gateway_front_end front_ends[GATEWAY_FRONT_ENDS_MAX];
    size_t front_end_count;
    struct http_mount public_mounts[GATEWAY_FRONT_ENDS_MAX + 1]; /* theirs, on each port */
    struct http_mount plain_mounts[GATEWAY_FRONT_ENDS_MAX + 1];
    struct http_mount internal_mounts[GATEWAY_FRONT_ENDS_MAX + 1];
    unsigned https_port, http_port;
    char *base_path; /* "" or "/prefix" */
    char *web_root;  /* NULL: the browser client comes from a host */

    struct loop_signal *signals[3];
    struct loop_timer *sweep_timer;
    struct loop_timer *drain_timer;
    uint64_t drain_started; /* monotonic ms */
    struct host_call *host_calls;
    bool sweeping;
    int64_t revocations_seen; /* of the sweep, which runs once at a time */
    atomic_bool draining;

    unsigned print_fetches; /* documents on their way here */

    struct attempts *code_attempts;

    struct login *logins; /* waiting for their turn */
    unsigned logins_waiting, logins_running;

    struct ws_link *links; /* WebSockets that are connecting or tunnelled */
    unsigned revocations;  /* how often users' sockets were closed; wraps */
    atomic_uint link_count;
    struct viewer_change *viewer_changes; /* not written yet */
    bool viewers_busy;
};

/* options.c */
struct gateway_options {
    char *state;
    char *config_file; /* NULL: STATE/app.config.xml when it is there */
};
/* 0, or -1 with *ret_code the exit code (0 after --help). */
int gateway_options_parse(int argc, char **argv, struct gateway_options *ret_options, int *ret_code);
void gateway_options_finish(struct gateway_options *options);

/* state.c: keys, store, identity, broker. ret_cause is a sentence, the caller frees. */
int gateway_state_open(struct gateway *g, char **ret_cause);
void gateway_state_close(struct gateway *g);
/* The database answers (blocking). */
bool gateway_state_works(struct gateway *g);

/* listen.c: certificate, servers, listeners. */
int gateway_listen(struct gateway *g, char **ret_cause);
/* No new connection from now on; the ones that are there go on. */
void gateway_listen_stop(struct gateway *g);
void gateway_listen_finish(struct gateway *g);
/* Reads the certificate again; the old one stays when that fails. */
int gateway_certificate_load(struct gateway *g, char **ret_cause);

/* routes.c */
struct http_route *gateway_public_routes(void);   /* the caller frees */
struct http_route *gateway_internal_routes(void); /* likewise */
extern const struct http_route gateway_plain_routes[];
extern const struct http_route gateway_health_routes[];
extern const struct http_route gateway_host_routes[];
extern const struct http_route gateway_session_routes[];
extern const struct http_route gateway_socket_routes[];
extern const struct http_route gateway_static_routes[];

/* access.c: the client's address behind trusted proxies, and the log line of a refused request. */
void gateway_client(const struct gateway *g, const struct http_request *r, char ret_text[ADDR_TEXT_LEN]);
void gateway_log_request(void *ctx, struct http_request *r, unsigned status);
/* JSON that no cache may keep; takes over value. */
void gateway_answer(struct http_request *r, unsigned status, json_t *value);
/* The answer to an errno of store, broker or identity that has no meaning of its own in a route. */
void gateway_answer_failure(struct http_request *r, int error);

/* front_ends.c: the other front-ends of this process. Started before the ports are opened; a sentence in
 * ret_cause when one cannot start. sweep runs on a worker. */
int gateway_front_ends_start(struct gateway *g, const struct front_end *const *list, char **ret_cause);
void gateway_front_ends_sweep(struct gateway *g);
void gateway_front_ends_stop(struct gateway *g);
void gateway_front_ends_destroy(struct gateway *g);

/* host_url.c: "http://NAME[:PORT]" of a session host. */
struct host_url {
    char host[256]; /* without brackets */
    unsigned port;
    char text[513]; /* normal form */
};
int host_url_parse(const char *text, struct host_url *ret_url);
/* 0 when every address of the host is private or loopback; -EACCES, -ENOENT unknown name. Blocking. */
int host_url_check(const struct host_url *url);

/* session_headers.c: what the gateway tells hosts and streamers about a session (docs/protocol/internal.md).
 */
#define SESSION_HEADERS_MAX 12
struct session_headers {
    size_t count;
    struct {
        const char *name;
        char *value; /* encoded for the wire */
    } field[SESSION_HEADERS_MAX];
};
int session_headers_make(const struct session_row *row, const struct identity_launch *launch,
                         enum identity_role role, struct session_headers *ret_headers);
void session_headers_finish(struct session_headers *headers);
/* For struct peer_auth_request; arg is the struct session_headers. */
const char *session_headers_get(const void *arg, const char *name);

/* session_routes.c: the session's id of a request, from X-Session-ID or else from member or query sessionId;
 * NULL after answering 400. */
const char *session_id_of(struct http_request *r);
/* The session of the request, which has to be the caller's own; false after answering. Worker threads. */
bool session_of_caller(struct gateway *g, struct http_request *r, struct identity_user *ret_user,
                       struct session_row *ret_row);
/* Likewise, or a guest's one session. */
bool session_of_viewer(struct gateway *g, struct http_request *r, struct identity_caller *ret_caller,
                       struct session_row *ret_row);
/* Seconds since 1970 at which the session ends by itself, or 0. */
int64_t session_expires_at(struct gateway *g, const struct session_row *row);

/* host_call.c: a question to a session host; fn is called exactly once, maybe before this returns. Loop
 * thread. */
typedef void (*host_call_fn)(void *arg, const struct http_answer *answer);
void host_call_start(struct gateway *g, const struct http_call_options *options, host_call_fn fn, void *arg);
/* Every call that is under way ends now, with error -ECANCELED. */
void host_calls_cancel(struct gateway *g);

/* host_end.c: asks a host to end a session; fn gets the state word, NULL when the host could not be asked,
 * "ended" when it knows no such session. Loop thread. */
typedef void (*host_end_fn)(void *arg, const char *state);
void gateway_host_end(struct gateway *g, const char *server_url, const char *session_id, const char *reason,
                      host_end_fn fn, void *arg);

/* login_route.c: the logins that wait for their turn. Loop thread. */
void logins_go_on(struct gateway *g);
/* Turns all of them away. */
void logins_cancel(struct gateway *g);

/* print_route.c */
void route_print(struct http_request *r, void *ctx);

/* connection.c */
void route_connection(struct http_request *r, void *ctx);

/* code_route.c */
void route_code(struct http_request *r, void *ctx);

/* origin.c: may a page of this origin open a WebSocket here? host is the request's Host header, list the
 * configured origins. */
bool origin_is_allowed(const char *origin, const char *host, const char *list);

/* ws_links.c: the WebSockets that are open. Loop thread. */
void ws_links_close_session(struct gateway *g, const char *session_id);
/* What a host reports about a session of its own: everybody leaves one that ends, and guests one that is
 * suspended. */
void ws_links_reported(struct gateway *g, const char *server_url, const char *session_id, int64_t status);
/* The session ends: its streamer is to close them. Those that it leaves open are closed by a later sweep. */
void ws_links_expect_end(struct gateway *g, const char *session_id);
void ws_links_sweep(struct gateway *g);
void ws_links_close_user(struct gateway *g, const char *user_id);
void ws_links_close_all(struct gateway *g);
/* A user's access was taken away: closes the sockets. Any thread. */
void gateway_user_revoked(struct gateway *g, const char *user_id);

/* viewers.c: adds delta to the session's count in the store, in order, off the loop. */
void viewers_add(struct gateway *g, const char *session_id, int delta);
void viewers_finish(struct gateway *g);

#endif
