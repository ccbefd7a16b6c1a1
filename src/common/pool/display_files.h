/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a killed display server leaves in the machine's /tmp when its session has no sandbox: its socket (it
 * makes no lock file: its number comes with -displayfd). In a session's own directory that goes with the
 * directory. */
#ifndef ISTHMUS_POOL_DISPLAY_FILES_H
#define ISTHMUS_POOL_DISPLAY_FILES_H

#include "base/util.h"

/* Of one display, when it belongs to uid and nobody listens there: a number that was given back may be
 * somebody else's by now. */
void display_files_remove(int display, uid_t uid);
/* The same of every display. */
void display_files_remove_all(uid_t uid);

#endif
