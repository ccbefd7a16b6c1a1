/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers. A response is built on the thread that answers; handing it to libmicrohttpd happens on the loop
 * alone. */
#include <fcntl.h>
#include <poll.h>
#include <strings.h>

#include "base/file.h"
#include "base/str.h"
#include "http/http_priv.h"
#include "utlist.h"

void http_add_header(struct http_request *r, const char *name, const char *value)
{
    if (r->status == 0 && http__header_is_clean(name, value)) /* a value never makes a second header */
        http__pair_add(&r->out, name, value);
}

/* Takes over response (NULL: no memory, which ends the connection without an answer). */
static void answer(struct http_request *r, unsigned status, struct MHD_Response *response)
{
    if (r->status != 0) { /* answered already: the first one counts */
        if (response)
            MHD_destroy_response(response);
        return;
    }
    struct http_pair *pair;
    struct http_pair *common = r->server ? r->server->headers : NULL;
    if (response) {
        LL_FOREACH(r->out, pair)
        MHD_add_response_header(response, pair->name, pair->value);
        LL_FOREACH(common, pair)
        MHD_add_response_header(response, pair->name, pair->value);
        if (r->chunked) /* chunked framing leaves most room for two readings: nothing may follow it here */
            MHD_add_response_header(response, "Connection", "close");
    }
    http__pairs_free(&r->out);
    r->response = response;
    r->status = status;
    if (!r->on_worker && !r->in_handler)
        http__finish(r);
}

void http_answer(struct http_request *r, unsigned status, const char *content_type, const void *body,
                 size_t len)
{
    union {
        const void *in;
        void *out;
    } data = {.in = len ? body : ""};
    if (content_type)
        http_add_header(r, "Content-Type", content_type);
    answer(r, status, MHD_create_response_from_buffer(len, data.out, MHD_RESPMEM_MUST_COPY));
}

void http_answer_json(struct http_request *r, unsigned status, json_t *value)
{
    char *text = value ? json_text(value) : NULL;
    json_decref(value);
    if (!text) {
        http_answer(r, 500, "application/json", NULL, 0);
        return;
    }
    http_add_header(r, "Content-Type", "application/json");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(text);
    answer(r, status, response);
}

void http_answer_data(struct http_request *r, unsigned status, json_t *value)
{
    http_answer_json(r, status, json_pack("{s:b,s:o}", "success", 1, "data", value ? value : json_null()));
}

void http_answer_error(struct http_request *r, unsigned status, const char *code, const char *message)
{
    if (r->status == 0 && str_copy(r->error_code, sizeof(r->error_code), code) < 0)
        r->error_code[0] = 0; /* a word that long is nobody's */
    http_answer_json(r, status,
                     json_pack("{s:b,s:{s:s,s:s}}", "success", 0, "error", "code", code, "message", message));
}

const char *http_error_code(const struct http_request *r)
{
    return r->error_code;
}

void http_answer_file(struct http_request *r, unsigned status, const char *content_type, int fd,
                      uint64_t size)
{
    if (content_type)
        http_add_header(r, "Content-Type", content_type);
    struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);
    if (!response)
        close(fd);
    answer(r, status, response);
}

/* libmicrohttpd gives the socket away here, and takes it back by the close action: so it gets a duplicate of
 * its own. */
static void on_upgrade(void *cls, struct MHD_Connection *mhd, void *con_cls, const char *extra,
                       size_t extra_len, MHD_socket socket, struct MHD_UpgradeResponseHandle *handle)
{
    (void)mhd;
    (void)con_cls;
    struct http_request *r = cls;
    http_upgraded_fn fn = r->upgraded;
    struct tls_conn *tls = r->conn->tls;
    int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    r->upgraded = NULL;
    if (fd < 0 || fd_set_nonblock(fd) < 0) {
        if (fd >= 0)
            close(fd);
        fn(r->upgraded_arg, -1, NULL, NULL, 0);
    } else {
        r->conn->tls = NULL;
        r->conn->upgraded = true;
        fn(r->upgraded_arg, fd, tls, extra, extra_len);
    }
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    http__kick(r->server);
}

void http_upgrade(struct http_request *r, http_upgraded_fn fn, void *arg)
{
    struct http_pair *pair;
    bool named = false;
    LL_FOREACH(r->out, pair)
    named = named || strcasecmp(pair->name, "Upgrade") == 0;
    if (!named)
        http_add_header(r, "Upgrade", "websocket");
    struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, r);
    r->upgraded = fn;
    r->upgraded_arg = arg;
    answer(r, 101, response);
}

void http__queue(struct http_request *r)
{
    r->queued = true;
    if (!r->response || MHD_queue_response(r->mhd, r->status, r->response) != MHD_YES) {
        /* Nothing can be said any more: the socket's end makes libmicrohttpd clean up. */
        shutdown(r->conn->fd, SHUT_RDWR);
    }
    if (r->response)
        MHD_destroy_response(r->response);
    r->response = NULL;
}

void http__finish(struct http_request *r)
{
    bool owed = r->owed;
    r->owed = false;
    if (r->suspended && r->mhd) {
        r->suspended = false;
        MHD_resume_connection(r->mhd); /* http__handle is called again and queues it */
        http__kick(r->server);
    } else if (!r->mhd && r->upgraded) {
        http_upgraded_fn fn = r->upgraded;
        r->upgraded = NULL;
        fn(r->upgraded_arg, -1, NULL, NULL, 0);
    }
    if (owed)
        http__request_unref(r);
}

bool http_is_gone(const struct http_request *r)
{
    if (!r->mhd)
        return true;
    struct pollfd p = {.fd = r->conn->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
