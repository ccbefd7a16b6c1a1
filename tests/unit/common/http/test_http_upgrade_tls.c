/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway's whole path: TLS filter, HTTP server, upgrade, tunnel to a backend, with bytes that are early
 * in both directions. */
#include "common/net/loop_kit.h"

#include <openssl/ssl.h>

#include "base/str.h"
#include "http/http_server.h"
#include "net/listener.h"
#include "net/tunnel.h"

#define BIG ((size_t)3 << 20)

static struct {
    struct loop_kit kit;
    char directory[64], cert[96], key[96];
    struct tls_context *context;
    struct http_server *server;
    struct listener *listener;
    unsigned port;
    int pair[2]; /* [0] is the backend, [1] the tunnel's end of it */
    struct tunnel *tunnel;
    int closed, lost;
    struct http_request *waiting;
} f;

static void on_closed(void *arg, uint64_t up, uint64_t down)
{
    (void)arg;
    (void)up;
    (void)down;
    f.tunnel = NULL;
    f.closed = 1;
}

static void on_upgraded(void *arg, int fd, struct tls_conn *tls, const void *early, size_t len)
{
    (void)arg;
    if (fd < 0) {
        assert_null(tls);
        f.lost = 1;
        return;
    }
    assert_non_null(tls);
    struct tunnel_options options = {
        .loop = f.kit.loop,
        .client_fd = fd,
        .client_tls = tls,
        .from_client = early,
        .from_client_len = len,
        .backend_fd = f.pair[1],
        .from_backend = "first frame of the backend ",
        .from_backend_len = 27,
        .closed = on_closed,
    };
    assert_int_equal(tunnel_create(&options, &f.tunnel), 0);
}

static void on_upgrade(struct http_request *r, void *ctx)
{
    (void)ctx;
    assert_true(http_is_tls(r));
    http_upgrade(r, on_upgraded, NULL);
}

static void on_later(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_defer(r);
    f.waiting = r;
}

static void on_big(struct http_request *r, void *ctx)
{
    (void)ctx;
    char *big = malloc(BIG);
    memset(big, 'b', BIG);
    http_answer(r, 200, "text/plain", big, BIG);
    free(big);
}

static const struct http_route routes[] = {
    {"GET", "/upgrade", HTTP_ON_LOOP, 0, 0, on_upgrade},
    {"GET", "/later", HTTP_ON_LOOP, 0, 0, on_later},
    {"GET", "/big", HTTP_ON_LOOP, 0, 0, on_big},
    {NULL, NULL, HTTP_ON_LOOP, 0, 0, NULL},
};

static void on_opened(void *arg, struct tls_conn *conn, int fd)
{
    (void)arg;
    if (fd >= 0)
        assert_int_equal(http_server_add(f.server, fd, "192.0.2.7", conn), 0);
}

static void on_connection(void *arg, int fd, const char *peer)
{
    (void)arg;
    (void)peer;
    assert_int_equal(tls_conn_accept(f.kit.loop, f.context, fd, on_opened, NULL), 0);
}

static void do_start(void *arg)
{
    (void)arg;
    char *cause = NULL;
    struct http_server_options options = {.loop = f.kit.loop, .routes = routes};
    assert_int_equal(tls_make_self_signed(f.cert, f.key), 0);
    assert_int_equal(tls_context_create_pem(f.cert, f.key, &f.context, &cause), 0);
    assert_int_equal(http_server_create(&options, &f.server), 0);
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", 0, on_connection, NULL, &f.listener), 0);
    f.port = listener_port(f.listener);
}

static void do_stop(void *arg)
{
    (void)arg;
    listener_destroy(f.listener);
    f.server = http_server_destroy(f.server);
    tunnel_destroy(f.tunnel);
    tls_conn_close_all(f.kit.loop);
    tls_context_destroy(f.context);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    assert_int_equal(str_copy(f.directory, sizeof(f.directory), "/tmp/isthmus-up-XXXXXX"), 0);
    assert_non_null(mkdtemp(f.directory));
    snprintf(f.cert, sizeof f.cert, "%s/cert.pem", f.directory);
    snprintf(f.key, sizeof f.key, "%s/key.pem", f.directory);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f.pair), 0);
    set_timeouts(f.pair[0]);
    loop_kit_start(&f.kit);
    loop_kit_do(&f.kit, do_start, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    assert_int_equal(tls_conn_count(), 0);
    unlink(f.cert);
    unlink(f.key);
    rmdir(f.directory);
    return 0;
}

