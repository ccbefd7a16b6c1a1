/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/net/loop_kit.h"

#include <sys/stat.h>

#include "base/str.h"
#include "ws/ws.h"

#define BIG ((size_t)6 << 20)

struct fixture {
    struct loop_kit kit;
    struct ws_server *server;
    struct ws_client *client;
    struct ws_server_options options;
    char directory[64];
    char path[96];
    unsigned port;
    int opened, closed, drained;
    uid_t uid;
    struct ws_conn *conn;
    /* the client's side */
    int client_opened, client_closed;
    char client_got[256];
};

static struct fixture f;

static int on_accept(void *ctx, const struct ws_handshake *h, void **ret_data)
{
    assert_ptr_equal(ctx, &f);
    const char *path = ws_handshake_path(h);
    if (str_eq(path, "/refuse"))
        return 403;
    const char *big = ws_handshake_header(h, "x-big");
    if (big && strlen(big) != 60000)
        return 400;
    assert_null(ws_handshake_header(h, "x-absent"));
    if (str_starts_with(path, "/see")) {
        assert_string_equal(path, "/see?a=1&b=2");
        assert_string_equal(ws_handshake_header(h, "x-app-id"), "app");
        assert_string_equal(ws_handshake_header(h, "host"), "x");
        assert_string_equal(ws_handshake_header(h, "origin"), "http://x");
    }
    f.uid = ws_handshake_uid(h);
    *ret_data = &f.opened;
    return 0;
}

static void on_opened(void *ctx, struct ws_conn *conn, void *data)
{
    assert_ptr_equal(ctx, &f);
    assert_ptr_equal(data, &f.opened);
    f.conn = conn;
    f.opened++;
}

static struct rcbuf *make(size_t len, char fill)
{
    char *data = malloc(len);
    assert_non_null(data);
    memset(data, fill, len);
    return rcbuf_new(data, len);
}

/* "big": 6 MiB back; "flood": fills the queue; "close": closes; "destroy": the whole server, from inside;
 * else an echo. */
static void on_message(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message,
                       size_t len)
{
    (void)ctx;
    (void)data;
    if (text && str_eq(message, "big")) {
        struct rcbuf *b = make(BIG, 'b');
        assert_int_equal(ws_send_binary(conn, b), 0);
        rcbuf_unref(b);
    } else if (text && str_eq(message, "flood")) {
        struct rcbuf *b = make(100000, 'f');
        int rc = 0, sent = 0;
        while ((rc = ws_send_binary(conn, b)) == 0)
            sent++;
        assert_int_equal(rc, -ENOBUFS);
        assert_int_equal(sent, 10);
        assert_int_equal(ws_queued(conn), 1000000);
        rcbuf_unref(b);
    } else if (text && str_eq(message, "close")) {
        ws_send_text(conn, "bye");
        ws_close(conn, 4001, "the session has ended");
        assert_int_equal(ws_send_text(conn, "more"), -EPIPE);
    } else if (text && str_eq(message, "destroy")) {
        f.server = ws_server_destroy(f.server);
    } else if (text) {
        ws_send_text(conn, message);
    } else {
        char *copy = malloc(len + 1);
        memcpy(copy, message, len);
        struct rcbuf *b = rcbuf_new(copy, len);
        ws_send_binary(conn, b);
        rcbuf_unref(b);
    }
}

static void on_drained(void *ctx, struct ws_conn *conn, void *data)
{
    (void)ctx;
    (void)conn;
    (void)data;
    f.drained++;
}

static void on_closed(void *ctx, struct ws_conn *conn, void *data)
{
    (void)ctx;
    (void)conn;
    assert_ptr_equal(data, &f.opened);
    f.closed++;
}

static const struct ws_handlers handlers = {on_accept, on_opened, on_message, on_drained, on_closed};

static void do_start(void *arg)
{
    (void)arg;
    assert_int_equal(ws_server_create(&f.options, &f.server), 0);
    f.port = ws_server_port(f.server);
}

static void do_stop(void *arg)
{
    (void)arg;
    f.client = ws_client_destroy(f.client);
    f.server = ws_server_destroy(f.server);
}

