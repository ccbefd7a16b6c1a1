/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What no well-behaved command does: a client made of the library, call by call, and raw sockets. */
#include "ovd/tunnel/tunnel_kit.h"

#include <sys/resource.h>

#include <libssh/libssh.h>

#include "base/secret.h"

#define BULK (8 * 1024 * 1024)

static ssh_session dial(unsigned port)
{
    ssh_session session = ssh_new();
    bool no = false;
    long limit = 10;
    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(session, SSH_OPTIONS_PORT, &port);
    ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &limit);
    ssh_options_set(session, SSH_OPTIONS_SSH_DIR, kit.directory);
    return session;
}

static ssh_session connect_client(unsigned port)
{
    ssh_session session = dial(port);
    assert_int_equal(ssh_connect(session), SSH_OK);
    return session;
}

static ssh_session log_in(unsigned port)
{
    ssh_session session = connect_client(port);
    assert_int_equal(ssh_userauth_password(session, "SSH1", KIT_PASSWORD), SSH_AUTH_SUCCESS);
    return session;
}

static void hang_up(ssh_session session)
{
    ssh_disconnect(session);
    ssh_free(session);
}

static ssh_channel forward(ssh_session session, const char *host, int port, int *ret_rc)
{
    ssh_channel channel = ssh_channel_new(session);
    *ret_rc = ssh_channel_open_forward(channel, host, port, "", 0); /* as the applet: no originator */
    if (*ret_rc == SSH_OK)
        return channel;
    ssh_channel_free(channel);
    return NULL;
}

static ssh_channel open_tunnel(ssh_session session)
{
    int rc;
    ssh_channel channel = forward(session, "localhost", KIT_PORT, &rc);
    assert_non_null(channel);
    return channel;
}

/* Exactly len bytes. */
static void read_channel(ssh_channel channel, void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        int n = ssh_channel_read_timeout(channel, (char *)data + at, (uint32_t)(len - at), 0, 10000);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

static void assert_echo(ssh_channel channel, const char *text)
{
    char buf[256] = {0};
    assert_int_equal(ssh_channel_write(channel, text, (uint32_t)strlen(text)), (int)strlen(text));
    read_channel(channel, buf, strlen(text));
    assert_string_equal(buf, text);
}

/* Hears the server out until it has closed the channel; without a channel, the connection. */
static bool listen_until(ssh_session session, ssh_channel channel)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;
    ssh_event event = ssh_event_new();
    ssh_event_add_session(event, session);
    while (ssh_is_connected(session) && !(channel && ssh_channel_is_closed(channel)) &&
           clock_monotonic_ms(NULL) < end)
        ssh_event_dopoll(event, 100);
    ssh_event_remove_session(event, session);
    ssh_event_free(event);
    return channel ? ssh_channel_is_closed(channel) : !ssh_is_connected(session);
}

static void test_empty_originator(void **state)
{
    (void)state;
    kit_start();
    ssh_session session = log_in(kit.modern);
    ssh_channel channel = open_tunnel(session);
    assert_echo(channel, "hello");
    int rc;
    ssh_channel second = forward(session, "127.0.0.1", KIT_PORT, &rc);
    assert_non_null(second);
    assert_echo(second, "and again");
    assert_echo(channel, "and the first");
    ssh_channel_free(second);
    ssh_channel_free(channel);
    hang_up(session);
    assert_true(kit_wait_for(&kit.downs, 1));
}

static void test_other_targets(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int port;
    } targets[] = {{"localhost", KIT_PORT + 1}, {"localhost", 22}, {"LOCALHOST", KIT_PORT},
                   {"::1", KIT_PORT},           {"", KIT_PORT},    {"localhost.", KIT_PORT},
                   {"127.0.0.2", KIT_PORT},     {"localhost", 1}};
    int rc;
    kit_start();
    ssh_session session = log_in(kit.modern);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
        assert_null(forward(session, targets[i].host, targets[i].port, &rc));
    assert_true(kit_wait_for(&kit.refused[TUNNEL_FORBIDDEN_PORT], ARRAY_SIZE(targets)));
    ssh_channel channel = open_tunnel(session); /* which is none the worse for it */
    assert_echo(channel, "still here");
    ssh_channel_free(channel);
    hang_up(session);
}

