/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libmicrohttpd's view of a request: target, head, body pieces, "all there", "again" after a resume,
 * completed. */
#include "base/clock.h"
#include "base/str.h"
#include "http/http_priv.h"
#include "http/peer_auth.h"
#include "utlist.h"

/* A body over the limit whose length was not announced is read on for this many bytes, so that the client
 * hears the 413. */
#define DISCARD_LIMIT ((size_t)1 << 20)

static struct http_conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void *http__uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *server = cls;
    struct http_request *r = http__request_new(server, uri);
    r->mhd = mhd;
    r->conn = conn_of(mhd);
    str_copy(r->peer, sizeof r->peer, r->conn->peer);
    r->is_tls = r->conn->tls != NULL;
    r->conn->deadline = clock_monotonic_ms(NULL) + server->options.arrive_ms;
    return r;
}

static enum MHD_Result refuse(struct http_request *r, const struct http_refusal *refusal)
{
    r->dispatched = true;
    r->in_handler = true;
    if (refusal->status == 400 || refusal->status == 431)
        http_add_header(r, "Connection", "close");
    http_answer_error(r, refusal->status, refusal->code, refusal->message);
    r->in_handler = false;
    http__queue(r);
    return MHD_YES;
}

static const struct http_refusal too_large = {413, "too_large", "the body of the request is too large"};

/* An answer now makes libmicrohttpd close the connection, because a body may follow. A request that is only
 * misdirected and has no body is answered when it is complete, and the connection stays. */
static enum MHD_Result refuse_head(struct http_request *r, const struct http_refusal *refusal)
{
    bool has_body =
        r->chunked || (http_header(r, "Content-Length") && !str_eq(http_header(r, "Content-Length"), "0"));
    if ((refusal->status != 404 && refusal->status != 405) || has_body)
        return refuse(r, refusal);
    r->refusal = *refusal;
    return MHD_YES;
}

/* First call: the head is there, the body may be on its way. */
static enum MHD_Result on_head(struct http_request *r, const char *method, const char *version)
{
    struct http_refusal refusal = {0};
    int64_t length = 0;
    r->head_seen = true;
    http__read_head(r, r->mhd, method, version, &refusal);
    if (refusal.status == 0)
        http__route(r, &refusal);
    if (refusal.status != 0)
        return refuse_head(r, &refusal);
    buf_finish(&r->body);
    buf_init(&r->body, r->route->max_body);
    const char *announced = http_header(r, "Content-Length");
    if (announced &&
        str_to_int(announced, 0, (int64_t)MIN(r->route->max_body, (size_t)INT64_MAX), &length) < 0)
        return refuse(r, &too_large);
    return MHD_YES;
}

static enum MHD_Result on_body(struct http_request *r, const char *data, size_t *len)
{
    size_t got = *len;
    *len = 0;
    if (!r->too_large && buf_append(&r->body, data, got) == 0)
        return MHD_YES;
    r->too_large = true;
    r->discarded += got;
    buf_finish(&r->body);
    return r->discarded > DISCARD_LIMIT ? MHD_NO : MHD_YES;
}

static const char *auth_header(const void *arg, const char *name)
{
    return http_header(arg, name);
}

static bool peer_is_known(struct http_request *r)
{
    struct peer_auth_request signed_part = {
        .method = r->method, .url = r->url, .header = auth_header, .arg = r};
    signed_part.body = http_body(r, &signed_part.body_len);
    return r->server->options.peer_key && peer_auth_verify(r->server->options.peer_key, &signed_part,
                                                           http_header(r, PEER_AUTH_HEADER), NULL) == 0;
}

static void call_handler(struct http_request *r)
{
    r->in_handler = true;
    if (r->route->run == HTTP_ON_WORKER)
        http_work(r, r->route->handle);
    else
        r->route->handle(r, r->ctx);
    if (!r->owed && r->status == 0)
        http_answer_error(r, 500, "internal", "no answer was made");
    r->in_handler = false;
}

/* The whole request is there. */
static enum MHD_Result dispatch(struct http_request *r)
{
    static const struct http_refusal unknown_peer = {401, "peer_auth", "X-Isthmus-Auth is missing or wrong"};
    if (r->refusal.status != 0)
        return refuse(r, &r->refusal);
    if (r->too_large)
        return refuse(r, &too_large);
    if ((r->route->flags & HTTP_PEER_AUTH) && !peer_is_known(r))
        return refuse(r, &unknown_peer);
    r->dispatched = true;
    r->conn->deadline = 0;
    call_handler(r);
    if (!r->on_worker && r->status != 0) {
        bool owed = r->owed;
        r->owed = false;
        http__queue(r);
        if (owed)
            http__request_unref(r);
        return MHD_YES;
    }
    r->suspended = true;
    MHD_suspend_connection(r->mhd);
    return MHD_YES;
}

enum MHD_Result http__handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                             const char *version, const char *upload, size_t *upload_size, void **con_cls)
{
    (void)cls;
    (void)mhd;
    (void)url;
    struct http_request *r = *con_cls;
    if (!r->head_seen)
        return on_head(r, method, version);
    if (*upload_size > 0)
        return on_body(r, upload, upload_size);
    if (!r->dispatched)
        return dispatch(r);
    if (!r->on_worker && r->status != 0 && !r->queued)
        http__queue(r);
    return MHD_YES;
}

/* The client or the server is gone, or all is said: what is owed to nobody any more stays with whoever holds
 * it. */
static void drop(struct http_request *r)
{
    r->mhd = NULL;
    r->conn = NULL;
    r->suspended = false;
    if (r->upgraded) {
        http_upgraded_fn fn = r->upgraded;
        r->upgraded = NULL;
        fn(r->upgraded_arg, -1, NULL, NULL, 0);
    }
}

void http__completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                     enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    struct http_server *server = cls;
    struct http_request *r = *con_cls;
    *con_cls = NULL;
    if (!r)
        return;
    r->conn->deadline = clock_monotonic_ms(NULL) + server->options.idle_ms;
    if (server->options.finished && r->head_seen && !server->stopping)
        server->options.finished(server->options.ctx, r,
                                 why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? r->status : 0);
    drop(r);
    http__request_unref(r);
}
