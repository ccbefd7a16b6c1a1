/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain and TLS tunnels between a real client and a real backend, byte for byte. */
#include "base/str.h"
#include "common/net/loop_kit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

#include "base/file.h"
#include "net/listener.h"
#include "net/tunnel.h"

#define BIG ((size_t)12 << 20)

struct fixture {
    struct loop_kit kit;
    char directory[64], cert[96], key[96];
    struct tls_context *context;
    struct tunnel *tunnel;
    /* the tunnel's side */
    int client_fd; /* what the tunnel gets */
    struct tls_conn *tls;
    int opened;
    uint64_t idle_ms;
    int backend_buffer; /* bytes of kernel buffer between backend and tunnel; 0: as the kernel likes */
    const char *early_up, *early_down;
    int closed;
    uint64_t up, down;
    /* the ends */
    int client, backend;
    SSL *ssl;
    SSL_CTX *ssl_ctx;
    int accept_fd;
};

static struct fixture f;

static void make_pair(int pair[2])
{
    /* Real TCP, because half-closes and resets differ on socketpairs. */
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    pair[0] = connect_to(ntohs(address.sin_port));
    pair[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(pair[1] >= 0);
    close(listening);
}

static void on_opened(void *arg, struct tls_conn *conn, int fd)
{
    (void)arg;
    f.tls = conn;
    f.client_fd = fd;
    f.opened = 1;
}

static void do_accept(void *arg)
{
    (void)arg;
    assert_int_equal(tls_conn_accept(f.kit.loop, f.context, f.accept_fd, on_opened, NULL), 0);
}

static void do_context(void *arg)
{
    (void)arg;
    char *cause = NULL;
    assert_int_equal(tls_make_self_signed(f.cert, f.key), 0);
    assert_int_equal(tls_context_create_pem(f.cert, f.key, &f.context, &cause), 0);
}

static void on_closed(void *arg, uint64_t up, uint64_t down)
{
    (void)arg;
    f.tunnel = NULL;
    f.up = up;
    f.down = down;
    f.closed = 1;
}

static void do_tunnel(void *arg)
{
    struct tunnel_options options = {
        .loop = f.kit.loop,
        .client_fd = f.client_fd,
        .client_tls = f.tls,
        .from_client = f.early_up,
        .from_client_len = f.early_up ? strlen(f.early_up) : 0,
        .backend_fd = *(int *)arg,
        .from_backend = f.early_down,
        .from_backend_len = f.early_down ? strlen(f.early_down) : 0,
        .idle_ms = f.idle_ms,
        .closed = on_closed,
    };
    assert_int_equal(tunnel_create(&options, &f.tunnel), 0);
}

static bool is_opened(void *arg)
{
    (void)arg;
    return f.opened;
}

static bool is_closed(void *arg)
{
    (void)arg;
    return f.closed;
}

static void start_client_tls(void)
{
    f.ssl_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_options(f.ssl_ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(f.ssl_ctx, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_load_verify_locations(f.ssl_ctx, f.cert, NULL), 1);
    f.ssl = SSL_new(f.ssl_ctx);
    assert_int_equal(SSL_set_alpn_protos(f.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12), 0);
    assert_int_equal(SSL_set1_host(f.ssl, "localhost"), 1);
    SSL_set_fd(f.ssl, f.client);
    if (SSL_connect(f.ssl) != 1)
        fail_msg("%s", ERR_reason_error_string(ERR_get_error()));
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(f.ssl, &protocol, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(protocol, "http/1.1", 8);
}

static int setup_any(bool tls)
{
    int pair[2];
    memset(&f, 0, sizeof f);
    f.client_fd = -1;
    loop_kit_start(&f.kit);
    make_pair(pair);
    f.client = pair[0];
    f.accept_fd = f.client_fd = pair[1];
    if (!tls)
        return 0;
    assert_int_equal(str_copy(f.directory, sizeof(f.directory), "/tmp/isthmus-tls-XXXXXX"), 0);
    assert_non_null(mkdtemp(f.directory));
    snprintf(f.cert, sizeof f.cert, "%s/cert.pem", f.directory);
    snprintf(f.key, sizeof f.key, "%s/key.pem", f.directory);
    loop_kit_do(&f.kit, do_context, NULL);
    loop_kit_do(&f.kit, do_accept, NULL);
    start_client_tls();
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    assert_true(f.client_fd >= 0);
    return 0;
}

static int setup(void **state)
{
    *state = NULL;
    return setup_any(false);
}

static int setup_tls(void **state)
{
    *state = &f;
    return setup_any(true);
}

static void do_stop(void *arg)
{
    (void)arg;
    f.tunnel = tunnel_destroy(f.tunnel);
    tls_conn_close_all(f.kit.loop);
    assert_int_equal(tls_conn_count(), 0);
    f.context = tls_context_destroy(f.context);
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    SSL_free(f.ssl);
    SSL_CTX_free(f.ssl_ctx);
    close(f.client);
    if (f.backend > 0)
        close(f.backend);
    if (f.directory[0]) {
        unlink(f.cert);
        unlink(f.key);
        rmdir(f.directory);
    }
    return 0;
}

static void start_tunnel(void)
{
    int pair[2];
    make_pair(pair);
    f.backend = pair[0];
    if (f.backend_buffer) { /* else the kernel alone may take all of BIG */
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &f.backend_buffer, sizeof f.backend_buffer);
        setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &f.backend_buffer, sizeof f.backend_buffer);
    }
    loop_kit_do(&f.kit, do_tunnel, &pair[1]);
}

/* The client's two verbs, in TLS or not. */

static bool client_send(const void *data, size_t len)
{
    while (len > 0) {
        size_t n = 0;
        if (!f.ssl) {
            ssize_t k = send(f.client, data, len, MSG_NOSIGNAL);
            n = k > 0 ? (size_t)k : 0;
        } else if (SSL_write_ex(f.ssl, data, MIN(len, 100000), &n) != 1) {
            n = 0;
        }
        if (n == 0)
            return false;
        data = (const char *)data + n;
        len -= n;
    }
    return true;
}

static size_t client_read(void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        size_t n = 0;
        if (!f.ssl) {
            ssize_t k = recv(f.client, (char *)data + got, len - got, 0);
            n = k > 0 ? (size_t)k : 0;
        } else if (SSL_read_ex(f.ssl, (char *)data + got, len - got, &n) != 1) {
            n = 0;
        }
        if (n == 0)
            break;
        got += n;
    }
    return got;
}

