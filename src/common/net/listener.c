/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/str.h"

#define BACKLOG 512
#define ACCEPTS_PER_TURN 64 /* then others on the loop have their turn */
#define PAUSE_MS 200

struct listener {
    struct loop *loop;
    int fd;
    char *path; /* of a Unix socket */
    struct stat made;
    struct loop_poll *poll;
    struct loop_timer *pause;
    void (*fn)(void *arg, int fd, const char *peer);
    void *arg;
    bool accepting;
    bool destroyed; /* by fn, while accepting */
};

static void listener_free(struct listener *l)
{
    struct stat now;
    loop_poll_destroy(l->poll);
    loop_timer_destroy(l->pause);
    if (l->fd >= 0)
        close(l->fd);
    /* The path may be a successor's by now. */
    if (l->path && l->made.st_ino && lstat(l->path, &now) == 0 && now.st_ino == l->made.st_ino &&
        now.st_dev == l->made.st_dev)
        unlink(l->path);
    free(l->path);
    free(l);
}

static void hand_over(struct listener *l, int fd, const struct sockaddr *address)
{
    char peer[ADDR_TEXT_LEN];
    int one = 1;
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    addr_text(address, peer);
    l->fn(l->arg, fd, peer);
}

/* Whether accept failed because of this machine, so that trying again at once would only spin. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_ready(void *arg, int ready)
{
    (void)ready;
    struct listener *l = arg;
    l->accepting = true;
    for (int i = 0; i < ACCEPTS_PER_TURN && !l->destroyed; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(l->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (l->path)
                address.ss_family = AF_UNIX; /* an unbound peer has no address at all */
            hand_over(l, fd, (const struct sockaddr *)&address);
        } else if (is_shortage(errno)) {
            loop_poll_set(l->poll, 0);
            loop_timer_start(l->pause, PAUSE_MS, 0);
            break;
        } else if (errno == EAGAIN) {
            break;
        }
    }
    l->accepting = false;
    if (l->destroyed)
        listener_free(l);
}

static void on_pause_over(void *arg)
{
    struct listener *l = arg;
    loop_poll_set(l->poll, LOOP_READ);
}

static int start(struct listener *l)
{
    if (listen(l->fd, BACKLOG) < 0)
        return -errno;
    int rc = loop_timer_create(l->loop, on_pause_over, l, &l->pause);
    return rc < 0 ? rc : loop_poll_create(l->loop, l->fd, LOOP_READ, on_ready, l, &l->poll);
}

static struct listener *listener_new(struct loop *loop, void (*fn)(void *arg, int fd, const char *peer),
                                     void *arg)
{
    struct listener *l = xcalloc(1, sizeof *l);
    l->loop = loop;
    l->fd = -1;
    l->fn = fn;
    l->arg = arg;
    return l;
}

static int finish_create(struct listener *l, int rc, struct listener **ret_listener)
{
    if (rc == 0)
        rc = start(l);
    if (rc < 0)
        listener_free(l);
    else
        *ret_listener = l;
    return rc;
}

static int bind_tcp(struct listener *l, int family, const struct sockaddr *address, socklen_t len, bool dual)
{
    int one = 1, only_v6 = !dual;
    l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return -errno;
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6)
        setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    if (bind(l->fd, address, len) == 0)
        return 0;
    int rc = -errno;
    close(l->fd);
    l->fd = -1;
    return rc;
}

static int bind_any(struct listener *l, unsigned port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int rc = bind_tcp(l, AF_INET6, (const struct sockaddr *)&v6, sizeof v6, true);
    if (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL) /* a machine without IPv6 */
        rc = bind_tcp(l, AF_INET, (const struct sockaddr *)&v4, sizeof v4, false);
    return rc;
}

static int bind_host(struct listener *l, const char *host, unsigned port)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list, *a;
    char service[16];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return -EADDRNOTAVAIL;
    int rc = -EADDRNOTAVAIL;
    for (a = list; a && rc != 0; a = a->ai_next)
        rc = bind_tcp(l, a->ai_family, a->ai_addr, a->ai_addrlen, false);
    freeaddrinfo(list);
    return rc;
}

int listener_create(struct loop *loop, const char *host, unsigned port,
                    void (*fn)(void *arg, int fd, const char *peer), void *arg,
                    struct listener **ret_listener)
{
    if (port > 65535)
        return -EINVAL;
    struct listener *l = listener_new(loop, fn, arg);
    return finish_create(l, host && *host ? bind_host(l, host, port) : bind_any(l, port), ret_listener);
}

static int bind_unix(struct listener *l, const char *path, mode_t mode)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    if (str_copy(address.sun_path, sizeof address.sun_path, path) < 0)
        return -ENAMETOOLONG;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || bind(l->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    l->path = xstrdup(path);
    /* Nobody can connect before listen. */
    return chmod(path, mode) < 0 || lstat(path, &l->made) < 0 ? -errno : 0;
}

int listener_create_unix(struct loop *loop, const char *path, mode_t mode,
                         void (*fn)(void *arg, int fd, const char *peer), void *arg,
                         struct listener **ret_listener)
{
    struct listener *l = listener_new(loop, fn, arg);
    return finish_create(l, bind_unix(l, path, mode), ret_listener);
}

unsigned listener_port(const struct listener *listener)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    socklen_t len = sizeof address;
    if (getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    memcpy(&v4, &address, sizeof v4);
    memcpy(&v6, &address, sizeof v6);
    return address.ss_family == AF_INET    ? ntohs(v4.sin_port)
           : address.ss_family == AF_INET6 ? ntohs(v6.sin6_port)
                                           : 0;
}

struct listener *listener_destroy(struct listener *listener)
{
    if (listener && listener->accepting)
        listener->destroyed = true;
    else if (listener)
        listener_free(listener);
    return NULL;
}
