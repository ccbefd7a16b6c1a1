/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP/1.1 server: libmicrohttpd in external-epoll mode inside the loop. It never listens: connections (plain
 * TCP, or the plaintext end of a TLS filter) are handed in. A route table says which function answers what
 * and on which thread.
 *
 * Threads: a route with HTTP_ON_LOOP is called on the loop and must not block; one with HTTP_ON_WORKER is
 * called on a worker thread, may block (database, password hashing), and may use only the functions below
 * that take its request. Limits: 64 KiB of headers, the route's max_body, 30 s for a request to arrive, 60 s
 * idle, and the connection caps of the options.
 *
 * What libmicrohttpd itself refuses (a malformed request line or header line, no Host, a Content-Length that
 * is no number, a head that does not fit its 128 KiB of memory) it answers with its own short HTML page and
 * closes. Everything it lets pass is checked again, because it is lenient: bare LF, folded lines, NUL, spaces
 * before the colon, duplicates of headers that must be single, Content-Length beside Transfer-Encoding and
 * codings other than chunked are 400 and close.
 *
 * Errors are {"success":false,"error":{"code","message"}}: bad request line or headers 400, unknown path 404
 * not_found, other method 405 method_not_allowed (with Allow), body too large 413 too_large, queue full 503
 * busy. */
#ifndef ISTHMUS_HTTP_HTTP_SERVER_H
#define ISTHMUS_HTTP_HTTP_SERVER_H

#include "base/util.h"
#include "loop/loop.h"
#include "json/json.h"

struct http_server;
struct http_request;

enum http_run { HTTP_ON_LOOP, HTTP_ON_WORKER };

#define HTTP_PEER_AUTH 1 /* refuse with 401 peer_auth unless X-Isthmus-Auth is right (http/peer_auth.h) */

struct http_route {
    const char *method; /* "GET" (serves HEAD too), "POST", ... */
    const char *path;   /* "/iam/users/{id}/entitlements"; a last segment of "*" takes the rest; "{id}" is one
                           segment */
    enum http_run run;
    unsigned flags;
    size_t max_body;
    void (*handle)(struct http_request *request, void *ctx); /* answers, or calls http_defer first */
};

/* A part of the paths with a context of its own: how parts that know nothing of each other share a port. */
struct http_mount {
    const struct http_route *routes; /* ends with method NULL */
    void *ctx;                       /* second argument of these handlers and of their continuations */
};

struct http_server_options {
    struct loop *loop;
    const struct http_mount *mounts; /* looked at before routes, in order; ends with routes NULL; NULL: none.
                                        Its content must outlive the server */
    const struct http_route *routes; /* ends with method NULL; first match wins; must outlive the server */
    void *ctx;                       /* second argument of every handler */
    const char
        *base_path; /* "" or "/prefix": stripped before routing; also works when a proxy has stripped it */
    const uint8_t *peer_key;    /* 32 bytes for HTTP_PEER_AUTH, or NULL */
    const char *const *headers; /* "Name: value" lines added to every answer, NULL-terminated, or NULL */
    unsigned max_connections;   /* 0: 2000 */
    unsigned max_per_address;   /* connections from one address (one /64); 0: no limit of its own */
    unsigned arrive_ms;         /* a request must be there within; 0: 30000 */
    unsigned idle_ms;           /* without any progress, or between two requests; 0: 60000 */
    /* Called on the loop for each finished request, for the access log; may be NULL. status 0: the client
     * left before the answer. */
    void (*finished)(void *ctx, struct http_request *request, unsigned status);
};

int http_server_create(const struct http_server_options *options, struct http_server **ret_server);
/* Closes every connection, waits for handlers that run on workers right now; queued ones are not started,
 * continuations of http_on_loop are not called. Deferred requests are dropped (http_is_gone is then true for
 * them) and still have to be answered by whoever holds them. Not from inside a handler. NULL-safe, returns
 * NULL. */
struct http_server *http_server_destroy(struct http_server *server);

