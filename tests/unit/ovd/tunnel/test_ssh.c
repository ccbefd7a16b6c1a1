/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real OpenSSH client against the server. */
#include "ovd/tunnel/tunnel_kit.h"

#include <fcntl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "base/spawn.h"

#define ARGS_MAX 64
#define TUNNELS 40
#define BULK (20 * 1024 * 1024)

struct client {
    pid_t pid;
    int err; /* what ssh says */
    char said[8192];
    char path[128]; /* of its local socket */
};

#define LEGACY                                                                                               \
    "-oKexAlgorithms=diffie-hellman-group1-sha1", "-oHostKeyAlgorithms=ssh-rsa", "-oCiphers=3des-cbc",       \
        "-oMACs=hmac-sha1"

/* Words after the common ones, NULL at the end. The password comes from a script, as without a terminal. */
static void start_ssh(struct client *c, unsigned port, const char *user, const char *password, ...)
{
    static unsigned serial;
    char port_text[16], path[128], script[256];
    const char *args[ARGS_MAX] = {"ssh",
                                  "-F",
                                  "/dev/null",
                                  "-oStrictHostKeyChecking=no",
                                  "-oUserKnownHostsFile=/dev/null",
                                  "-oNumberOfPasswordPrompts=1",
                                  "-oGlobalKnownHostsFile=/dev/null",
                                  "-oLogLevel=INFO",
                                  "-oIdentityFile=/dev/null",
                                  "-oConnectTimeout=20",
                                  "-l",
                                  user,
                                  "-p",
                                  port_text};
    size_t count = 14;
    va_list list;
    snprintf(port_text, sizeof port_text, "%u", port);
    va_start(list, password);
    const char *arg;
    while ((arg = va_arg(list, const char *)) != NULL && count + 3 < ARGS_MAX)
        args[count++] = arg;
    va_end(list);
    int len = snprintf(script, sizeof script, "#!/bin/sh\necho '%s'\n", password);
    snprintf(path, sizeof path, "%s/ask%u", kit.directory, serial++);
    assert_int_equal(file_write(AT_FDCWD, path, script, (size_t)len, 0700), 0);
    char askpass[160], home[160];
    snprintf(askpass, sizeof askpass, "SSH_ASKPASS=%s", path);
    snprintf(home, sizeof home, "HOME=%s", kit.directory);
    char *env[] = {askpass, "SSH_ASKPASS_REQUIRE=force", "PATH=/usr/bin:/bin", home, NULL};
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct spawn_fd map[] = {{fds[1], 2}};
    struct spawn_options options = {.argv = (char *const *)args, .envp = env, .fds = map, .fd_count = 1};
    assert_int_equal(spawn(&options, &c->pid), 0);
    close(fds[1]);
    c->err = fds[0];
}

/* Reads what it says until it ends; its exit status, or 128 + signal. */
static int end_of(struct client *c)
{
    size_t len = 0;
    ssize_t n;
    int status;
    while (len + 1 < sizeof c->said && (n = read(c->err, c->said + len, sizeof c->said - 1 - len)) > 0)
        len += (size_t)n;
    c->said[len] = '\0';
    close(c->err);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void stop(struct client *c)
{
    kill(c->pid, SIGTERM);
    end_of(c);
}

/* A tunnel whose local end is a Unix socket: no port to be raced for. */
static void start_tunnel(struct client *c, unsigned port, const char *word, const char *word2,
                         const char *word3, const char *word4)
{
    static unsigned serial;
    char forward[192];
    snprintf(c->path, sizeof c->path, "%s/local%u", kit.directory, serial++);
    snprintf(forward, sizeof forward, "%s:localhost:%d", c->path, KIT_PORT);
    start_ssh(c, port, "SSH1", KIT_PASSWORD, "-N", "-L", forward, "127.0.0.1", word, word2, word3, word4,
              NULL);
}

static int connect_local(const struct client *c)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint64_t end = clock_monotonic_ms(NULL) + 20000;
    memcpy(address.sun_path, c->path, strnlen(c->path, sizeof address.sun_path - 1));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_timeouts(fd);
    while (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 &&
           clock_monotonic_ms(NULL) < end)
        poll(NULL, 0, 5);
    return fd;
}

static void assert_echo(int fd, const char *text)
{
    char buf[256];
    send_text(fd, text);
    read_until(fd, text, buf, sizeof buf);
    assert_string_equal(buf, text);
}

static void assert_tunnel(unsigned port, const char *word, const char *word2, const char *word3,
                          const char *word4)
{
    struct client c;
    start_tunnel(&c, port, word, word2, word3, word4);
    int fd = connect_local(&c);
    assert_echo(fd, "through and back\n");
    close(fd);
    stop(&c);
}

