/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session host's end of rfb.sock, played by the test. Include cmocka.h first. */
#ifndef TESTS_HOST_KIT_H
#define TESTS_HOST_KIT_H

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/util.h"
#include "pool/line.h"

struct host_kit {
    char dir[64], path[96];
    int listener, fd; /* -1 */
};

static inline void host_kit_listen(struct host_kit *h)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", h->path);
    h->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(h->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(h->listener, 4), 0);
}

static inline void host_kit_start(struct host_kit *h)
{
    snprintf(h->dir, sizeof(h->dir), "/tmp/isthmus-test-rfb-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->path, sizeof(h->path), "%s/rfb.sock", h->dir);
    h->fd = -1;
    host_kit_listen(h);
}

static inline void host_kit_await(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&ready, 1, 10000), 1);
}

static inline void host_kit_accept(struct host_kit *h)
{
    host_kit_await(h->listener);
    h->fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(h->fd >= 0);
}

/* As when the host dies. */
static inline void host_kit_close(struct host_kit *h)
{
    close(h->listener);
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
    unlink(h->path);
}

static inline void host_kit_stop(struct host_kit *h)
{
    host_kit_close(h);
    rmdir(h->dir);
}

/* passed is closed here. */
static inline void host_kit_pass(struct host_kit *h, const char *text, int passed)
{
    assert_int_equal(line_send(h->fd, text, strlen(text), passed), 0);
    close(passed);
}

static inline void host_kit_say(struct host_kit *h, const char *text)
{
    assert_int_equal(line_send(h->fd, text, strlen(text), -1), 0);
}

static inline void host_kit_client(struct host_kit *h, const char *display, int fd)
{
    char text[64];

    snprintf(text, sizeof(text), "CLIENT %s", display);
    host_kit_pass(h, text, fd);
}

static inline void host_kit_hear(struct host_kit *h, const char *text)
{
    char heard[600];
    int passed = -1;

    host_kit_await(h->fd);
    assert_int_equal(line_receive(h->fd, heard, sizeof(heard), &passed), 0);
    assert_int_equal(passed, -1);
    assert_string_equal(heard, text);
}

#endif
