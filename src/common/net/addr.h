/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Socket addresses as text and as rules. */
#ifndef ISTHMUS_NET_ADDR_H
#define ISTHMUS_NET_ADDR_H

#include <sys/socket.h>

#include "base/util.h"

#define ADDR_TEXT_LEN 64

/* Address without port; an IPv4 address mapped into IPv6 is written as IPv4. Unix sockets are "unix". */
void addr_text(const struct sockaddr *address, char ret_text[ADDR_TEXT_LEN]);
/* What throttling counts: the address itself for IPv4, its /64 for IPv6. */
void addr_prefix(const char *text, char ret_prefix[ADDR_TEXT_LEN]);
/* The client behind proxies: the last entry of X-Forwarded-For that is not in the comma separated list of
 * trusted addresses and networks ("10.0.0.0/8, ::1"); peer itself when it is not trusted or the header is
 * absent or broken. */
void addr_client(const char *peer, const char *forwarded_for, const char *trusted,
                 char ret_text[ADDR_TEXT_LEN]);
bool addr_in_list(const char *text, const char *list);

#endif