static void test_requests_on_a_channel(void **state)
{
    (void)state;
    kit_start();
    ssh_session session = log_in(kit.modern);
    ssh_channel channel = open_tunnel(session);
    assert_int_not_equal(ssh_channel_request_exec(channel, "id"), SSH_OK);
    assert_int_not_equal(ssh_channel_request_shell(channel), SSH_OK);
    assert_int_not_equal(ssh_channel_request_subsystem(channel, "sftp"), SSH_OK);
    assert_int_not_equal(ssh_channel_listen_forward(session, "", 0, NULL), SSH_OK);
    assert_true(kit_wait_for(&kit.refused[TUNNEL_FORBIDDEN], 4));
    assert_echo(channel, "still here");
    /* There is an end to patience. */
    for (int i = 0; i < 40 && ssh_is_connected(session); i++)
        ssh_channel_request_shell(channel);
    assert_true(kit_wait_for(&kit.downs, 1));
    assert_int_equal(kit.refused[TUNNEL_TOO_MANY], 1);
    assert_int_equal(kit.refused[TUNNEL_FORBIDDEN], 16);
    ssh_channel_free(channel);
    hang_up(session);
}

static void test_tries(void **state)
{
    (void)state;
    kit_start();
    ssh_session session = connect_client(kit.modern);
    assert_int_equal(ssh_userauth_none(session, "SSH1"), SSH_AUTH_DENIED);
    assert_int_equal(ssh_userauth_list(session, "SSH1"), SSH_AUTH_METHOD_PASSWORD);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ssh_userauth_password(session, "SSH1", "wrong"), SSH_AUTH_DENIED);
    assert_int_not_equal(ssh_userauth_password(session, "SSH1", KIT_PASSWORD), SSH_AUTH_SUCCESS);
    hang_up(session);
    assert_int_equal(kit.ups, 0);
    assert_int_equal(kit.refused[TUNNEL_BAD_PASSWORD], 3);
}

static void test_throttled(void **state)
{
    (void)state;
    kit.options.failure_burst = 4;
    kit.options.failure_refill_ms = 60000;
    kit_start();
    for (int i = 0; i < 4; i++) {
        ssh_session session = connect_client(kit.modern);
        assert_int_equal(ssh_userauth_password(session, "SSH1", "wrong"), SSH_AUTH_DENIED);
        hang_up(session);
    }
    for (int i = 0; i < 2; i++) { /* the connection tester is not counted, but is not let through either */
        ssh_session session = connect_client(kit.modern);
        assert_int_equal(ssh_userauth_password(session, i ? "SSH1" : "dummy", KIT_PASSWORD), SSH_AUTH_DENIED);
        hang_up(session);
    }
    assert_true(kit_wait_for(&kit.refused[TUNNEL_THROTTLED], 2));
    assert_int_equal(kit.ups, 0);
}

static bool is_closed(int fd)
{
    char buf[512];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
        ;
    close(fd);
    return n == 0 || errno == ECONNRESET;
}

static void test_slow_and_broken(void **state)
{
    (void)state;
    kit.options.login_ms = 300;
    kit_start();
    assert_true(is_closed(connect_to(kit.modern))); /* says nothing */
    assert_true(kit_wait_for(&kit.refused[TUNNEL_TOO_SLOW], 1));
    ssh_session session = connect_client(kit.modern); /* says no password */
    assert_true(kit_wait_for(&kit.refused[TUNNEL_TOO_SLOW], 2));
    hang_up(session);
    int fd = connect_to(kit.legacy);
    send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(is_closed(fd));
    fd = connect_to(kit.legacy);
    send_text(fd, "SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff garbage");
    assert_true(is_closed(fd));
    assert_true(kit_wait_for(&kit.refused[TUNNEL_BAD_HANDSHAKE], 2));
}

static void test_limits(void **state)
{
    (void)state;
    int rc;
    kit.options.max_links_per_address = 3;
    kit.options.max_links_per_session = 2;
    kit.options.max_channels = 2;
    kit_start();
    ssh_session a = log_in(kit.modern), b = log_in(kit.legacy), c = connect_client(kit.modern),
                d = dial(kit.modern);
    assert_int_equal(ssh_userauth_password(c, "SSH1", KIT_PASSWORD), SSH_AUTH_DENIED);
    assert_int_equal(ssh_userauth_password(c, "SSH2", "12345678"), SSH_AUTH_SUCCESS);
    assert_int_equal(ssh_connect(d), SSH_ERROR);
    ssh_free(d);
    assert_true(kit_wait_for(&kit.refused[TUNNEL_TOO_MANY], 2));
    ssh_channel one = open_tunnel(a), two = open_tunnel(a);
    assert_null(forward(a, "localhost", KIT_PORT, &rc));
    assert_true(kit_wait_for(&kit.refused[TUNNEL_TOO_MANY], 3));
    ssh_channel_close(one);
    char buf[8];
    ssh_channel_read_timeout(one, buf, sizeof buf, 0, 10000); /* the other side's close */
    ssh_channel_free(one);
    one = open_tunnel(a); /* there is room again */
    assert_echo(one, "in its place");
    ssh_channel_free(one);
    ssh_channel_free(two);
    hang_up(a);
    hang_up(b);
    hang_up(c);
}

