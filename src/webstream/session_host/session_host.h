/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_WEBSTREAM_SESSION_HOST_SESSION_HOST_H
#define ISTHMUS_WEBSTREAM_SESSION_HOST_SESSION_HOST_H

#include "host/host_front_end.h"

/* isthmus session-host --state DIR [--config FILE] [--no-sandbox] [-tags a,b]
 *
 * TERM leaves the sessions running under their keepers (restart, upgrade); the next session host adopts them.
 * INT ends every session and cleans up. front_ends: further ones in this process, ends with NULL; may be
 * NULL. Exit 0, 1 run time, 2 usage, 78 configuration. */
int session_host_main(int argc, char **argv, const struct host_front_end *const *front_ends);

#endif