static void client_half_close(void)
{
    if (f.ssl)
        SSL_shutdown(f.ssl);
    shutdown(f.client, SHUT_WR);
}

static size_t backend_read(void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = recv(f.backend, (char *)data + got, len - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

static void fill(unsigned char *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        data[i] = (unsigned char)(seed >> 16);
    }
}

static unsigned char *up_data, *down_data, *up_got, *down_got;

static void *backend_side(void *arg)
{
    (void)arg;
    size_t sent = 0, got = 0;
    /* Both directions at once, in turns of what the sockets take. */
    fcntl(f.backend, F_SETFL, O_NONBLOCK);
    while (sent < BIG || got < BIG) {
        struct pollfd p = {.fd = f.backend,
                           .events = (short)((sent < BIG ? POLLOUT : 0) | (got < BIG ? POLLIN : 0))};
        if (poll(&p, 1, 20000) <= 0)
            break;
        if (p.revents & POLLOUT) {
            ssize_t n = send(f.backend, down_data + sent, MIN(BIG - sent, 70000), MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
        }
        if (p.revents & POLLIN) {
            ssize_t n = recv(f.backend, up_got + got, BIG - got, 0);
            if (n <= 0)
                break;
            got += (size_t)n;
        }
    }
    return (void *)(uintptr_t)(sent == BIG && got == BIG);
}

static void *client_sender(void *arg)
{
    (void)arg;
    return (void *)(uintptr_t)client_send(up_data, BIG);
}

static void allocate(void)
{
    up_data = malloc(BIG);
    down_data = malloc(BIG);
    up_got = malloc(BIG);
    down_got = malloc(BIG);
    fill(up_data, BIG, 1);
    fill(down_data, BIG, 2);
}

static void release(void)
{
    free(up_data);
    free(down_data);
    free(up_got);
    free(down_got);
}

static void test_bulk(void **state)
{
    bool tls = *state != NULL;
    pthread_t backend, sender;
    void *ok = NULL;
    allocate();
    start_tunnel();
    pthread_create(&backend, NULL, backend_side, NULL);
    if (!tls) {
        pthread_create(&sender, NULL, client_sender, NULL);
        assert_int_equal(client_read(down_got, BIG), BIG);
        pthread_join(sender, &ok);
        assert_non_null(ok);
    } else { /* one SSL object is for one thread: in turns small enough for the buffers between */
        for (size_t at = 0; at < BIG; at += BIG / 512) {
            assert_true(client_send(up_data + at, BIG / 512));
            assert_int_equal(client_read(down_got + at, BIG / 512), BIG / 512);
        }
    }
    pthread_join(backend, &ok);
    assert_non_null(ok);
    assert_memory_equal(up_got, up_data, BIG);
    assert_memory_equal(down_got, down_data, BIG);
    fcntl(f.backend, F_SETFL, 0);
    close(f.backend);
    f.backend = -1;
    assert_int_equal(client_read(down_got, 1), 0);
    client_half_close();
    assert_true(loop_kit_wait(&f.kit, is_closed, NULL));
    assert_int_equal(f.up, BIG);
    assert_int_equal(f.down, BIG);
    release();
}

static void test_half_close(void **state)
{
    (void)state;
    char buf[100];
    start_tunnel();
    assert_true(client_send("question", 8));
    client_half_close();
    assert_int_equal(backend_read(buf, sizeof buf), 8); /* and the end */
    send_text(f.backend, "answer");
    assert_int_equal(client_read(buf, 6), 6);
    assert_memory_equal(buf, "answer", 6);
    assert_false(loop_kit_is(&f.kit, is_closed, NULL));
    shutdown(f.backend, SHUT_WR);
    assert_int_equal(client_read(buf, 1), 0);
    assert_true(loop_kit_wait(&f.kit, is_closed, NULL));
    assert_int_equal(f.up, 8);
    assert_int_equal(f.down, 6);
}

static void test_half_close_by_backend(void **state)
{
    (void)state;
    char buf[100];
    start_tunnel();
    send_text(f.backend, "bye");
    shutdown(f.backend, SHUT_WR);
    assert_int_equal(client_read(buf, sizeof buf), 3);
    assert_true(client_send("late", 4));
    assert_int_equal(backend_read(buf, 4), 4);
    client_half_close();
    assert_int_equal(backend_read(buf, 1), 0);
    assert_true(loop_kit_wait(&f.kit, is_closed, NULL));
}

/* A reader that does not read: what is taken in on its behalf stays bounded. */
static void test_back_pressure(void **state)
{
    (void)state;
    int small = 65536;
    allocate();
    f.backend_buffer = small;
    start_tunnel();
    fcntl(f.backend, F_SETFL, O_NONBLOCK);
    setsockopt(f.client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(f.backend, SOL_SOCKET, SO_SNDBUF, &small,
               sizeof small); /* else the kernel alone may take BIG */
    size_t sent = 0;
    struct pollfd p = {.fd = f.backend, .events = POLLOUT};
    while (sent < BIG && poll(&p, 1, 500) > 0) {
        ssize_t n = send(f.backend, down_data + sent, BIG - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    assert_in_range(sent, 1, BIG - 1); /* kernel buffers and 256 KiB, but not 12 MiB */
    assert_int_equal(client_read(down_got, sent), sent);
    assert_memory_equal(down_got, down_data, sent);
    fcntl(f.backend, F_SETFL, 0);
    release();
}

static void test_early_bytes(void **state)
{
    char buf[100];
    f.early_up = "UP1 ";
    f.early_down = "DOWN1 ";
    if (*state) { /* what lies in the socketpair, both ways, when the filter is joined */
        assert_true(client_send("UP2 ", 4));
        struct pollfd p = {.fd = f.client_fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        send_text(f.client_fd, "DOWN0 ");
    }
    start_tunnel();
    assert_true(client_send("UP3", 3));
    send_text(f.backend, "DOWN2");
    const char *up = *state ? "UP1 UP2 UP3" : "UP1 UP3";
    const char *down = *state ? "DOWN0 DOWN1 DOWN2" : "DOWN1 DOWN2";
    assert_int_equal(backend_read(buf, strlen(up)), strlen(up));
    assert_memory_equal(buf, up, strlen(up));
    assert_int_equal(client_read(buf, strlen(down)), strlen(down));
    assert_memory_equal(buf, down, strlen(down));
}

static void test_idle(void **state)
{
    (void)state;
    char buf[10];
    f.idle_ms = 400;
    start_tunnel();
    uint64_t begin = clock_monotonic_ms(NULL);
    for (int i = 0; i < 10; i++) { /* traffic one way is enough to stay */
        send_text(f.backend, "x");
        assert_int_equal(client_read(buf, 1), 1);
        poll(NULL, 0, 100);
    }
    assert_false(loop_kit_is(&f.kit, is_closed, NULL));
    assert_true(loop_kit_wait(&f.kit, is_closed, NULL));
    assert_in_range(clock_monotonic_ms(NULL) - begin, 1200, 4000);
    assert_int_equal(backend_read(buf, 1), 0);
}

static void test_client_resets(void **state)
{
    (void)state;
    char buf[10];
    start_tunnel();
    send_text(f.backend, "x");
    assert_int_equal(client_read(buf, 1), 1);
    struct linger now = {1, 0};
    setsockopt(f.client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(f.client);
    f.client = -1;
    assert_int_equal(backend_read(buf, 1), 0);
    close(f.backend);
    f.backend = -1;
    assert_true(loop_kit_wait(&f.kit, is_closed, NULL));
}

static void do_destroy(void *arg)
{
    (void)arg;
    f.tunnel = tunnel_destroy(f.tunnel);
}

static void test_destroy(void **state)
{
    (void)state;
    char buf[10];
    start_tunnel();
    loop_kit_do(&f.kit, do_destroy, NULL);
    assert_int_equal(backend_read(buf, 1), 0);
    assert_int_equal(client_read(buf, 1), 0);
    assert_false(loop_kit_is(&f.kit, is_closed, NULL));
    assert_int_equal(tls_conn_count(), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define S(name)                                                                                              \
    {                                                                                                        \
#name " over TLS", name, setup_tls, teardown, NULL                                                   \
    }
    const struct CMUnitTest tests[] = {
        T(test_bulk),        T(test_half_close), T(test_half_close_by_backend), T(test_back_pressure),
        T(test_early_bytes), T(test_idle),       T(test_client_resets),         T(test_destroy),
        S(test_bulk),        S(test_half_close), S(test_half_close_by_backend), S(test_back_pressure),
        S(test_early_bytes), S(test_idle),       S(test_client_resets),         S(test_destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