static void start(bool unix_socket)
{
    static const char *const protocols[] = {"isthmus.v1", NULL};
    memset(&f, 0, sizeof f);
    assert_int_equal(str_copy(f.directory, sizeof(f.directory), "/tmp/isthmus-ws-XXXXXX"), 0);
    assert_non_null(mkdtemp(f.directory));
    snprintf(f.path, sizeof f.path, "%s/s", f.directory);
    loop_kit_start(&f.kit);
    f.options = (struct ws_server_options){
        .loop = f.kit.loop,
        .bind = "127.0.0.1",
        .protocols = unix_socket ? NULL : protocols,
        .max_message = 1000000,
        .max_queue = 1000000,
        .handshake_s = 1,
        .handlers = &handlers,
        .ctx = &f,
        .unix_path = unix_socket ? f.path : NULL,
        .unix_mode = 0600,
    };
    loop_kit_do(&f.kit, do_start, NULL);
}

static int setup(void **state)
{
    (void)state;
    start(false);
    return 0;
}

static int setup_unix(void **state)
{
    (void)state;
    start(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    rmdir(f.directory);
    assert_int_equal(f.opened, f.closed);
    return 0;
}

static char text[200000];

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static int handshake(const char *path, const char *extra)
{
    int fd = connect_to(f.port);
    char *at =
        text + snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", path);
    at = stpcpy(at, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY
                    "\r\nSec-WebSocket-Protocol: isthmus.v1, ticket.0\r\n");
    at = stpcpy(at, extra);
    stpcpy(at, "\r\n");
    send_text(fd, text);
    read_until(fd, "\r\n\r\n", text, sizeof text);
    return fd;
}

static int open_socket(void)
{
    int fd = handshake("/capture", "");
    assert_true(str_starts_with(text, "HTTP/1.1 101"));
    return fd;
}

/* A masked frame, with a mask of zeros half of the time would hide a forgotten unmasking: so never. */
static void send_frame(int fd, unsigned first, const void *data, size_t len)
{
    unsigned char head[14] = {(unsigned char)first};
    size_t n = 2;
    head[1] = 0x80 | (unsigned char)(len < 126 ? len : len < 65536 ? 126 : 127);
    for (int i = len < 126 ? 0 : len < 65536 ? 2 : 8; i > 0; i--)
        head[n++] = (unsigned char)((uint64_t)len >> (8 * (i - 1)));
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    memcpy(head + n, mask, 4);
    char *masked = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        masked[i] = (char)(((const unsigned char *)data)[i] ^ mask[i % 4]);
    send(fd, head, n + 4, MSG_NOSIGNAL);
    for (size_t sent = 0; sent < len;) {
        ssize_t k = send(fd, masked + sent, len - sent, MSG_NOSIGNAL);
        if (k <= 0)
            break;
        sent += (size_t)k;
    }
    free(masked);
}

static bool read_exact(int fd, void *data, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, (char *)data + got, len - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static char *payload;

/* First byte of the next frame and its payload in `payload`; 0 at the end. */
static unsigned read_frame(int fd, size_t *ret_len)
{
    unsigned char head[10];
    if (!read_exact(fd, head, 2))
        return 0;
    assert_int_equal(head[1] & 0x80, 0);
    uint64_t len = head[1];
    int more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (more) {
        len = 0;
        assert_true(read_exact(fd, head + 2, (size_t)more));
        for (int i = 0; i < more; i++)
            len = len << 8 | head[2 + i];
    }
    free(payload);
    payload = malloc(len + 1);
    payload[len] = 0;
    assert_true(read_exact(fd, payload, len));
    *ret_len = len;
    return head[0];
}

/* The code of the next close frame, other frames skipped; 0 when the connection ends without. */
static unsigned read_close(int fd)
{
    size_t len = 0;
    unsigned first;
    while ((first = read_frame(fd, &len)) != 0)
        if (first == 0x88)
            return len >= 2 ? (unsigned)(unsigned char)payload[0] << 8 | (unsigned char)payload[1] : 1005;
    return 0;
}

static bool all_closed(void *arg)
{
    (void)arg;
    return f.closed == f.opened;
}

static void test_handshake(void **state)
{
    (void)state;
    int fd =
        handshake("/see?a=1&b=2",
                  "X-App-Id: app\r\nOrigin: http://x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
    assert_true(str_starts_with(text, "HTTP/1.1 101"));
    assert_non_null(strcasestr(text, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_non_null(strcasestr(text, "Sec-WebSocket-Protocol: isthmus.v1\r\n"));
    assert_null(strcasestr(text, "deflate"));
    assert_int_equal(f.uid, (uid_t)-1);
    close(fd);
    static char big[61000];
    char *at = stpcpy(big, "X-Big: ");
    memset(at, 'a', 60000);
    memcpy(at + 60000, "\r\n", sizeof("\r\n"));
    fd = handshake("/capture", big);
    assert_true(str_starts_with(text, "HTTP/1.1 101"));
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
}

static void test_refusals(void **state)
{
    (void)state;
    int fd = handshake("/refuse", "");
    assert_true(str_starts_with(text, "HTTP/1.1 403"));
    read_all(fd, text, sizeof text);
    assert_non_null(strstr(text, "{\"success\":false,\"error\":{\"code\":\"forbidden\""));
    close(fd);
    fd = connect_to(f.port);
    send_text(fd, "GET /capture HTTP/1.1\r\nHost: x\r\n\r\n");
    read_all(fd, text, sizeof text);
    assert_true(str_starts_with(text, "HTTP/1.1 426"));
    assert_non_null(strstr(text, "upgrade_required"));
    close(fd);
    fd = connect_to(f.port);
    send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
                  "h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n");
    read_all(fd, text, sizeof text);
    assert_true(str_starts_with(text, "HTTP/1.1 426"));
    close(fd);
    fd = connect_to(f.port);
    send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
                  "Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " KEY "\r\n\r\n");
    read_all(fd, text, sizeof text);
    assert_true(str_starts_with(text, "HTTP/1.1 426"));
    close(fd);
    fd = connect_to(f.port);
    send_text(fd, "\x16\x03\x01 nonsense\r\n\r\n");
    read_all(fd, text, sizeof text);
    assert_false(str_starts_with(text, "HTTP/1.1 101"));
    close(fd);
    assert_int_equal(f.opened, 0);
}

static void test_messages(void **state)
{
    (void)state;
    size_t len;
    int fd = open_socket();
    send_frame(fd, 0x81, "hello", 5);
    assert_int_equal(read_frame(fd, &len), 0x81);
    assert_string_equal(payload, "hello");
    send_frame(fd, 0x01, "frag", 4); /* three fragments with a ping between them */
    send_frame(fd, 0x89, "ping", 4);
    send_frame(fd, 0x00, "men", 3);
    send_frame(fd, 0x80, "ted", 3);
    unsigned pongs = 0, first;
    while ((first = read_frame(fd, &len)) == 0x8a)
        pongs++;
    assert_int_equal(first, 0x81);
    assert_string_equal(payload, "fragmented");
    if (pongs == 0)
        assert_int_equal(read_frame(fd, &len), 0x8a);
    char *big = malloc(1000000);
    for (size_t i = 0; i < 1000000; i++)
        big[i] = (char)(i * 7);
    send_frame(fd, 0x82, big, 1000000);
    assert_int_equal(read_frame(fd, &len), 0x82);
    assert_int_equal(len, 1000000);
    assert_memory_equal(payload, big, len);
    free(big);
    /* 6 MiB in one frame, though max_queue is smaller: alone in the queue it passes. */
    send_frame(fd, 0x81, "big", 3);
    assert_int_equal(read_frame(fd, &len), 0x82);
    assert_int_equal(len, BIG);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
    assert_true(f.drained >= 4);
}

static void test_queue_limit(void **state)
{
    (void)state;
    size_t len;
    int fd = open_socket();
    send_frame(fd, 0x81, "flood", 5);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(read_frame(fd, &len), 0x82);
        assert_int_equal(len, 100000);
    }
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
}

static void test_close(void **state)
{
    (void)state;
    size_t len;
    int fd = open_socket();
    send_frame(fd, 0x81, "close", 5);
    assert_int_equal(read_frame(fd, &len), 0x81);
    assert_string_equal(payload, "bye");
    assert_int_equal(read_close(fd), 4001);
    assert_string_equal(payload + 2, "the session has ended");
    send_frame(fd, 0x88, "\x0f\xa1", 2);
    assert_int_equal(recv(fd, text, 1, 0), 0);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
    /* A peer that does not answer is dropped after 2 s. */
    fd = open_socket();
    send_frame(fd, 0x81, "close", 5);
    assert_int_equal(read_close(fd), 4001);
    uint64_t begin = clock_monotonic_ms(NULL);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
    assert_in_range(clock_monotonic_ms(NULL) - begin, 1000, 4000);
    close(fd);
}

static void assert_closes(const char *what, int fd, unsigned code)
{
    unsigned got = read_close(fd);
    if (got != code)
        fail_msg("%s: closed with %u", what, got);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
}

static void test_abuse(void **state)
{
    (void)state;
    static char big[1000001];
    int fd = open_socket();
    send_frame(fd, 0x82, big, sizeof big);
    assert_closes("one byte over the limit", fd, 1009);
    fd = open_socket();
    send_all(fd, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 14);
    read_close(fd); /* a length that nobody means: closed, with or without a word */
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
    fd = open_socket();
    for (int i = 0; i < 4; i++)
        send_frame(fd, i == 0 ? 0x02 : 0x00, big, 300000);
    assert_closes("fragments over the limit", fd, 1009);
    fd = open_socket();
    send_frame(fd, 0x81, "\xff\xfe", 2);
    assert_closes("no UTF-8", fd, 1007);
    fd = open_socket();
    send_frame(fd, 0x81, "\xc3", 1);
    assert_closes("half a character", fd, 1007);
    fd = open_socket();
    /* In one piece, so that they arrive within a second on a busy machine too. */
    static const char fragment[7] = {0x00, (char)0x81, 0, 0, 0, 0, 'a'};
    for (size_t i = 0; i < 7000; i++)
        memcpy(big + i * sizeof fragment, fragment, sizeof fragment);
    big[0] = 0x02;
    send_all(fd, big, 7000 * sizeof fragment);
    assert_closes("1-byte fragments", fd, 1008);
    fd = open_socket();
    for (int i = 0; i < 300; i++)
        send_frame(fd, 0x89, big, 125);
    assert_closes("pings", fd, 1008);
    /* The protocol errors are libwebsockets' to find: the connection ends, the server lives. */
    static const char *const broken[] = {
        "\x81\x05hello",                    /* not masked */
        "\x83\x80\x00\x00\x00\x00",         /* reserved opcode */
        "\xc1\x80\x00\x00\x00\x00",         /* reserved bit */
        "\x09\x80\x00\x00\x00\x00",         /* fragmented ping */
        "\x89\xfe\x00\x7e\x00\x00\x00\x00", /* ping of 126 bytes */
        "\x80\x80\x00\x00\x00\x00",         /* continuation of nothing */
    };
    static const size_t lengths[] = {7, 6, 6, 6, 8, 6};
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        fd = open_socket();
        send_all(fd, broken[i], lengths[i]);
        char what[32];
        snprintf(what, sizeof what, "broken frame %zu", i);
        assert_closes(what, fd, 1002);
    }
    size_t len;
    fd = open_socket();
    send_frame(fd, 0x81, "still here", 10);
    assert_int_equal(read_frame(fd, &len), 0x81);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
}

static void test_slow_handshake(void **state)
{
    (void)state;
    static const char *const slow[] = {"", "GET /capture HTTP/1.1\r\nHo"};
    for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
        uint64_t begin = clock_monotonic_ms(NULL);
        int fd = connect_to(f.port);
        send_text(fd, slow[i]);
        assert_int_equal(read_all(fd, text, sizeof text), 0);
        assert_in_range(clock_monotonic_ms(NULL) - begin, 500, 8000);
        close(fd);
    }
}