static void do_accept(void *arg)
{
    int *pair = arg;
    tunnel_request_accept(kit.request, pair[1]);
}

static void do_refuse(void *arg)
{
    (void)arg;
    tunnel_request_refuse(kit.request);
}

static void test_no_answer(void **state)
{
    (void)state;
    int rc, pair[2];
    char byte;
    kit.mode = KIT_REFUSE;
    kit_start();
    ssh_session session = log_in(kit.modern);
    assert_null(forward(session, "localhost", KIT_PORT, &rc));
    assert_true(kit_wait_for(&kit.refused[TUNNEL_NO_ANSWER], 1));
    kit.mode = KIT_HOLD;
    uint64_t start = clock_monotonic_ms(NULL);
    assert_null(forward(session, "localhost", KIT_PORT, &rc));
    assert_true(clock_monotonic_ms(NULL) - start < 5000); /* the applet would be gone by then */
    assert_true(kit_wait_for(&kit.refused[TUNNEL_NO_ANSWER], 2));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    loop_kit_do(&kit.loop, do_accept, pair); /* too late: closed */
    assert_int_equal(recv(pair[0], &byte, 1, 0), 0);
    close(pair[0]);
    kit.mode = KIT_ECHO;
    ssh_channel channel = open_tunnel(session);
    assert_echo(channel, "the next one works");
    ssh_channel_free(channel);
    hang_up(session);
}

/* The request outlives link and server; answering it is fine. */
static void test_answer_after_the_end(void **state)
{
    (void)state;
    kit.mode = KIT_HOLD;
    kit_start();
    ssh_session session = log_in(kit.modern);
    ssh_set_blocking(session, 0);
    ssh_channel channel = ssh_channel_new(session);
    while (kit.channels == 0 && ssh_channel_open_forward(channel, "localhost", KIT_PORT, "", 0) == SSH_AGAIN)
        poll(NULL, 0, 2);
    assert_true(kit_wait_for(&kit.channels, 1));
    loop_kit_do(&kit.loop, kit_do_revoke, "s1");
    loop_kit_do(&kit.loop, kit_do_destroy, NULL);
    loop_kit_do(&kit.loop, do_refuse, NULL);
    ssh_channel_free(channel);
    hang_up(session);
}

static uint64_t cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* Writes until nothing more is taken for a while; how much that was. */
static size_t fill(int fd, const uint8_t *data, size_t len)
{
    size_t at = 0;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    while (at < len && poll(&ready, 1, 300) > 0) {
        ssize_t n = send(fd, data + at, MIN(len - at, 65536), MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0);
        at += (size_t)n;
    }
    return at;
}

struct rest {
    int fd;
    const uint8_t *data;
    size_t len;
};

static void *send_rest(void *arg)
{
    struct rest *rest = arg;
    send_all(rest->fd, rest->data, rest->len);
    shutdown(rest->fd, SHUT_WR);
    return NULL;
}

/* A client that does not read: the application waits, nobody spins, and nothing is lost. */
static void test_closed_window(void **state)
{
    (void)state;
    pthread_t thread;
    char byte;
    uint8_t *data = xcalloc(1, BULK), *back = xcalloc(1, BULK);
    secret_random(data, BULK);
    kit.mode = KIT_PAIR;
    kit_start();
    ssh_session session = log_in(kit.modern);
    ssh_channel channel = open_tunnel(session);
    size_t taken = fill(kit.app_fd, data, BULK);
    assert_true(taken < BULK / 2);
    uint64_t cpu = cpu_ms();
    poll(NULL, 0, 400);
    assert_true(cpu_ms() - cpu < 100);
    struct rest rest = {kit.app_fd, data + taken, BULK - taken};
    set_timeouts(kit.app_fd);
    pthread_create(&thread, NULL, send_rest, &rest);
    read_channel(channel, back, BULK);
    pthread_join(thread, NULL);
    assert_memory_equal(data, back, BULK);
    assert_int_equal(ssh_channel_read_timeout(channel, &byte, 1, 0, 10000), 0); /* the end came, too */
    assert_true(ssh_channel_is_eof(channel));
    ssh_channel_free(channel);
    hang_up(session);
    free(data);
    free(back);
}

