/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a viewer may do. The gateway names the role in the signed header X-Viewer-Role; without one it is the
 * session's owner. Pure functions. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_VIEWER_ROLE_H
#define ISTHMUS_WEBSTREAM_STREAMER_VIEWER_ROLE_H

#include "display/control_msg.h"

#define VIEWER_ROLE_HEADER "x-viewer-role"

/* A guest was invited; an active one may type and point, a passive one may only look. */
enum viewer_role { VIEWER_OWNER, VIEWER_ACTIVE, VIEWER_PASSIVE };

/* text NULL: the owner. -EINVAL for a word that is none. */
int viewer_role_parse(const char *text, enum viewer_role *ret_role);
const char *viewer_role_word(enum viewer_role role);
bool viewer_role_may(enum viewer_role role, enum control_type type);

#endif