static SSL *client(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_fd(ssl, connect_to(f.port));
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void hang_up(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

/* Until text has come, or the end. */
static void expect(SSL *ssl, const char *text)
{
    static char buf[8192];
    size_t len = 0;
    buf[0] = 0;
    while (!strstr(buf, text)) {
        int n = SSL_read(ssl, buf + len, 1);
        if (n <= 0 || len + 2 > sizeof buf)
            fail_msg("\"%s\" did not come, but \"%s\"", text, buf);
        len += (size_t)n;
        buf[len] = 0;
    }
}

static bool is_closed(void *arg)
{
    (void)arg;
    return f.closed;
}

static bool server_let_go(void *arg)
{
    (void)arg;
    return http_server_connections(f.server) == 0;
}

#define UPGRADE " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

static void exchange(SSL *ssl)
{
    char buf[100];
    expect(ssl, "HTTP/1.1 101 ");
    expect(ssl, "\r\n\r\nfirst frame of the backend ");
    assert_int_equal(recv(f.pair[0], buf, 5, MSG_WAITALL), 5);
    assert_memory_equal(buf, "EARLY", 5);
    assert_int_equal(SSL_write(ssl, "later", 5), 5);
    assert_int_equal(recv(f.pair[0], buf, 5, MSG_WAITALL), 5);
    assert_memory_equal(buf, "later", 5);
    send_text(f.pair[0], "down");
    expect(ssl, "down");
    assert_true(loop_kit_wait(&f.kit, server_let_go, NULL));
    hang_up(ssl);
    assert_int_equal(recv(f.pair[0], buf, 1, 0), 0);
    close(f.pair[0]);
    assert_true(loop_kit_wait(&f.kit, is_closed, NULL));
    assert_int_equal(tls_conn_count(), 0);
}

static void test_upgrade(void **state)
{
    (void)state;
    SSL *ssl = client();
    static const char request[] = "GET /upgrade" UPGRADE "EARLY"; /* in one record with the request */
    assert_int_equal(SSL_write(ssl, request, sizeof request - 1), sizeof request - 1);
    exchange(ssl);
}

static bool is_waiting(void *arg)
{
    (void)arg;
    return f.waiting != NULL;
}

static void do_upgrade(void *arg)
{
    (void)arg;
    http_upgrade(f.waiting, on_upgraded, NULL);
}

static void test_deferred_upgrade(void **state)
{
    (void)state;
    SSL *ssl = client();
    assert_int_equal(SSL_write(ssl, "GET /later" UPGRADE, 10 + sizeof UPGRADE - 1), 10 + sizeof UPGRADE - 1);
    assert_true(loop_kit_wait(&f.kit, is_waiting, NULL));
    assert_int_equal(SSL_write(ssl, "EARLY", 5), 5); /* lies in the socketpair */
    loop_kit_do(&f.kit, do_upgrade, NULL);
    exchange(ssl);
}

static bool is_lost(void *arg)
{
    (void)arg;
    return f.lost;
}

static void test_client_lost_before_upgrade(void **state)
{
    (void)state;
    SSL *ssl = client();
    assert_int_equal(SSL_write(ssl, "GET /later" UPGRADE, 10 + sizeof UPGRADE - 1), 10 + sizeof UPGRADE - 1);
    assert_true(loop_kit_wait(&f.kit, is_waiting, NULL));
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_do(&f.kit, do_upgrade, NULL);
    assert_true(loop_kit_is(&f.kit, is_lost, NULL));
    memset(&f.context, 0, sizeof f.context);
    f.listener = NULL;
    hang_up(ssl);
    close(f.pair[0]);
    close(f.pair[1]);
}

static void test_big_answer(void **state)
{
    (void)state;
    SSL *ssl = client();
    static const char request[] = "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(SSL_write(ssl, request, sizeof request - 1), sizeof request - 1);
    expect(ssl, "\r\n\r\n");
    size_t got = 0;
    char buf[65536];
    int n;
    while ((n = SSL_read(ssl, buf, sizeof buf)) > 0)
        got += (size_t)n;
    assert_int_equal(got, BIG);
    hang_up(ssl);
    close(f.pair[0]);
    close(f.pair[1]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_upgrade),
        T(test_deferred_upgrade),
        T(test_client_lost_before_upgrade),
        T(test_big_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
