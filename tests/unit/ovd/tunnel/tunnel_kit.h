/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tunnel server in a loop of its own, with an application behind it that answers channels in one of a few
 * ways. */
#ifndef TESTS_TUNNEL_KIT_H
#define TESTS_TUNNEL_KIT_H

#include "common/net/loop_kit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/file.h"
#include "base/util.h"
#include "ovd/tunnel/tunnel.h"

#define KIT_REASONS (TUNNEL_NO_ANSWER + 1)
#define KIT_PORT 5900
#define KIT_PASSWORD "0d9bdbf5"

enum kit_mode {
    KIT_ECHO, /* a TCP connection to an echo server */
    KIT_PAIR, /* one end of a socketpair; the test has the other one in kit->app_fd */
    KIT_HOLD, /* no answer; the request is in kit->request */
    KIT_REFUSE,
};

struct tunnel_kit {
    struct loop_kit loop;
    struct tunnel_options options;
    struct tunnel_server *server;
    unsigned modern, legacy;
    char directory[64];
    enum kit_mode mode;
    int echo_listener;
    pthread_t echo_thread;
    unsigned echo_port;
    /* The loop's thread writes, the test reads. */
    atomic_uint ups, downs, links, channels, keys, refused[KIT_REASONS];
    _Atomic int app_fd;
    struct tunnel_request *_Atomic request;
    char last_text[128]; /* of the last refusal; read on the loop only */
    bool leak;           /* a refusal's text held a password */
};

static struct tunnel_kit kit;

static inline void *kit_echo(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buf[65536];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
        for (ssize_t at = 0, sent; at < n; at += sent)
            if ((sent = send(fd, buf + at, (size_t)(n - at), MSG_NOSIGNAL)) < 0)
                goto end;
end:
    close(fd);
    return NULL;
}

static inline void *kit_echo_server(void *arg)
{
    int fd, listener = (int)(intptr_t)arg;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, kit_echo, (void *)(intptr_t)fd);
        pthread_detach(thread);
    }
    return NULL;
}

static inline void kit_start_echo(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    kit.echo_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(kit.echo_listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(kit.echo_listener, 64), 0);
    getsockname(kit.echo_listener, (struct sockaddr *)&address, &len);
    kit.echo_port = ntohs(address.sin_port);
    pthread_create(&kit.echo_thread, NULL, kit_echo_server, (void *)(intptr_t)kit.echo_listener);
}

static inline int kit_connect_echo(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)kit.echo_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)!connect(fd, (struct sockaddr *)&address, sizeof address);
    return fd;
}

static inline void kit_up(void *arg, const char *session, const char *peer, unsigned links)
{
    (void)arg;
    if (strcmp(session, "s1") == 0 && strcmp(peer, "127.0.0.1") == 0)
        kit.ups++;
    kit.links = links;
}

static inline void kit_down(void *arg, const char *session, const char *peer, unsigned links)
{
    (void)arg;
    if (strcmp(session, "s1") == 0 && strcmp(peer, "127.0.0.1") == 0)
        kit.downs++;
    kit.links = links;
}

static inline void kit_channel(void *arg, struct tunnel_request *request, const char *session, unsigned port)
{
    (void)arg;
    int pair[2];
    kit.channels += strcmp(session, "s1") == 0 && port == KIT_PORT;
    switch (kit.mode) {
    case KIT_ECHO:
        tunnel_request_accept(request, kit_connect_echo());
        break;
    case KIT_PAIR:
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
        kit.app_fd = pair[0];
        tunnel_request_accept(request, pair[1]);
        break;
    case KIT_HOLD:
        kit.request = request;
        break;
    case KIT_REFUSE:
        tunnel_request_refuse(request);
        break;
    }
}

static inline void kit_refused(void *arg, const struct tunnel_refusal *refusal)
{
    (void)arg;
    if (getenv("TUNNEL_KIT_VERBOSE"))
        fprintf(stderr, "refused %d %s %s: %s\n", refusal->reason, refusal->peer,
                refusal->session ? refusal->session : "-", refusal->text);
    kit.leak |= strstr(refusal->text, KIT_PASSWORD) != NULL;
    snprintf(kit.last_text, sizeof kit.last_text, "%s", refusal->text);
    kit.refused[refusal->reason]++;
}

static inline void kit_keys(void *arg, int result)
{
    (void)arg;
    kit.keys += result == 0;
}

static inline void kit_do_create(void *arg)
{
    (void)arg;
    static const unsigned port = KIT_PORT, other = KIT_PORT + 1;
    assert_int_equal(tunnel_server_create(&kit.options, &kit.server), 0);
    assert_int_equal(tunnel_server_listen(kit.server, TUNNEL_MODERN, "127.0.0.1", 0, &kit.modern), 0);
    assert_int_equal(tunnel_server_listen(kit.server, TUNNEL_LEGACY, "127.0.0.1", 0, &kit.legacy), 0);
    assert_int_equal(tunnel_server_grant(kit.server, "s1", "SSH1", KIT_PASSWORD, &port, 1), 0);
    assert_int_equal(tunnel_server_grant(kit.server, "s2", "SSH2", "12345678", &other, 1), 0);
}

static inline void kit_do_destroy(void *arg)
{
    (void)arg;
    kit.server = tunnel_server_destroy(kit.server);
}

static inline void kit_do_revoke(void *arg)
{
    tunnel_server_revoke(kit.server, arg);
}

/* Options may be set in kit.options before. The keys are made once per test program. */
static inline void kit_start(void)
{
    kit.app_fd = -1;
    loop_kit_start(&kit.loop);
    kit.options.loop = kit.loop.loop;
    kit.options.key_directory = kit.directory;
    kit.options.callbacks = (struct tunnel_callbacks){kit_up, kit_down, kit_channel, kit_refused, kit_keys};
    loop_kit_do(&kit.loop, kit_do_create, NULL);
}

static inline int kit_setup_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL); /* the server has to be safe by itself */
    snprintf(kit.directory, sizeof kit.directory, "/tmp/isthmus-tunnel-XXXXXX");
    assert_non_null(mkdtemp(kit.directory));
    kit_start_echo();
    return 0;
}

static inline int kit_teardown_all(void **state)
{
    (void)state;
    shutdown(kit.echo_listener, SHUT_RDWR);
    pthread_join(kit.echo_thread, NULL);
    close(kit.echo_listener);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return tree_remove(tmp, kit.directory + strlen("/tmp/"));
}

static inline int kit_setup(void **state)
{
    (void)state;
    struct tunnel_kit old = kit;
    memset(&kit, 0, sizeof kit);
    memcpy(kit.directory, old.directory, sizeof kit.directory);
    kit.echo_listener = old.echo_listener;
    kit.echo_thread = old.echo_thread;
    kit.echo_port = old.echo_port;
    return 0;
}

static inline int kit_teardown(void **state)
{
    (void)state;
    loop_kit_do(&kit.loop, kit_do_destroy, NULL);
    loop_kit_stop(&kit.loop);
    if (kit.app_fd >= 0)
        close(kit.app_fd);
    assert_false(kit.leak);
    return 0;
}

/* Waits up to 20 s for a counter. */
static inline bool kit_wait_for(atomic_uint *counter, unsigned value)
{
    uint64_t end = clock_monotonic_ms(NULL) + 20000;
    while (*counter < value && clock_monotonic_ms(NULL) < end)
        poll(NULL, 0, 2);
    return *counter >= value;
}

#endif