/* A client whose machine is there, but which does not even read what is sent to it. */
static void test_stalled_client(void **state)
{
    (void)state;
    int small = 4096;
    uint8_t *data = xcalloc(1, BULK);
    kit.mode = KIT_PAIR;
    kit.options.stall_ms = 500;
    kit_start();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)kit.modern)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ssh_session session = dial(kit.modern);
    ssh_options_set(session, SSH_OPTIONS_FD, &fd);
    assert_int_equal(ssh_connect(session), SSH_OK);
    assert_int_equal(ssh_userauth_password(session, "SSH1", KIT_PASSWORD), SSH_AUTH_SUCCESS);
    ssh_channel channel = open_tunnel(session);
    while (send(kit.app_fd, data, 65536, MSG_NOSIGNAL) > 0) /* until the tunnel closes it */
        ;
    assert_true(kit_wait_for(&kit.downs, 1));
    ssh_channel_free(channel);
    hang_up(session);
    free(data);
}

struct upload {
    ssh_channel channel;
    const uint8_t *data;
};

static void *upload(void *arg)
{
    struct upload *u = arg;
    for (size_t at = 0; at < BULK; at += 65536)
        if (ssh_channel_write(u->channel, u->data + at, 65536) != 65536)
            return arg;
    return ssh_channel_send_eof(u->channel) == SSH_OK ? NULL : arg;
}

/* An application that does not read: the client waits. */
static void test_slow_application(void **state)
{
    (void)state;
    pthread_t thread;
    void *failed;
    uint8_t *data = xcalloc(1, BULK), *back = xcalloc(1, BULK + 1);
    secret_random(data, BULK);
    kit.mode = KIT_PAIR;
    kit_start();
    ssh_session session = log_in(kit.modern);
    struct upload u = {open_tunnel(session), data};
    pthread_create(&thread, NULL, upload, &u);
    struct pollfd ready = {.fd = kit.app_fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 10000), 1);
    poll(NULL, 0, 300); /* until the client has sent what it may */
    uint64_t cpu = cpu_ms();
    poll(NULL, 0, 400);
    assert_true(cpu_ms() - cpu < 100);
    set_timeouts(kit.app_fd);
    size_t len = 0;
    ssize_t n;
    /* In small bites: each makes the descriptor writable again. */
    while (len < BULK && (n = recv(kit.app_fd, back + len, MIN(BULK + 1 - len, 7000), 0)) > 0)
        len += (size_t)n;
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(len, BULK);
    assert_memory_equal(data, back, BULK);
    assert_int_equal(recv(kit.app_fd, back, 1, 0), 0);
    ssh_channel_free(u.channel);
    hang_up(session);
    assert_int_equal(kit.refused[TUNNEL_TOO_MANY], 0);
    free(data);
    free(back);
}

static void test_application_leaves(void **state)
{
    (void)state;
    char byte;
    kit.mode = KIT_PAIR;
    kit_start();
    ssh_session session = log_in(kit.modern);
    ssh_channel channel = open_tunnel(session);
    send_text(kit.app_fd, "bye");
    close(kit.app_fd);
    kit.app_fd = -1;
    char buf[4] = {0};
    read_channel(channel, buf, 3);
    assert_string_equal(buf, "bye");
    assert_int_equal(ssh_channel_read_timeout(channel, &byte, 1, 0, 10000), 0);
    assert_true(listen_until(session, channel));
    ssh_channel_free(channel);
    kit.mode = KIT_ECHO; /* the link lives on */
    channel = open_tunnel(session);
    assert_echo(channel, "again");
    ssh_channel_free(channel);
    hang_up(session);
}

static void do_other_ports(void *arg)
{
    static const unsigned ports[] = {6000, KIT_PORT};
    tunnel_server_set_ports(kit.server, "s1", ports, *(unsigned *)arg);
}

static void test_ports_change(void **state)
{
    (void)state;
    int rc;
    unsigned count = 1;
    kit_start();
    ssh_session session = log_in(kit.modern);
    loop_kit_do(&kit.loop, do_other_ports, &count);
    assert_null(forward(session, "localhost", KIT_PORT, &rc));
    count = 2;
    loop_kit_do(&kit.loop, do_other_ports, &count);
    ssh_channel channel = open_tunnel(session);
    assert_echo(channel, "x");
    ssh_channel_free(channel);
    hang_up(session);
}