static void test_bound_address(void **state)
{
    (void)state;
    /* "127.0.0.1" means just that: not the other addresses of this machine, not IPv6. */
    char line[512], wanted[64], wrong[64];
    snprintf(wanted, sizeof wanted, " 0100007F:%04X 00000000:0000 0A", f.port);
    snprintf(wrong, sizeof wrong, ":%04X ", f.port);
    bool found = false;
    FILE *tcp = fopen("/proc/self/net/tcp", "re");
    while (tcp && fgets(line, sizeof line, tcp))
        found = found || strstr(line, wanted);
    fclose(tcp);
    assert_true(found);
    tcp = fopen("/proc/self/net/tcp6", "re");
    while (tcp && fgets(line, sizeof line, tcp))
        assert_false(strstr(line, wrong) && strstr(line, " 0A "));
    if (tcp)
        fclose(tcp);
}

static void test_destroy_while_open(void **state)
{
    (void)state;
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = open_socket();
    int half = connect_to(f.port); /* in the middle of its handshake */
    send_text(half, "GET / HTTP/1.1\r\nHost");
    size_t len;
    send_frame(fds[0], 0x81, "big", 3);
    send_frame(fds[1], 0x81, "echo", 4);
    assert_int_equal(read_frame(fds[1], &len), 0x81);
    loop_kit_do(&f.kit, do_stop, NULL);
    assert_int_equal(f.closed, 3);
    for (int i = 0; i < 3; i++) {
        while (recv(fds[i], text, sizeof text, 0) > 0)
            ;
        close(fds[i]);
    }
    assert_int_equal(read_all(half, text, sizeof text), 0);
    close(half);
}

