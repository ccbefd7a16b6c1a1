/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plain half of the tunnel: two sockets joined by splice through pipes, so that the bytes stay in the
 * kernel. */
#ifndef ISTHMUS_NET_SPLICE_PRIV_H
#define ISTHMUS_NET_SPLICE_PRIV_H

#include "net/tunnel.h"

struct splice;

/* Joins options->client_fd and options->backend_fd, which it owns from success on. closed is called once when
 * both directions have ended; it has to call splice_destroy. */
int splice_create(const struct tunnel_options *options, void (*closed)(void *arg), void *arg,
                  struct splice **ret_splice);
void splice_destroy(struct splice *splice); /* NULL-safe */
void splice_counters(const struct splice *splice, uint64_t *ret_up, uint64_t *ret_down);

#endif
