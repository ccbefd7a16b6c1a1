/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway role: everything public, and the hosts' register (docs/protocol/gateway.md). */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_GATEWAY_H
#define ISTHMUS_WEBSTREAM_GATEWAY_GATEWAY_H

/* argv[0] is the role's name. Exit code: 0, 1 at run time, 2 usage, 78 configuration. */
int gateway_main(int argc, char **argv);

#endif
