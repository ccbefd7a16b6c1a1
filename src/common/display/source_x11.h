/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The X11 source: an X server reached through its Unix socket with a cookie. Pixels come by XDamage and
 * MIT-SHM (a memfd, so that user and namespace do not matter), input goes by XTest, sizes by RandR. */
#ifndef ISTHMUS_DISPLAY_SOURCE_X11_H
#define ISTHMUS_DISPLAY_SOURCE_X11_H

#include "display/source.h"

struct source_x11_options {
    const char *socket_path; /* of the display */
    const char *xauthority;  /* file with a MIT-MAGIC-COOKIE-1; NULL: none */
    unsigned display;        /* number, to choose the file's entry */
};

/* Connects and asks for everything that is asked only once; blocks for some round trips. Set the listener
 * (source_listen) before the loop turns, and do not destroy the source inside a call of it. -EACCES: refused;
 * -ENOTSUP: an extension is missing. ret_cause gets a sentence the caller frees. */
int source_x11_create(struct loop *loop, const struct source_x11_options *options, struct source **ret_source,
                      char **ret_cause);

#endif
