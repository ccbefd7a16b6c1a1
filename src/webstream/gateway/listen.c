/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three ports: public TLS, public plain (redirects), internal (hosts). */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utlist.h>

#include "webstream/gateway/gateway_priv.h"

#define TLS_CONNECTIONS_MAX 6000
#define HANDSHAKES_PER_ADDRESS_MAX 200
#define CONNECTIONS_MAX 4000 /* of HTTP; WebSockets have left the server */
#define CONNECTIONS_PER_ADDRESS_MAX 1000
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT 3
#define UNSENT_MAX_MS 60000

/* A viewer whose network is gone sends nothing, ever. The kernel finds out, so that its session may count it
 * as gone. */
static void detect_dead_peer(int fd)
{
    const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNSENT_MAX_MS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

/* A connection in its TLS handshake. */
struct arrival {
    struct gateway *gateway;
    char peer[ADDR_TEXT_LEN];
    char prefix[ADDR_TEXT_LEN];
    struct arrival *prev, *next;
};

static bool behind_proxy(const struct gateway *g)
{
    return *config_str(g->config, "gateway.trustedProxies") != '\0';
}

/* One address must not be able to take all the places; a proxy is everybody. */
static bool has_too_many_handshakes(const struct gateway *g, const char *prefix)
{
    unsigned count = 0;
    const struct arrival *arrival;
    if (behind_proxy(g))
        return false;
    DL_FOREACH(g->arrivals, arrival)
    {
        count += strcmp(arrival->prefix, prefix) == 0;
    }
    return count >= HANDSHAKES_PER_ADDRESS_MAX;
}

static void on_tls_open(void *arg, struct tls_conn *conn, int plain_fd_or_error)
{
    struct arrival *arrival = arg;
    struct gateway *g = arrival->gateway;
    /* A failed handshake (a browser that does not like the certificate, a port scan) is nobody's event. */
    if (plain_fd_or_error >= 0)
        (void)http_server_add(g->public_server, plain_fd_or_error, arrival->peer, conn);
    DL_DELETE(g->arrivals, arrival);
    free(arrival);
}

static void on_public(void *arg, int fd, const char *peer)
{
    struct gateway *g = arg;
    char prefix[ADDR_TEXT_LEN];
    addr_prefix(peer, prefix);
    if (tls_conn_count() >= TLS_CONNECTIONS_MAX || has_too_many_handshakes(g, prefix)) {
        close(fd);
        return;
    }
    detect_dead_peer(fd);
    struct arrival *arrival = xcalloc(1, sizeof(*arrival));
    arrival->gateway = g;
    (void)str_copy(arrival->peer, sizeof(arrival->peer), peer); /* both have the same size */
    memcpy(arrival->prefix, prefix, sizeof(prefix));
    DL_APPEND(g->arrivals, arrival);
    if (tls_conn_accept(g->loop, g->tls, fd, on_tls_open, arrival) < 0) {
        DL_DELETE(g->arrivals, arrival);
        free(arrival);
    }
}

static void on_plain(void *arg, int fd, const char *peer)
{
    struct gateway *g = arg;
    (void)http_server_add(g->plain_server, fd, peer, NULL);
}

static void on_internal(void *arg, int fd, const char *peer)
{
    struct gateway *g = arg;
    (void)http_server_add(g->internal_server, fd, peer, NULL);
}

static int load_pem(const char *cert, const char *key, struct tls_context **ret_tls, char **ret_cause)
{
    int r = tls_context_create_pem(cert, key, ret_tls, ret_cause);
    if (r < 0 && !*ret_cause)
        *ret_cause = xasprintf("cannot use the certificate %s: %s", cert, strerror(-r));
    return r;
}

static int load_self_signed(struct gateway *g, struct tls_context **ret_tls, char **ret_cause)
{
    cleanup_free char *cert = xasprintf("%s/secrets/tls/cert.pem", g->state_dir);
    cleanup_free char *key = xasprintf("%s/secrets/tls/key.pem", g->state_dir);
    int r = tls_make_self_signed(cert, key);
    if (r < 0) {
        *ret_cause = xasprintf("cannot make the certificate %s: %s", cert, strerror(-r));
        return r;
    }
    return load_pem(cert, key, ret_tls, ret_cause);
}

int gateway_certificate_load(struct gateway *g, char **ret_cause)
{
    const char *cert = config_str(g->config, "gateway.certificateFile");
    const char *key = config_str(g->config, "gateway.privateKeyFile");
    const char *pfx = config_str(g->config, "webstreamSettings.serverPfxCertificateFile");
    struct tls_context *tls = NULL;
    int r;
    if (*cert)
        r = load_pem(cert, *key ? key : cert, &tls, ret_cause);
    else if (*pfx)
        r = tls_context_create_pfx(pfx, config_str(g->config, "webstreamSettings.serverPfxSecret"), &tls,
                                   ret_cause);
    else
        r = load_self_signed(g, &tls, ret_cause);
    if (r < 0)
        return r;
    tls_context_destroy(g->tls);
    g->tls = tls;
    return 0;
}

static int make_servers(struct gateway *g, char **ret_cause)
{
    static const char *const public_headers[] = {"X-Content-Type-Options: nosniff",
                                                 "Referrer-Policy: no-referrer",
                                                 "Strict-Transport-Security: max-age=31536000", NULL};
    /* A browser would use https for every port of this name, and other front-ends have plain ones. */
    static const char *const mixed_headers[] = {"X-Content-Type-Options: nosniff",
                                                "Referrer-Policy: no-referrer", NULL};
    static const char *const plain_headers[] = {"X-Content-Type-Options: nosniff", NULL};
    const struct {
        struct http_server_options options;
        struct http_server **to;
    } list[] = {
        {{.mounts = g->public_mounts,
          .routes = g->public_routes,
          .headers = g->plain_mounts[0].routes ? mixed_headers : public_headers,
          .base_path = g->base_path},
         &g->public_server},
        {{.mounts = g->plain_mounts,
          .routes = gateway_plain_routes,
          .headers = plain_headers,
          .base_path = g->base_path},
         &g->plain_server},
        {{.mounts = g->internal_mounts,
          .routes = g->internal_routes,
          .headers = plain_headers,
          .base_path = "",
          .peer_key = g->shared_key},
         &g->internal_server},
    };
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        struct http_server_options options = list[i].options;
        options.loop = g->loop;
        options.ctx = g;
        options.finished = gateway_log_request;
        options.max_connections = CONNECTIONS_MAX;
        options.max_per_address =
            behind_proxy(g) || list[i].to == &g->internal_server ? 0 : CONNECTIONS_PER_ADDRESS_MAX;
        int r = http_server_create(&options, list[i].to);
        if (r < 0) {
            *ret_cause = xasprintf("cannot start the HTTP server: %s", strerror(-r));
            return r;
        }
    }
    return 0;
}

