// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of ports, so that several instances stand side by side on one machine without being told about each
// other.
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "isthmus/all_priv.h"

#define LAST_BASE_WAIT_MS 12000 // roles of a killed supervisor drain for up to 10 s

bool port_is_free(unsigned port)
{
    cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int on = 1;
    // As a server would: a port in TIME_WAIT is free, one with a listener is not.
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static int lock_base(unsigned base, int *ret_fd)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    // An abstract name: it vanishes with the process, however that dies.
    int len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "isthmus-ports-%u", base);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    if (bind(fd, (struct sockaddr *)&address, size) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

static bool block_is_free(unsigned base)
{
    return port_is_free(base) && port_is_free(base + PORT_HOST_OFFSET);
}

static int claim(unsigned base, unsigned wait_ms, int *ret_fd)
{
    int fd = -1;
    int err = lock_base(base, &fd);
    if (err != 0)
        return err;
    uint64_t deadline = clock_monotonic_ms(NULL) + wait_ms;
    while (!block_is_free(base)) {
        if (clock_monotonic_ms(NULL) >= deadline) {
            close(fd);
            return -EADDRINUSE;
        }
        (void)poll(NULL, 0, 50); // nothing tells when a port of another process becomes free
    }
    *ret_fd = fd;
    return 0;
}

int ports_claim(unsigned fixed, unsigned last, unsigned *ret_base, int *ret_lock_fd)
{
    if (fixed != 0 || last != 0) {
        unsigned base = fixed != 0 ? fixed : last;
        int err = claim(base, base == last ? LAST_BASE_WAIT_MS : 0, ret_lock_fd);
        if (err == 0)
            *ret_base = base;
        if (err == 0 || fixed != 0)
            return err;
    }
    for (unsigned base = PORTS_FIRST; base <= PORTS_LAST; base += PORTS_BLOCK) {
        if (base == last || claim(base, 0, ret_lock_fd) != 0)
            continue;
        *ret_base = base;
        return 0;
    }
    return -EADDRINUSE;
}