static void test_destroy_from_inside(void **state)
{
    (void)state;
    int fd = open_socket();
    send_frame(fd, 0x81, "destroy", 7);
    assert_int_equal(read_all(fd, text, sizeof text), 0);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
    assert_int_equal(f.closed, 1);
}

/* The client. */

static void on_client_opened(void *ctx, struct ws_conn *conn, void *data)
{
    (void)ctx;
    (void)data;
    f.client_opened++;
    assert_int_equal(ws_send_text(conn, "REQUEST_SESSION_INFO:webs01"), 0);
}

static void on_client_message(void *ctx, struct ws_conn *conn, void *data, bool is_text, const void *message,
                              size_t len)
{
    (void)ctx;
    (void)data;
    assert_true(is_text);
    str_copy(f.client_got, sizeof f.client_got, message);
    assert_int_equal(strlen(f.client_got), len);
    ws_close(conn, 1000, "done");
}

static void on_client_closed(void *ctx, struct ws_conn *conn, void *data)
{
    (void)ctx;
    (void)conn;
    (void)data;
    f.client_closed++;
}

static const struct ws_handlers client_handlers = {NULL, on_client_opened, on_client_message, NULL,
                                                   on_client_closed};

static void do_connect(void *arg)
{
    assert_int_equal(
        ws_client_connect_unix(f.kit.loop, arg, "/control", 65536, &client_handlers, NULL, &f.client), 0);
    assert_int_equal(f.client_closed, 0);
}

