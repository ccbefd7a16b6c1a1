/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels with packet sizes that only libssh2 lets a client ask for. It comes with libcurl; no header of it
 * is needed. */
#include "ovd/tunnel/tunnel_kit.h"

#include <dlfcn.h>

struct ssh2 {
    void *library;
    void *(*session_init)(void *, void *, void *, void *);
    int (*session_handshake)(void *session, int fd);
    int (*userauth_password)(void *session, const char *user, unsigned user_len, const char *password,
                             unsigned password_len, void *change);
    void *(*channel_open)(void *session, const char *type, unsigned type_len, unsigned window,
                          unsigned packet, const char *message, unsigned message_len);
    ssize_t (*channel_read)(void *channel, int stream, char *buf, size_t size);
    int (*session_free)(void *session);
};

static struct ssh2 ssh2;

static void find(const char *name, void *ret_function)
{
    void *symbol = dlsym(ssh2.library, name);
    assert_non_null(symbol);
    memcpy(ret_function, &symbol, sizeof symbol);
}

static int load(void **state)
{
    kit_setup_all(state);
    ssh2.library = dlopen("libssh2.so.1", RTLD_NOW);
    assert_non_null(ssh2.library);
    find("libssh2_session_init_ex", &ssh2.session_init);
    find("libssh2_session_handshake", &ssh2.session_handshake);
    find("libssh2_userauth_password_ex", &ssh2.userauth_password);
    find("libssh2_channel_open_ex", &ssh2.channel_open);
    find("libssh2_channel_read_ex", &ssh2.channel_read);
    find("libssh2_session_free", &ssh2.session_free);
    return 0;
}

struct client {
    int fd;
    void *session;
    void *channel;
};

static void open_channel(struct client *c, unsigned packet)
{
    static const char message[] = "\0\0\0\x09localhost\0\0\x17\x0c\0\0\0\0\0\0\0"; /* 5900, "", 0 */
    c->fd = connect_to(kit.modern);
    c->session = ssh2.session_init(NULL, NULL, NULL, NULL);
    assert_int_equal(ssh2.session_handshake(c->session, c->fd), 0);
    assert_int_equal(ssh2.userauth_password(c->session, "SSH1", 4, KIT_PASSWORD, 8, NULL), 0);
    c->channel = ssh2.channel_open(c->session, "direct-tcpip", 12, 2000000, packet, message, sizeof message);
}

static void leave(struct client *c)
{
    shutdown(c->fd, SHUT_RDWR);
    ssh2.session_free(c->session);
    close(c->fd);
}

static void assert_works(unsigned packet)
{
    struct client c;
    char sent[5000], got[5000];
    open_channel(&c, packet);
    assert_non_null(c.channel);
    memset(sent, 'x', sizeof sent);
    send_all(kit.app_fd, sent, sizeof sent);
    for (size_t len = 0; len < sizeof got;) {
        ssize_t n = ssh2.channel_read(c.channel, 0, got + len, sizeof got - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_memory_equal(sent, got, sizeof got);
    leave(&c);
    close(kit.app_fd);
    kit.app_fd = -1;
}

/* 10 bytes of each packet are the library's own: with none left it would write for ever. */
static void assert_ended(unsigned packet)
{
    struct client c;
    unsigned downs = kit.downs;
    open_channel(&c, packet);
    assert_true(kit_wait_for(&kit.downs, downs + 1));
    leave(&c);
    close(kit.app_fd);
    kit.app_fd = -1;
}

static void test_sizes(void **state)
{
    (void)state;
    static const unsigned tiny[] = {1, 9, 10, 11, 1023};
    kit.mode = KIT_PAIR;
    kit_start();
    assert_works(32768);
    assert_works(1024);
    assert_true(kit_wait_for(&kit.downs, 2));
    for (size_t i = 0; i < ARRAY_SIZE(tiny); i++)
        assert_ended(tiny[i]);
    assert_int_equal(kit.refused[TUNNEL_FORBIDDEN], ARRAY_SIZE(tiny));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_sizes, kit_setup, kit_teardown)};
    return cmocka_run_group_tests(tests, load, kit_teardown_all);
}