struct port_wish {
    const char *host;
    int64_t configured; /* 0: the candidates in turn */
    unsigned candidates[3];
    void (*fn)(void *arg, int fd, const char *peer);
    const char *what;
};

static int open_port(struct gateway *g, const struct port_wish *wish, struct listener **ret_listener,
                     char **ret_cause)
{
    unsigned port = (unsigned)wish->configured;
    if (port != 0) {
        int r = listener_create(g->loop, wish->host, port, wish->fn, g, ret_listener);
        if (r < 0)
            *ret_cause = xasprintf("cannot listen on %s%sport %u for %s: %s", wish->host,
                                   *wish->host ? " " : "", port, wish->what, strerror(-r));
        return r;
    }
    int r = -EADDRINUSE;
    for (size_t i = 0; i < ARRAY_SIZE(wish->candidates) && r < 0; i++)
        r = listener_create(g->loop, wish->host, wish->candidates[i], wish->fn, g, ret_listener);
    if (r < 0)
        *ret_cause = xasprintf("none of the ports %u, %u and %u is free for %s", wish->candidates[0],
                               wish->candidates[1], wish->candidates[2], wish->what);
    return r;
}

static int open_ports(struct gateway *g, char **ret_cause)
{
    const char *address = config_str(g->config, "gateway.publicIP");
    unsigned base = (unsigned)config_int(g->config, "webstreamSettings.basePortNumber");
    const struct port_wish https = {address,
                                    config_int(g->config, "gateway.httpsPort"),
                                    {443, 8443, base + 443},
                                    on_public,
                                    "browsers (https)"};
    const struct port_wish http = {
        address, config_int(g->config, "gateway.httpPort"), {80, 8080, base + 80}, on_plain, "plain http"};
    const struct port_wish internal = {config_str(g->config, "gateway.internalAddress"),
                                       config_int(g->config, "gateway.port"),
                                       {0},
                                       on_internal,
                                       "session hosts"};
    int r = open_port(g, &https, &g->public_listener, ret_cause);
    if (r == 0)
        r = open_port(g, &http, &g->plain_listener, ret_cause);
    if (r == 0)
        r = open_port(g, &internal, &g->internal_listener, ret_cause);
    if (r < 0)
        return r;
    g->https_port = listener_port(g->public_listener);
    g->http_port = listener_port(g->plain_listener);
    return 0;
}

int gateway_listen(struct gateway *g, char **ret_cause)
{
    int r = gateway_certificate_load(g, ret_cause);
    if (r < 0)
        return r;
    g->public_routes = gateway_public_routes();
    g->internal_routes = gateway_internal_routes();
    r = make_servers(g, ret_cause);
    return r < 0 ? r : open_ports(g, ret_cause);
}

void gateway_listen_stop(struct gateway *g)
{
    g->public_listener = listener_destroy(g->public_listener);
    g->plain_listener = listener_destroy(g->plain_listener);
    g->internal_listener = listener_destroy(g->internal_listener);
}

void gateway_listen_finish(struct gateway *g)
{
    struct arrival *arrival, *next;
    gateway_listen_stop(g);
    /* First, so that no handshake ends in a server that is gone. */
    tls_conn_close_all(g->loop);
    DL_FOREACH_SAFE(g->arrivals, arrival, next)
    {
        free(arrival);
    }
    g->arrivals = NULL;
    g->public_server = http_server_destroy(g->public_server);
    g->plain_server = http_server_destroy(g->plain_server);
    g->internal_server = http_server_destroy(g->internal_server);
    g->tls = tls_context_destroy(g->tls);
    free(g->public_routes);
    free(g->internal_routes);
    g->public_routes = g->internal_routes = NULL;
}