static bool client_closed(void *arg)
{
    (void)arg;
    return f.client_closed == 1;
}

static void test_unix(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    loop_kit_do(&f.kit, do_connect, f.path);
    assert_true(loop_kit_wait(&f.kit, client_closed, NULL));
    assert_string_equal(f.client_got, "REQUEST_SESSION_INFO:webs01");
    assert_int_equal(f.uid, getuid());
    assert_int_equal(f.client_opened, 1);
    assert_true(loop_kit_wait(&f.kit, all_closed, NULL));
}

static void test_no_server(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/none", f.directory);
    loop_kit_do(&f.kit, do_connect, path);
    assert_true(loop_kit_wait(&f.kit, client_closed, NULL));
    assert_int_equal(f.client_opened, 0);
}

static void do_connect_and_stop(void *arg)
{
    do_connect(arg);
    do_stop(NULL);
}

static void test_destroy_client_at_once(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_connect_and_stop, f.path);
    assert_int_equal(f.client_closed, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define U(name) cmocka_unit_test_setup_teardown(name, setup_unix, teardown)
    const struct CMUnitTest tests[] = {
        T(test_handshake),
        T(test_refusals),
        T(test_messages),
        T(test_queue_limit),
        T(test_close),
        T(test_abuse),
        T(test_slow_handshake),
        T(test_bound_address),
        T(test_destroy_while_open),
        T(test_destroy_from_inside),
        U(test_unix),
        U(test_no_server),
        U(test_destroy_client_at_once),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(payload);
    return rc;
}
