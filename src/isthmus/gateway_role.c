// SPDX-License-Identifier: GPL-3.0-or-later
// isthmus gateway: the control plane with every front-end that it can have.
#include "isthmus/isthmus_priv.h"
#include "ovd/session_manager/session_manager.h"
#include "webstream/gateway/gateway.h"

int gateway_role_main(int argc, char **argv)
{
    static const struct front_end *const front_ends[] = {&ovd_session_manager, NULL};
    return gateway_main(argc, argv, front_ends);
}
