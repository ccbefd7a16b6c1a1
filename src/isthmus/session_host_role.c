// SPDX-License-Identifier: GPL-3.0-or-later
// isthmus session-host: the pool of one host with every front-end that it can have.
#include "isthmus/isthmus_priv.h"
#include "ovd/application_server/application_server.h"
#include "webstream/session_host/session_host.h"

int session_host_role_main(int argc, char **argv)
{
    static const struct host_front_end *const front_ends[] = {&ovd_application_server, NULL};
    return session_host_main(argc, argv, front_ends);
}