static void test_modern(void **state)
{
    (void)state;
    kit_start();
    assert_tunnel(kit.modern, NULL, NULL, NULL, NULL);
    assert_tunnel(kit.modern, "-C", NULL, NULL, NULL);
    assert_tunnel(kit.legacy, NULL, NULL, NULL, NULL);
    assert_tunnel(kit.modern, "-oCiphers=aes256-gcm@openssh.com", "-oHostKeyAlgorithms=rsa-sha2-256", NULL,
                  NULL);
    assert_tunnel(kit.modern, "-oCiphers=aes128-ctr", "-oMACs=hmac-sha2-512-etm@openssh.com",
                  "-oKexAlgorithms=diffie-hellman-group-exchange-sha256", NULL);
    assert_true(kit_wait_for(&kit.downs, 5));
    assert_int_equal(kit.ups, 5);
    assert_int_equal(kit.channels, 5);
    assert_int_equal(kit.links, 0);
}

static void test_legacy(void **state)
{
    (void)state;
    struct client c;
    kit_start();
    assert_tunnel(kit.legacy, LEGACY);
    assert_tunnel(kit.legacy, "-oKexAlgorithms=diffie-hellman-group14-sha1", "-oHostKeyAlgorithms=ssh-rsa",
                  "-oCiphers=aes128-cbc", "-oMACs=hmac-sha1");
    assert_tunnel(kit.legacy, "-oKexAlgorithms=diffie-hellman-group-exchange-sha1",
                  "-oHostKeyAlgorithms=ssh-rsa", "-oCiphers=aes256-cbc", "-oMACs=hmac-sha1");
    start_ssh(&c, kit.modern, "SSH1", KIT_PASSWORD, "-N", LEGACY, "127.0.0.1", NULL);
    assert_int_equal(end_of(&c), 255);
    assert_non_null(strstr(c.said, "no matching"));
    const char *const alone[] = {"-oKexAlgorithms=diffie-hellman-group14-sha1", "-oHostKeyAlgorithms=ssh-rsa",
                                 "-oCiphers=aes128-cbc", "-oMACs=hmac-sha1"};
    for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
        const char *cipher = i == 3 ? "-oCiphers=aes128-ctr" : "-N"; /* so that the MAC counts */
        start_ssh(&c, kit.modern, "SSH1", KIT_PASSWORD, "-N", cipher, alone[i], "127.0.0.1", NULL);
        assert_int_equal(end_of(&c), 255);
        assert_non_null(strstr(c.said, "no matching"));
    }
    assert_true(kit_wait_for(&kit.refused[TUNNEL_BAD_HANDSHAKE], 5));
}

static void assert_denied(const char *user, const char *password)
{
    struct client c;
    start_ssh(&c, kit.modern, user, password, "-N", "-oNumberOfPasswordPrompts=3", "127.0.0.1", NULL);
    assert_int_equal(end_of(&c), 255);
    assert_non_null(strstr(c.said, "Permission denied (password)"));
}

static void test_passwords(void **state)
{
    (void)state;
    kit_start();
    assert_denied("SSH1", "0d9bdbf6");
    assert_denied("SSH1", "0d9bdbf5x");
    assert_denied("SSH1", "12345678"); /* another session's */
    assert_denied("SSH9", KIT_PASSWORD);
    assert_denied("root", KIT_PASSWORD);
    assert_true(kit_wait_for(&kit.refused[TUNNEL_BAD_PASSWORD], 5));
    assert_denied("dummy", "dummy");
    assert_true(kit_wait_for(&kit.refused[TUNNEL_PROBE], 1));
    assert_int_equal(kit.ups, 0);
}

static void assert_refused(const char *said, enum tunnel_reason reason, const char *const words[5])
{
    struct client c;
    unsigned before = kit.refused[reason];
    start_ssh(&c, kit.modern, "SSH1", KIT_PASSWORD, "-oExitOnForwardFailure=yes", words[0], words[1],
              words[2], words[3], words[4], NULL);
    assert_int_equal(end_of(&c), 255);
    if (said)
        assert_non_null(strstr(c.said, said));
    assert_true(kit_wait_for(&kit.refused[reason], before + 1));
}

static void test_requests(void **state)
{
    (void)state;
    kit_start();
    assert_refused(NULL, TUNNEL_FORBIDDEN, (const char *[5]){"127.0.0.1", "id"});
    assert_refused(NULL, TUNNEL_FORBIDDEN, (const char *[5]){"127.0.0.1"});
    assert_refused(NULL, TUNNEL_FORBIDDEN, (const char *[5]){"-s", "127.0.0.1", "sftp"});
    assert_refused("remote port forwarding failed", TUNNEL_FORBIDDEN,
                   (const char *[5]){"-N", "-R", "0:127.0.0.1:22", "127.0.0.1"});
    assert_refused("prohibited", TUNNEL_FORBIDDEN_PORT,
                   (const char *[5]){"-W", "localhost:5901", "127.0.0.1"});
    assert_refused("prohibited", TUNNEL_FORBIDDEN_PORT,
                   (const char *[5]){"-W", "example.com:5900", "127.0.0.1"});
    assert_refused("prohibited", TUNNEL_FORBIDDEN_PORT, (const char *[5]){"-W", "localhost:22", "127.0.0.1"});
    assert_int_equal(kit.channels, 0);
}

