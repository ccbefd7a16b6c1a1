/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"
#include "common/net/loop_kit.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "net/listener.h"
#include "net/tls.h"

struct fixture {
    struct loop_kit kit;
    struct listener *listener;
    unsigned port;
    char directory[64], cert[96], key[96], pfx[96];
    struct tls_context *context;
    struct tls_conn *conn;
    int opened; /* plain descriptor, -errno, or 0 */
};

static struct fixture f;

static void on_opened(void *arg, struct tls_conn *conn, int fd)
{
    (void)arg;
    assert_true((conn != NULL) == (fd >= 0));
    f.conn = conn;
    f.opened = fd;
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
    assert_int_equal(tls_make_self_signed(f.cert, f.key), 0);
    assert_int_equal(tls_context_create_pem(f.cert, f.key, &f.context, &cause), 0);
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", 0, on_connection, NULL, &f.listener), 0);
    f.port = listener_port(f.listener);
}

static void do_stop(void *arg)
{
    (void)arg;
    listener_destroy(f.listener);
    tls_conn_release(f.conn);
    tls_conn_close_all(f.kit.loop);
    assert_int_equal(tls_conn_count(), 0);
    tls_context_destroy(f.context);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    assert_int_equal(str_copy(f.directory, sizeof(f.directory), "/tmp/isthmus-tls-XXXXXX"), 0);
    assert_non_null(mkdtemp(f.directory));
    snprintf(f.cert, sizeof f.cert, "%s/cert.pem", f.directory);
    snprintf(f.key, sizeof f.key, "%s/key.pem", f.directory);
    snprintf(f.pfx, sizeof f.pfx, "%s/both.pfx", f.directory);
    loop_kit_start(&f.kit);
    loop_kit_do(&f.kit, do_start, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    unlink(f.cert);
    unlink(f.key);
    unlink(f.pfx);
    rmdir(f.directory);
    return 0;
}

static bool is_opened(void *arg)
{
    (void)arg;
    return f.opened != 0;
}

static bool none_left(void *arg)
{
    (void)arg;
    return tls_conn_count() == 0;
}

/* A client that trusts the certificate made; NULL when the handshake failed. */
static SSL *client(int max_version, const char *alpn)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_load_verify_locations(ctx, f.cert, NULL);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set1_host(ssl, "localhost");
    if (alpn)
        SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_fd(ssl, connect_to(f.port));
    if (SSL_connect(ssl) == 1)
        return ssl;
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
    ERR_clear_error();
    return NULL;
}

static void hang_up(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

static void do_release(void *arg)
{
    (void)arg;
    tls_conn_release(f.conn);
    f.conn = NULL;
}

static void test_self_signed(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(f.key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *file = fopen(f.cert, "re");
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(cert);
    assert_int_equal(X509_get_version(cert), X509_VERSION_3);
    assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_host(cert, "example.org", 0, 0, NULL), 0);
    int days, seconds;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)), 1);
    assert_int_equal(days, 825);
    X509_free(cert);
    /* It never replaces what is there, and does not guess when half of it is missing. */
    assert_int_equal(tls_make_self_signed(f.cert, f.key), 0);
    assert_int_equal(unlink(f.cert), 0);
    assert_int_equal(tls_make_self_signed(f.cert, f.key), -EEXIST);
}

static void test_bad_files(void **state)
{
    (void)state;
    struct tls_context *context = NULL;
    char *cause = NULL;
    assert_int_equal(tls_context_create_pem("/none/cert.pem", f.key, &context, &cause), -EINVAL);
    assert_non_null(strstr(cause, "/none/cert.pem"));
    free(cause);
    assert_int_equal(tls_context_create_pem(f.cert, f.cert, &context, &cause), -EINVAL);
    free(cause);
    assert_int_equal(tls_context_create_pfx("/none/both.pfx", "", &context, &cause), -EINVAL);
    assert_non_null(strstr(cause, "/none/both.pfx"));
    free(cause);
    assert_int_equal(tls_context_create_pfx(f.cert, "", &context, &cause), -EINVAL);
    free(cause);
    assert_null(context);
}

static void write_pfx(int nid)
{
    FILE *file = fopen(f.cert, "re");
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    file = fopen(f.key, "re");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    PKCS12 *p12 = PKCS12_create("secret", "isthmus", key, cert, NULL, nid, nid, 1000, 1000, 0);
    assert_non_null(p12);
    file = fopen(f.pfx, "we");
    assert_int_equal(i2d_PKCS12_fp(file, p12), 1);
    fclose(file);
    PKCS12_free(p12);
    EVP_PKEY_free(key);
    X509_free(cert);
}

