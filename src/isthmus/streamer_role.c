// SPDX-License-Identifier: GPL-3.0-or-later
// isthmus streamer: a session's picture for browsers, and for every other kind of viewer that there is.
#include "isthmus/isthmus_priv.h"
#include "ovd/display/rfb_front_end.h"
#include "webstream/streamer/streamer.h"

int streamer_role_main(int argc, char **argv)
{
    static const struct display_front_end *const front_ends[] = {&ovd_rfb_front_end, NULL};
    return streamer_main(argc, argv, front_ends);
}
