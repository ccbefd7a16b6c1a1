/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listening sockets. */
#ifndef ISTHMUS_NET_LISTENER_H
#define ISTHMUS_NET_LISTENER_H

#include "loop/loop.h"
#include "net/addr.h"

struct listener;

/* Listens on host ("" = every address, both families) and port (0 = any). fn gets each connection:
 * non-blocking, close-on-exec, TCP_NODELAY, owned by fn, with the peer's address. When descriptors run out,
 * accepting pauses for a moment instead of spinning. */
int listener_create(struct loop *loop, const char *host, unsigned port,
                    void (*fn)(void *arg, int fd, const char *peer), void *arg,
                    struct listener **ret_listener);
/* Unix socket; an old one at the path is replaced. mode is set before the first connection can come. */
int listener_create_unix(struct loop *loop, const char *path, mode_t mode,
                         void (*fn)(void *arg, int fd, const char *peer), void *arg,
                         struct listener **ret_listener);
unsigned listener_port(const struct listener *listener);
struct listener *listener_destroy(struct listener *listener); /* NULL-safe; returns NULL */

/* Non-blocking connect to a name or address, each of its addresses in turn: fn gets the connected descriptor
 * (owned by fn) or -errno, once, on the loop and never from inside this call. After that the connector is
 * spent and still to be destroyed, which fn may do. timeout_ms 0: 10 s. */
struct connector;
int connector_create(struct loop *loop, const char *host, unsigned port, unsigned timeout_ms,
                     void (*fn)(void *arg, int fd_or_error), void *arg, struct connector **ret_connector);
struct connector *connector_destroy(struct connector *connector); /* cancels; NULL-safe; returns NULL */

#endif
