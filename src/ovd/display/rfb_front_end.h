/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFB (VNC) clients of a session, for the streamer's process: all displays of the session, and the
 * participants who may look at them, as the session host says over the display link. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_FRONT_END_H
#define ISTHMUS_OVD_DISPLAY_RFB_FRONT_END_H

#include "display/display_front_end.h"

#define RFB_DISPLAYS_MAX 65 /* of one session, its own counted */

/* Does nothing in a session whose host has no link for it. */
extern const struct display_front_end ovd_rfb_front_end;

#endif