struct bulk {
    int fd;
    const uint8_t *data;
};

static void *send_bulk(void *arg)
{
    struct bulk *b = arg;
    for (size_t at = 0, n; at < BULK; at += n) {
        ssize_t sent = send(b->fd, b->data + at, BULK - at, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        n = (size_t)sent;
    }
    shutdown(b->fd, SHUT_WR);
    return NULL;
}

/* There and back at once, across renewals of keys, then both ends are passed on. */
static void assert_bulk(unsigned port, const char *word)
{
    struct client c;
    pthread_t thread;
    uint8_t *data = xcalloc(1, BULK), *back = xcalloc(1, BULK + 1);
    size_t len = 0;
    ssize_t n;
    secret_random(data, BULK);
    start_tunnel(&c, port, "-oRekeyLimit=3M", word, NULL, NULL);
    struct bulk bulk = {connect_local(&c), data};
    pthread_create(&thread, NULL, send_bulk, &bulk);
    while (len < BULK + 1 && (n = recv(bulk.fd, back + len, BULK + 1 - len, 0)) > 0)
        len += (size_t)n;
    pthread_join(thread, NULL);
    assert_int_equal(len, BULK);
    assert_memory_equal(data, back, BULK);
    close(bulk.fd);
    stop(&c);
    free(data);
    free(back);
}

static void test_bulk(void **state)
{
    (void)state;
    kit_start();
    assert_bulk(kit.modern, NULL);
    assert_bulk(kit.legacy, "-oCiphers=aes128-cbc");
}

static void test_many(void **state)
{
    (void)state;
    static struct client clients[TUNNELS];
    int fds[TUNNELS];
    char text[32];
    kit.options.max_links_per_session = TUNNELS;
    kit_start();
    for (int i = 0; i < TUNNELS; i++)
        start_tunnel(&clients[i], kit.modern, NULL, NULL, NULL, NULL);
    for (int i = 0; i < TUNNELS; i++)
        fds[i] = connect_local(&clients[i]);
    for (int i = 0; i < TUNNELS; i++) {
        snprintf(text, sizeof text, "tunnel %d\n", i);
        assert_echo(fds[i], text);
    }
    assert_int_equal(kit.links, TUNNELS);
    for (int i = 0; i < TUNNELS; i++) {
        close(fds[i]);
        stop(&clients[i]);
    }
    assert_true(kit_wait_for(&kit.downs, TUNNELS));
    assert_int_equal(kit.links, 0);
}

static void test_killed(void **state)
{
    (void)state;
    struct client c;
    char buf[16];
    kit.mode = KIT_PAIR;
    kit_start();
    start_tunnel(&c, kit.modern, NULL, NULL, NULL, NULL);
    int fd = connect_local(&c);
    send_text(fd, "x");
    assert_true(kit_wait_for(&kit.channels, 1));
    set_timeouts(kit.app_fd);
    read_until(kit.app_fd, "x", buf, sizeof buf);
    kill(c.pid, SIGKILL);
    assert_int_equal(end_of(&c), 128 + SIGKILL);
    assert_true(kit_wait_for(&kit.downs, 1));
    assert_int_equal(recv(kit.app_fd, buf, sizeof buf, 0), 0);
    close(fd);
}

/* A portal's client authenticates and opens nothing: it says "the user is there". */
static void test_portal_and_revoke(void **state)
{
    (void)state;
    struct client portal, tunnel;
    char buf[16];
    kit.mode = KIT_PAIR;
    kit_start();
    start_ssh(&portal, kit.modern, "SSH1", KIT_PASSWORD, "-N", "127.0.0.1", NULL);
    assert_true(kit_wait_for(&kit.ups, 1));
    start_tunnel(&tunnel, kit.legacy, LEGACY);
    int fd = connect_local(&tunnel);
    assert_true(kit_wait_for(&kit.channels, 1));
    assert_int_equal(kit.links, 2);
    loop_kit_do(&kit.loop, kit_do_revoke, "s1");
    assert_int_equal(end_of(&portal), 255);
    assert_int_equal(end_of(&tunnel), 255);
    set_timeouts(kit.app_fd);
    assert_int_equal(recv(kit.app_fd, buf, sizeof buf, 0), 0);
    assert_denied("SSH1", KIT_PASSWORD);
    assert_int_equal(kit.downs, 0); /* who revokes knows */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_modern, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_legacy, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_passwords, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_requests, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_bulk, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_many, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_killed, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_portal_and_revoke, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, kit_setup_all, kit_teardown_all);
}
