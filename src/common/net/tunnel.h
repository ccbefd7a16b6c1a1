/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moves bytes both ways between a client (plain socket or TLS filter) and a backend socket until both
 * directions are closed: splice for plain, OpenSSL read and write for TLS. Bounded buffers (256 KiB each
 * way), half-close is passed on, an idle tunnel without any traffic ends after idle_ms. */
#ifndef ISTHMUS_NET_TUNNEL_H
#define ISTHMUS_NET_TUNNEL_H

#include "loop/loop.h"
#include "net/tls.h"

struct tunnel;

struct tunnel_options {
    struct loop *loop;
    int client_fd; /* plain socket, or the plaintext end that belongs to client_tls; taken over */
    struct tls_conn *client_tls; /* NULL for a plain client; the hold is taken over */
    const void *from_client;     /* bytes already read from the client, sent to the backend first */
    size_t from_client_len;
    int backend_fd; /* connected, non-blocking; taken over */
    const void *from_backend;
    size_t from_backend_len;
    uint64_t idle_ms;                                                  /* 0: never */
    void (*closed)(void *arg, uint64_t bytes_up, uint64_t bytes_down); /* once; the tunnel is gone after it */
    void *arg;
};

/* On failure everything is closed all the same, and closed is not called. from_client and from_backend are
 * copied; 1 MiB at most each. */
int tunnel_create(const struct tunnel_options *options, struct tunnel **ret_tunnel);
/* Closes both sides now, without calling closed. NULL-safe; returns NULL. */
struct tunnel *tunnel_destroy(struct tunnel *tunnel);

#endif
