/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "net/listener.h"

#define DEFAULT_TIMEOUT_MS 10000

/* A name being looked up on a worker. It outlives a cancelled connector, because getaddrinfo cannot be
 * stopped. */
struct lookup {
    struct connector *owner; /* NULL when cancelled; used on the loop only */
    char *host;
    char service[16];
    int error;
    struct addrinfo *found;
};

struct connector {
    struct loop *loop;
    struct lookup *lookup;
    struct addrinfo *list, *next;
    int fd;
    int last_error;
    struct loop_poll *poll;
    struct loop_timer *timer;
    bool begun;
    void (*fn)(void *arg, int fd_or_error);
    void *arg;
};

static void stop_watching(struct connector *c)
{
    c->poll = loop_poll_destroy(c->poll);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* The last thing done with c: fn may destroy it. */
static void report(struct connector *c, int fd_or_error)
{
    loop_timer_stop(c->timer);
    void (*fn)(void *, int) = c->fn;
    c->fn = NULL;
    if (fn)
        fn(c->arg, fd_or_error);
}

static void try_next(struct connector *c);

static void on_connected(void *arg, int ready)
{
    (void)ready;
    struct connector *c = arg;
    int error = 0, one = 1;
    socklen_t len = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error) {
        c->last_error = -error;
        stop_watching(c);
        try_next(c);
        return;
    }
    int fd = c->fd;
    c->fd = -1;
    stop_watching(c);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    report(c, fd);
}

static int try_one(struct connector *c, const struct addrinfo *a)
{
    c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -errno;
    if (connect(c->fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)
        return -errno;
    return loop_poll_create(c->loop, c->fd, LOOP_WRITE, on_connected, c, &c->poll);
}

static void try_next(struct connector *c)
{
    while (c->next) {
        const struct addrinfo *a = c->next;
        c->next = a->ai_next;
        int rc = try_one(c, a);
        if (rc == 0)
            return;
        c->last_error = rc;
        stop_watching(c);
    }
    report(c, c->last_error);
}

static void on_timer(void *arg)
{
    struct connector *c = arg;
    if (!c->begun) { /* the first turn: begin */
        c->begun = true;
        if (c->list)
            try_next(c);
        else if (!c->lookup)
            report(c, c->last_error);
        return;
    }
    stop_watching(c);
    c->next = NULL;
    report(c, -ETIMEDOUT);
}

static int resolve(const char *host, const char *service, int flags, struct addrinfo **ret_list)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    return getaddrinfo(host, service, &hints, ret_list);
}

static void lookup_work(void *arg)
{
    struct lookup *l = arg;
    l->error = resolve(l->host, l->service, AI_ADDRCONFIG, &l->found);
}

static void lookup_free(struct lookup *l)
{
    if (l->found)
        freeaddrinfo(l->found);
    free(l->host);
    free(l);
}

static void lookup_done(void *arg)
{
    struct lookup *l = arg;
    struct connector *c = l->owner;
    if (c) {
        c->lookup = NULL;
        c->list = c->next = l->error == 0 ? l->found : NULL;
        c->last_error = -EHOSTUNREACH;
        if (l->error == 0)
            l->found = NULL;
    }
    lookup_free(l);
    if (c && c->begun && c->fn) /* else the first turn goes on; not when the time is up already */
        try_next(c);
}

static int start_lookup(struct connector *c, const char *host, const char *service)
{
    c->lookup = xcalloc(1, sizeof *c->lookup);
    c->lookup->owner = c;
    c->lookup->host = xstrdup(host);
    snprintf(c->lookup->service, sizeof c->lookup->service, "%s", service);
    int rc = loop_work(c->loop, lookup_work, lookup_done, c->lookup);
    if (rc < 0) {
        lookup_free(c->lookup);
        c->lookup = NULL;
    }
    return rc;
}

int connector_create(struct loop *loop, const char *host, unsigned port, unsigned timeout_ms,
                     void (*fn)(void *arg, int fd_or_error), void *arg, struct connector **ret_connector)
{
    char service[16];
    if (port == 0 || port > 65535)
        return -EINVAL;
    snprintf(service, sizeof service, "%u", port);
    struct connector *c = xcalloc(1, sizeof *c);
    c->loop = loop;
    c->fd = -1;
    c->fn = fn;
    c->arg = arg;
    c->last_error = -EHOSTUNREACH;
    int rc = loop_timer_create(loop, on_timer, c, &c->timer);
    if (rc == 0 && resolve(host, service, AI_NUMERICHOST, &c->list) != 0) {
        c->list = NULL;
        rc = start_lookup(c, host, service);
    }
    if (rc < 0) {
        connector_destroy(c);
        return rc;
    }
    c->next = c->list;
    unsigned limit = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
    loop_timer_start(c->timer, 0, limit); /* fires at once to begin, then when the time is up */
    *ret_connector = c;
    return 0;
}

struct connector *connector_destroy(struct connector *connector)
{
    if (!connector)
        return NULL;
    if (connector->lookup)
        connector->lookup->owner = NULL;
    stop_watching(connector);
    loop_timer_destroy(connector->timer);
    if (connector->list)
        freeaddrinfo(connector->list);
    free(connector);
    return NULL;
}
