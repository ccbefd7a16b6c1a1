/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the HTTP server.
 *
 * Ownership: a connection belongs to libmicrohttpd from MHD_add_connection until its "closed" notification. A
 * request is counted: one reference is libmicrohttpd's (until "completed"), one is held while an answer is
 * owed (deferred, or on a worker), so that a request outlives its client and even the server. All counting
 * happens on the loop's thread. */
#ifndef ISTHMUS_HTTP_HTTP_PRIV_H
#define ISTHMUS_HTTP_HTTP_PRIV_H

#include <microhttpd.h>

#include "base/buf.h"
#include "http/http_server.h"
#include "net/addr.h"
#include "net/tls.h"

#define HTTP_HEAD_LIMIT 65536
#define HTTP_URL_LIMIT 16384
#define HTTP_FIELD_LIMIT 256
#define HTTP_PARAM_LIMIT 8
#define HTTP_ARRIVE_MS 30000
#define HTTP_IDLE_MS 60000

struct http_gate;    /* what workers share with the server (http_work.c) */
struct http_linger;  /* a socket that still swallows what the client sends (http_conn.c) */
struct http_address; /* connections of one address (http_conn.c) */

/* What is wrong with a request, as its answer will say. */
struct http_refusal {
    unsigned status; /* 0: nothing */
    const char *code;
    const char *message;
};

struct http_conn {
    struct http_server *server;
    int fd;
    struct tls_conn *tls; /* our hold on the filter */
    char peer[ADDR_TEXT_LEN];
    char prefix[ADDR_TEXT_LEN];
    uint64_t deadline; /* monotonic ms by which the request must be there; 0 while one is being answered */
    bool upgraded;     /* the socket is somebody else's now */
    struct http_conn *prev, *next;
};

struct http_field {
    const char *name;
    const char *value;
};

struct http_pair {
    struct http_pair *next;
    char *name;
    char *value;
};

struct http_request {
    unsigned refs;
    struct http_server *server; /* NULL when it was destroyed */
    struct MHD_Connection *mhd; /* NULL when the client is gone */
    struct http_conn *conn;     /* likewise */
    struct http_request *prev, *next;
    struct loop *loop;
    struct http_gate *gate;
    void *ctx;
    const struct http_route *route;

    /* what came */
    char *raw;         /* the request target as sent */
    const char *url;   /* below base_path; into raw */
    char *path;        /* decoded */
    const char *query; /* into raw; NULL without '?' */
    char method[16];
    char peer[ADDR_TEXT_LEN];
    bool is_tls;
    char *head; /* storage of the fields */
    struct http_field *fields;
    size_t field_count;
    bool chunked;
    struct {
        const char *name; /* into the route's pattern */
        size_t name_len;
        char *value;
    } param[HTTP_PARAM_LIMIT];
    size_t param_count;
    struct buf body;
    size_t discarded; /* bytes of a body that is too large */
    json_t *json;
    void *data;
    void (*data_free)(void *data);
    struct http_pair *queries; /* decoded for callers of http_query */

    /* where it is */
    bool head_seen;
    struct http_refusal refusal; /* to be said when the request is complete */
    bool too_large;
    bool dispatched;
    bool in_handler;
    bool on_worker;
    bool owed;      /* an answer is owed; holds a reference */
    bool suspended; /* libmicrohttpd waits for http__resume */
    bool queued;
    void (*work)(struct http_request *r, void *ctx);
    void (*then)(struct http_request *r, void *ctx); /* continuation on the loop */

    /* the answer */
    struct http_pair *out; /* headers */
    struct MHD_Response *response;
    unsigned status;     /* 0: not answered */
    char error_code[32]; /* "" when it is no error */
    http_upgraded_fn upgraded;
    void *upgraded_arg;
};

struct http_server {
    struct http_server_options options;
    char *base_path;
    uint8_t peer_key[32];
    struct http_pair *headers;
    struct MHD_Daemon *daemon;
    struct loop_poll *poll;
    struct loop_timer *run_timer;
    struct loop_timer *sweep_timer;
    struct http_gate *gate;
    struct http_conn *conns;
    struct http_conn *adding; /* being handed to libmicrohttpd */
    struct http_address *addresses;
    struct http_linger *lingers;
    struct http_request *requests;
    unsigned count;
    bool kicked;
    bool stopping;
};

/* http_server.c: lets libmicrohttpd go on in the next turn of the loop. */
void http__kick(struct http_server *server);

/* http_conn.c: the two notifications, deadlines, caps. */
void http__conn_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);
void http__conn_sweep(void *arg);
/* Ends what still lingers. */
void http__conn_finish(struct http_server *server);

/* http_strict.c: copies the head's fields into the request; *ret_refusal says what is wrong with them. */
void http__read_head(struct http_request *r, struct MHD_Connection *mhd, const char *method,
                     const char *version, struct http_refusal *ret_refusal);

/* http_route.c: path, query, route and parameters. */
void http__route(struct http_request *r, struct http_refusal *ret_refusal);

/* http_dispatch.c: libmicrohttpd's callbacks. */
void *http__uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http__handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                             const char *version, const char *upload, size_t *upload_size, void **con_cls);
void http__completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                     enum MHD_RequestTerminationCode why);

/* http_request.c */
struct http_request *http__request_new(struct http_server *server, const char *uri);
void http__request_unref(struct http_request *r);
struct http_pair *http__pair_add(struct http_pair **list, const char *name, const char *value);
void http__pairs_free(struct http_pair **list);
bool http__header_is_clean(const char *name, const char *value);

/* http_answer.c: gives the finished answer to libmicrohttpd, now or when it asks again. */
void http__finish(struct http_request *r);
void http__queue(struct http_request *r);

/* http_work.c */
struct http_gate *http__gate_new(void);
struct http_gate *http__gate_ref(struct http_gate *gate);
void http__gate_unref(struct http_gate *gate);
/* No worker starts a handler any more; returns when none runs. */
void http__gate_close(struct http_gate *gate);
/* Marks the answer as owed (idempotent). */
void http__owe(struct http_request *r);

#endif