static void test_pfx(void **state)
{
    (void)state;
    struct tls_context *context = NULL;
    char *cause = NULL;
    write_pfx(NID_aes_256_cbc);
    assert_int_equal(tls_context_create_pfx(f.pfx, "wrong", &context, &cause), -EINVAL);
    free(cause);
    assert_int_equal(tls_context_create_pfx(f.pfx, "secret", &context, &cause), 0);
    tls_context_destroy(context);
    OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
    assert_non_null(legacy);
    write_pfx(NID_pbe_WithSHA1And40BitRC2_CBC); /* as older Windows writes them */
    OSSL_PROVIDER_unload(legacy);
    assert_int_equal(tls_context_create_pfx(f.pfx, "secret", &context, &cause), 0);
    tls_context_destroy(context);
}

static void test_versions(void **state)
{
    (void)state;
    static const int good[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        SSL *ssl = client(good[i], NULL);
        assert_non_null(ssl);
        assert_int_equal(SSL_version(ssl), good[i]);
        assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
        close(f.opened);
        f.opened = 0;
        loop_kit_do(&f.kit, do_release, NULL);
        hang_up(ssl);
        assert_true(loop_kit_wait(&f.kit, none_left, NULL));
    }
    assert_null(client(TLS1_1_VERSION, NULL));
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    assert_int_equal(f.opened, -EPROTO);
    assert_null(client(0, "\x02h2"));
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
}

static void test_no_tls(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    char buf[100];
    send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    read_all(fd, buf, sizeof buf); /* an alert, then the end */
    close(fd);
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    assert_int_equal(f.opened, -EPROTO);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
}

static void test_handshake_deadline(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t begin = clock_monotonic_ms(NULL);
    assert_int_equal(poll(&p, 1, 20000), 1); /* the server hangs up */
    assert_in_range(clock_monotonic_ms(NULL) - begin, 9000, 15000);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    assert_int_equal(f.opened, -ETIMEDOUT);
}

/* The filter by itself, as the HTTP server uses it. */
static void test_filter(void **state)
{
    (void)state;
    char buf[100];
    SSL *ssl = client(0, "\x08http/1.1");
    assert_non_null(ssl);
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    int plain = f.opened;
    fcntl(plain, F_SETFL, 0);
    set_timeouts(plain);
    assert_int_equal(SSL_write(ssl, "question", 8), 8);
    assert_int_equal(recv(plain, buf, sizeof buf, 0), 8);
    send_text(plain, "answer");
    assert_int_equal(SSL_read(ssl, buf, sizeof buf), 6);
    /* More than all buffers hold, to a client that reads late. */
    size_t len = 6 << 20, sent = 0;
    char *big = malloc(len);
    memset(big, 'b', len);
    fcntl(plain, F_SETFL, O_NONBLOCK);
    struct pollfd p = {.fd = plain, .events = POLLOUT};
    while (sent < len && poll(&p, 1, 300) > 0) {
        ssize_t n = send(plain, big, len - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    size_t got = 0;
    while (got < sent) {
        int n = SSL_read(ssl, big, (int)len);
        assert_true(n > 0);
        got += (size_t)n;
    }
    free(big);
    close(plain); /* the server closes: the client sees a clean end */
    assert_int_equal(SSL_read(ssl, buf, sizeof buf), 0);
    assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
    hang_up(ssl);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
}

/* The server closes and the client stays: not for ever. */
static void test_linger(void **state)
{
    (void)state;
    SSL *ssl = client(0, NULL);
    assert_non_null(ssl);
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    close(f.opened);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
    hang_up(ssl);
}

static void do_close_all(void *arg)
{
    (void)arg;
    tls_conn_close_all(f.kit.loop);
}

static void test_close_all(void **state)
{
    (void)state;
    SSL *ssl = client(0, NULL);
    assert_non_null(ssl);
    assert_true(loop_kit_wait(&f.kit, is_opened, NULL));
    int half = connect_to(f.port); /* in its handshake */
    char buf[10];
    loop_kit_do(&f.kit, do_close_all, NULL);
    assert_int_equal(tls_conn_count(), 0);
    assert_true(SSL_read(ssl, buf, sizeof buf) <= 0);
    close(half);
    close(f.opened);
    hang_up(ssl);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_self_signed),        T(test_bad_files), T(test_pfx),    T(test_versions),  T(test_no_tls),
        T(test_handshake_deadline), T(test_filter),    T(test_linger), T(test_close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
