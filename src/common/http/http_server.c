/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_server.h"

#include <ctype.h>

#include "base/secret.h"
#include "http/http_priv.h"
#include "utlist.h"

/* Twice the head that we accept: libmicrohttpd keeps the parsed fields and the answer's head in the same
 * block. */
#define POOL_SIZE ((size_t)160 * 1024)

static void on_ready(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    server->kicked = false;
    MHD_run(server->daemon);
    if (server->kicked) /* a handler resumed another request, or the connection was upgraded */
        loop_timer_start(server->run_timer, 0, 0);
    else if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES)
        loop_timer_start(server->run_timer, timeout, 0);
    else
        loop_timer_stop(server->run_timer);
}

static void on_poll(void *arg, int ready)
{
    (void)ready;
    on_ready(arg);
}

static void on_timer(void *arg)
{
    on_ready(arg);
}

void http__kick(struct http_server *server)
{
    server->kicked = true;
    loop_timer_start(server->run_timer, 0, 0);
}

/* "Name: value" lines into pairs, which MHD wants apart. */
static int read_headers(const char *const *lines, struct http_pair **list)
{
    for (; lines && *lines; lines++) {
        const char *colon = strchr(*lines, ':');
        if (!colon)
            return -EINVAL;
        cleanup_free char *name = strndup(*lines, (size_t)(colon - *lines));
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        if (!name || !http__header_is_clean(name, value))
            return -EINVAL;
        http__pair_add(list, name, value);
    }
    return 0;
}

static int copy_options(struct http_server *server, const struct http_server_options *options)
{
    server->options = *options;
    server->base_path = xstrdup(options->base_path ? options->base_path : "");
    size_t len = strlen(server->base_path);
    while (len > 0 && server->base_path[len - 1] == '/')
        server->base_path[--len] = 0;
    if (options->peer_key) {
        memcpy(server->peer_key, options->peer_key, sizeof server->peer_key);
        server->options.peer_key = server->peer_key;
    }
    if (server->options.max_connections == 0)
        server->options.max_connections = 2000;
    if (server->options.arrive_ms == 0)
        server->options.arrive_ms = HTTP_ARRIVE_MS;
    if (server->options.idle_ms == 0)
        server->options.idle_ms = HTTP_IDLE_MS;
    return read_headers(options->headers, &server->headers);
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;
    unsigned idle_s = (server->options.idle_ms + 999) / 1000;
    /* Its own limits are wider than ours, which speak first. */
    return MHD_start_daemon(flags, 0, NULL, NULL, http__handle, server,                        /**/
                            MHD_OPTION_URI_LOG_CALLBACK, http__uri, server,                    /**/
                            MHD_OPTION_NOTIFY_COMPLETED, http__completed, server,              /**/
                            MHD_OPTION_NOTIFY_CONNECTION, http__conn_notify, server,           /**/
                            MHD_OPTION_CONNECTION_LIMIT, server->options.max_connections + 16, /**/
                            MHD_OPTION_CONNECTION_TIMEOUT, idle_s,                             /**/
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_SIZE,                     /**/
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static int start(struct http_server *server)
{
    struct loop *loop = server->options.loop;
    int rc = loop_timer_create(loop, on_timer, server, &server->run_timer);
    if (rc == 0)
        rc = loop_timer_create(loop, http__conn_sweep, server, &server->sweep_timer);
    if (rc < 0)
        return rc;
    server->daemon = start_daemon(server);
    if (!server->daemon)
        return -EIO;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return -EIO;
    return loop_poll_create(loop, info->epoll_fd, LOOP_READ, on_poll, server, &server->poll);
}

int http_server_create(const struct http_server_options *options, struct http_server **ret_server)
{
    struct http_server *server = xcalloc(1, sizeof *server);
    server->gate = http__gate_new();
    int rc = copy_options(server, options);
    if (rc == 0)
        rc = start(server);
    if (rc < 0)
        http_server_destroy(server);
    else
        *ret_server = server;
    return rc;
}

/* libmicrohttpd cannot stop while connections are suspended. */
static void resume_all(struct http_server *server)
{
    struct http_request *r;
    DL_FOREACH(server->requests, r)
    {
        if (r->suspended)
            MHD_resume_connection(r->mhd);
        r->suspended = false;
    }
}

struct http_server *http_server_destroy(struct http_server *server)
{
    if (!server)
        return NULL;
    server->stopping = true;
    http__gate_close(server->gate);
    resume_all(server);
    loop_poll_destroy(server->poll);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    http__conn_finish(server);
    struct http_request *r;
    DL_FOREACH(server->requests, r) /* only those that somebody still owes an answer to */
    r->server = NULL;
    loop_timer_destroy(server->run_timer);
    loop_timer_destroy(server->sweep_timer);
    http__pairs_free(&server->headers);
    http__gate_unref(server->gate);
    secret_wipe(server->peer_key, sizeof server->peer_key);
    free(server->base_path);
    free(server);
    return NULL;
}
