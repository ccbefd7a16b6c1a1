/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections: how many, how long, and how they end. */
#include <fcntl.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/http_priv.h"
#include "uthash.h"
#include "utlist.h"

#define LINGER_MS 2000
#define LINGER_BYTES ((size_t)8 << 20)
#define LINGER_MAX 64

struct http_address {
    char prefix[ADDR_TEXT_LEN];
    unsigned count;
    UT_hash_handle hh;
};

static int address_take(struct http_server *server, const char *prefix)
{
    struct http_address *address;
    if (server->options.max_per_address == 0)
        return 0;
    HASH_FIND_STR(server->addresses, prefix, address);
    if (!address) {
        address = xcalloc(1, sizeof *address);
        str_copy(address->prefix, sizeof address->prefix, prefix);
        HASH_ADD_STR(server->addresses, prefix, address);
    }
    if (address->count >= server->options.max_per_address)
        return -EMFILE;
    address->count++;
    return 0;
}

static void address_give(struct http_server *server, const char *prefix)
{
    struct http_address *address;
    HASH_FIND_STR(server->addresses, prefix, address);
    if (!address || --address->count > 0)
        return;
    HASH_DEL(server->addresses, address);
    free(address);
}

static void conn_free(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    DL_DELETE(server->conns, conn); /* NOLINT(clang-analyzer-core.NullDereference): conn is in the list */
    server->count--;
    address_give(server, conn->prefix);
    tls_conn_release(conn->tls);
    free(conn);
    if (!server->conns)
        loop_timer_stop(server->sweep_timer);
}

static void say_busy(int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                               "Connection: close\r\nRetry-After: 5\r\nContent-Length: 92\r\n\r\n"
                               "{\"success\":false,\"error\":{\"code\":\"busy\",\"message\":"
                               "\"too many connections, try again later\"}}\n";
    (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int http_server_add(struct http_server *server, int fd, const char *peer, struct tls_conn *tls)
{
    static const struct sockaddr_in nobody = {.sin_family = AF_INET}; /* we know the peer ourselves */
    char prefix[ADDR_TEXT_LEN];
    addr_prefix(peer, prefix);
    if (server->count >= server->options.max_connections || address_take(server, prefix) < 0) {
        say_busy(fd);
        close(fd);
        tls_conn_release(tls);
        return -EMFILE;
    }
    struct http_conn *conn = xcalloc(1, sizeof *conn);
    conn->server = server;
    conn->fd = fd;
    conn->tls = tls;
    str_copy(conn->peer, sizeof conn->peer, peer);
    str_copy(conn->prefix, sizeof conn->prefix, prefix);
    conn->deadline = clock_monotonic_ms(NULL) + server->options.arrive_ms;
    if (!server->conns) {
        unsigned every = CLAMP(server->options.arrive_ms / 4, 10, 1000);
        loop_timer_start(server->sweep_timer, every, every);
    }
    DL_APPEND(server->conns, conn);
    server->count++;
    server->adding = conn;
    int rc =
        MHD_add_connection(server->daemon, fd, (const struct sockaddr *)&nobody, sizeof nobody) == MHD_YES
            ? 0
            : -ENOMEM;    /* it has closed fd */
    if (server->adding) { /* refused before it was announced */
        server->adding = NULL;
        conn_free(conn);
    }
    http__kick(server);
    return rc;
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->count;
}

/* A socket closed with unread bytes resets the connection, and the client may lose the answer that said why.
 * So a duplicate is kept open for a moment that reads on and forgets. */
struct http_linger {
    struct http_server *server;
    int fd;
    size_t left;
    struct loop_poll *poll;
    struct loop_timer *timer;
    struct http_linger *prev, *next;
};

static void linger_end(void *arg)
{
    struct http_linger *l = arg;
    DL_DELETE(l->server->lingers, l);
    loop_poll_destroy(l->poll);
    loop_timer_destroy(l->timer);
    close(l->fd);
    free(l);
}

static void linger_read(void *arg, int ready)
{
    (void)ready;
    struct http_linger *l = arg;
    char waste[16384];
    ssize_t n = recv(l->fd, waste, sizeof waste, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || l->left < (size_t)n)
        linger_end(l);
    else
        l->left -= (size_t)n;
}

static void linger_start(struct http_server *server, int socket)
{
    struct http_linger *other;
    unsigned count;
    DL_COUNT(server->lingers, other, count);
    int fd = count < LINGER_MAX ? fcntl(socket, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    struct http_linger *l = xcalloc(1, sizeof *l);
    l->server = server;
    l->fd = fd;
    l->left = LINGER_BYTES;
    DL_APPEND(server->lingers, l);
    if (loop_timer_create(server->options.loop, linger_end, l, &l->timer) < 0 ||
        loop_poll_create(server->options.loop, fd, LOOP_READ, linger_read, l, &l->poll) < 0) {
        linger_end(l);
        return;
    }
    loop_timer_start(l->timer, LINGER_MS, 0);
}

/* Whether we are the ones who end it: the other side may still be sending. */
static bool peer_still_sends(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

void http__conn_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    (void)mhd;
    struct http_server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = server->adding;
        server->adding = NULL;
        return;
    }
    struct http_conn *conn = *socket_context;
    if (!conn)
        return;
    if (!conn->upgraded && !server->stopping && peer_still_sends(conn->fd))
        linger_start(server, conn->fd);
    conn_free(conn);
}

void http__conn_sweep(void *arg)
{
    const struct http_server *server = arg;
    uint64_t now = clock_monotonic_ms(NULL);
    struct http_conn *conn;
    DL_FOREACH(server->conns, conn)
    {
        if (conn->deadline != 0 && now >= conn->deadline) {
            conn->deadline = 0;
            shutdown(conn->fd, SHUT_RDWR); /* libmicrohttpd sees the end and cleans up */
        }
    }
}

void http__conn_finish(struct http_server *server)
{
    struct http_linger *l, *next;
    DL_FOREACH_SAFE(server->lingers, l, next)
    linger_end(l);
}