/* With channels open and bytes under way on both sides. */
static void do_cut(void *arg)
{
    tunnel_server_cut(kit.server, arg, KIT_PORT);
}

/* The channel ends on both sides, the link goes on and can open another one. */
static void test_cut(void **state)
{
    (void)state;
    kit_start();
    kit.mode = KIT_PAIR;
    ssh_session session = log_in(kit.modern);
    ssh_channel channel = open_tunnel(session);
    char byte;
    loop_kit_do(&kit.loop, do_cut, (void *)(uintptr_t) "s2");
    loop_kit_do(&kit.loop, do_cut, (void *)(uintptr_t) "s1");
    assert_int_equal(recv(kit.app_fd, &byte, 1, 0), 0);
    assert_int_equal(ssh_channel_read_timeout(channel, &byte, 1, 0, 10000), 0);
    assert_true(ssh_channel_is_eof(channel) || ssh_channel_is_closed(channel));
    ssh_channel_free(channel);
    close(kit.app_fd);
    kit.mode = KIT_ECHO;
    channel = open_tunnel(session);
    assert_echo(channel, "again");
    ssh_channel_free(channel);
    hang_up(session);
    kit.app_fd = -1;
}

/* The first start of a host: it listens at once, and serves when a worker has made the keys. */
static void test_keys_later(void **state)
{
    (void)state;
    char directory[] = "/tmp/isthmus-tunnel-later-XXXXXX";
    char usual[sizeof kit.directory];
    assert_non_null(mkdtemp(directory));
    memcpy(usual, kit.directory, sizeof usual);
    snprintf(kit.directory, sizeof kit.directory, "%s", directory);
    kit.options.make_keys_later = true;
    kit_start();
    hang_up(log_in(kit.modern)); /* waits for them */
    hang_up(log_in(kit.legacy));
    assert_int_equal(kit.keys, 1);
    memcpy(kit.directory, usual, sizeof usual);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, directory + strlen("/tmp/")), 0);
}

static void do_create_and_destroy(void *arg)
{
    assert_int_equal(tunnel_server_create(&kit.options, &kit.server), 0);
    kit_do_destroy(arg);
}

/* It goes while the worker is busy, which nobody hears of then. */
static void test_gone_before_its_keys(void **state)
{
    (void)state;
    char directory[] = "/tmp/isthmus-tunnel-gone-XXXXXX";
    assert_non_null(mkdtemp(directory));
    loop_kit_start(&kit.loop);
    kit.app_fd = -1;
    kit.options = (struct tunnel_options){.loop = kit.loop.loop,
                                          .key_directory = directory,
                                          .make_keys_later = true,
                                          .callbacks = {.keys = kit_keys}};
    loop_kit_do(&kit.loop, do_create_and_destroy, NULL);
    loop_kit_stop(&kit.loop);
    assert_int_equal(kit.keys, 0);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, directory + strlen("/tmp/")), 0);
}

static void test_destroy_in_the_middle(void **state)
{
    (void)state;
    enum { CLIENTS = 4 };
    ssh_session sessions[CLIENTS];
    ssh_channel channels[CLIENTS];
    char block[65536] = {0};
    kit_start();
    for (int i = 0; i < CLIENTS; i++) {
        sessions[i] = log_in(i % 2 ? kit.modern : kit.legacy);
        channels[i] = open_tunnel(sessions[i]);
        ssh_channel_write(channels[i], block, sizeof block);
    }
    int raw = connect_to(kit.modern); /* in the middle of a key exchange */
    loop_kit_do(&kit.loop, kit_do_destroy, NULL);
    assert_true(is_closed(raw));
    for (int i = 0; i < CLIENTS; i++) {
        while (ssh_channel_read_timeout(channels[i], block, sizeof block, 0, 10000) > 0)
            ;
        assert_true(listen_until(sessions[i], NULL));
        ssh_channel_free(channels[i]);
        hang_up(sessions[i]);
    }
    assert_int_equal(kit.downs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty_originator, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_other_targets, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_requests_on_a_channel, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_tries, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_throttled, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_slow_and_broken, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_limits, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_no_answer, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_answer_after_the_end, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_closed_window, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_stalled_client, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_slow_application, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_application_leaves, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_ports_change, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_cut, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_keys_later, kit_setup, kit_teardown),
        cmocka_unit_test_setup(test_gone_before_its_keys, kit_setup),
        cmocka_unit_test_setup_teardown(test_destroy_in_the_middle, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, kit_setup_all, kit_teardown_all);
}
