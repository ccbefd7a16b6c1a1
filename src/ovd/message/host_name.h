/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The name by which somebody called a server, out of a request's Host: it goes back to clients in addresses,
 * so what has not the form of a name and a port is not repeated to anybody. */
#ifndef ISTHMUS_OVD_MESSAGE_HOST_NAME_H
#define ISTHMUS_OVD_MESSAGE_HOST_NAME_H

#include "base/util.h"

#define OVD_HOST_MAX 253

/* "desk.example:8082", "10.0.0.1", "[fe80::1]:80": the name, an IPv6 address with its brackets, and the port,
 * 80 when none is said. False for anything else, and for NULL. */
bool ovd_host_read(const char *host, char ret_name[OVD_HOST_MAX + 1], unsigned *ret_port);

#endif