/* Takes over a connected, non-blocking socket. peer is the client's address text without port. tls, when not
 * NULL, is the TLS filter whose plaintext end fd is, with the caller's hold on it; it is handed to the
 * upgrade or released. On failure (-EMFILE: a cap; answered with 503 busy) fd is closed and tls released. Not
 * from inside a handler. */
struct tls_conn;
int http_server_add(struct http_server *server, int fd, const char *peer, struct tls_conn *tls);
unsigned http_server_connections(const struct http_server *server);

/* The request. Strings are lent and live until the answer is sent. */
const char *http_method(const struct http_request *r);
const char *http_path(const struct http_request *r); /* decoded, below base_path */
const char *http_url(const struct http_request *r);  /* raw path and query, below base_path */
const char *http_param(const struct http_request *r,
                       const char *name); /* {name} of the route, decoded; "*" for the rest */
const char *http_query(const struct http_request *r, const char *name); /* NULL when absent */
const char *http_header(const struct http_request *r,
                        const char *name); /* NULL when absent; case does not matter */
/* Calls fn for every request header. */
void http_each_header(const struct http_request *r,
                      void (*fn)(void *arg, const char *name, const char *value), void *arg);
const void *http_body(const struct http_request *r, size_t *ret_len);
const char *http_peer(const struct http_request *r);
bool http_is_tls(const struct http_request *r);
/* Body as a JSON object, or NULL after answering 400 bad_json / 415. The request owns it. */
const json_t *http_json(struct http_request *r);
/* Room for the handler's own state; fn frees it with the request. */
void http_set_data(struct http_request *r, void *data, void (*fn)(void *data));
void *http_data(const struct http_request *r);

/* The answer: headers first, then exactly one of the rest, from the thread that runs the handler. */
void http_add_header(struct http_request *r, const char *name, const char *value);
void http_answer(struct http_request *r, unsigned status, const char *content_type, const void *body,
                 size_t len);
void http_answer_json(struct http_request *r, unsigned status, json_t *value); /* takes over value */
/* {"success":true,"data":value}, the envelope of /iam. */
void http_answer_data(struct http_request *r, unsigned status, json_t *value);
void http_answer_error(struct http_request *r, unsigned status, const char *code, const char *message);
/* The code of the error that was answered, for the access log; "" when it was none. */
const char *http_error_code(const struct http_request *r);
/* Takes over fd. */
void http_answer_file(struct http_request *r, unsigned status, const char *content_type, int fd,
                      uint64_t size);

/* Asynchronous answers (a continuation of http_on_loop may answer later without a further http_defer).
 * http_defer keeps the request alive past the handler; later an answer function is called on the loop's
 * thread and sends it. http_work runs fn on a worker thread: from a loop handler it defers; fn answers like
 * an HTTP_ON_WORKER handler, or calls http_on_loop to go on there. Each continuation gets the ctx that the
 * handler got. */
void http_defer(struct http_request *r);
void http_work(struct http_request *r, void (*fn)(struct http_request *r, void *ctx));
void http_on_loop(struct http_request *r, void (*fn)(struct http_request *r, void *ctx));
/* The client has gone: it closed or shut its sending side, or the server was destroyed (loop thread only).
 * Answering is still required and harmless. */
bool http_is_gone(const struct http_request *r);

/* Switching protocols (loop thread only). Answers 101 with the headers added so far (Connection: Upgrade
 * comes by itself, Upgrade: websocket unless another one was added), then hands the connection over once that
 * is on its way: fn gets the descriptor (owned from then on), the TLS filter if there is one (its hold is
 * passed on too) and the bytes that the client sent already, lent for the call. fn is called exactly once:
 * when the connection was lost or the server destroyed first, with fd -1 and tls NULL. */
typedef void (*http_upgraded_fn)(void *arg, int fd, struct tls_conn *tls, const void *early,
                                 size_t early_len);
void http_upgrade(struct http_request *r, http_upgraded_fn fn, void *arg);

#endif
