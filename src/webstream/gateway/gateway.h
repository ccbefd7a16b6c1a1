/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway role: everything public, and the hosts' register (docs/protocol/gateway.md). */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_GATEWAY_H
#define ISTHMUS_WEBSTREAM_GATEWAY_GATEWAY_H

struct front_end;

/* argv[0] is the role's name. front_ends are those that share the process when the configuration enables them
 * (session/front_end.h), NULL-terminated. Exit code: 0, 1 at run time, 2 usage, 78 configuration. */
int gateway_main(int argc, char **argv, const struct front_end *const *front_ends);

#endif
