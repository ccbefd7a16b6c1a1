/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host keys and the algorithms of each profile. */
#ifndef ISTHMUS_OVD_TUNNEL_PROFILE_PRIV_H
#define ISTHMUS_OVD_TUNNEL_PROFILE_PRIV_H

#include <libssh/libssh.h>
#include <libssh/server.h>

#include "ovd/tunnel/tunnel.h"

struct host_keys {
    ssh_key ed25519;
    ssh_key rsa;
};

/* Loads both keys from directory, making those that are not there when make is true, else -ENOENT. From any
 * thread. */
int host_keys__load(const char *directory, bool make, struct host_keys *ret_keys);
void host_keys__free(struct host_keys *keys);
/* A bind that never listens: it carries the profile to each accepted connection. -EIO when the library does
 * not know an algorithm. */
int profile__create(enum tunnel_profile profile, const struct host_keys *keys, ssh_bind *ret_bind);

#endif
