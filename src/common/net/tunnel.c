/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tunnel.h"

#include "net/splice_priv.h"
#include "net/tls_priv.h"

#define IDLE_CHECKS                                                                                          \
    4 /* looks at the counters this often in idle_ms: a silent tunnel ends at most a quarter late */

struct tunnel {
    struct splice *splice;
    struct tls_conn *tls; /* one of the two */
    struct loop_timer *idle;
    uint64_t seen;
    unsigned quiet;
    void (*closed)(void *arg, uint64_t bytes_up, uint64_t bytes_down);
    void *arg;
};

static void counters(const struct tunnel *t, uint64_t *ret_up, uint64_t *ret_down)
{
    if (t->splice)
        splice_counters(t->splice, ret_up, ret_down);
    else
        tls_conn__counters(t->tls, ret_up, ret_down);
}

static void tunnel_end(void *arg)
{
    struct tunnel *t = arg;
    void (*closed)(void *, uint64_t, uint64_t) = t->closed;
    void *closed_arg = t->arg;
    uint64_t up, down;
    counters(t, &up, &down);
    tunnel_destroy(t);
    if (closed)
        closed(closed_arg, up, down);
}

static void check_idle(void *arg)
{
    struct tunnel *t = arg;
    uint64_t up, down;
    counters(t, &up, &down);
    t->quiet = up + down == t->seen ? t->quiet + 1 : 0;
    t->seen = up + down;
    if (t->quiet >= IDLE_CHECKS)
        tunnel_end(t);
}

static int join(struct tunnel *t, const struct tunnel_options *o)
{
    struct tls_tunnel hook = {tunnel_end, t};
    if (!o->client_tls)
        return splice_create(o, tunnel_end, t, &t->splice);
    int rc = tls_conn__join(o->client_tls, o->client_fd, o->from_client, o->from_client_len, o->backend_fd,
                            o->from_backend, o->from_backend_len, &hook);
    if (rc == 0)
        t->tls = o->client_tls;
    return rc;
}

int tunnel_create(const struct tunnel_options *options, struct tunnel **ret_tunnel)
{
    struct tunnel *t = xcalloc(1, sizeof *t);
    t->closed = options->closed;
    t->arg = options->arg;
    int rc = loop_timer_create(options->loop, check_idle, t, &t->idle);
    if (rc == 0)
        rc = join(t, options);
    if (rc < 0) {
        loop_timer_destroy(t->idle);
        free(t);
        tls_conn_close(options->client_tls);
        close(options->client_fd);
        close(options->backend_fd);
        return rc;
    }
    if (options->idle_ms > 0) {
        uint64_t every = MAX(options->idle_ms / IDLE_CHECKS, 1);
        loop_timer_start(t->idle, every, every);
    }
    *ret_tunnel = t;
    return 0;
}

struct tunnel *tunnel_destroy(struct tunnel *tunnel)
{
    if (!tunnel)
        return NULL;
    loop_timer_destroy(tunnel->idle);
    splice_destroy(tunnel->splice);
    tls_conn_close(tunnel->tls);
    free(tunnel);
    return NULL;
}
