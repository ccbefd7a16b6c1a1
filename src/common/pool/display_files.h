/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a killed display server leaves in the machine's /tmp when its session has no sandbox: the socket and
 * the lock of its number. In a session's own directories they go with the directory. */
#ifndef ISTHMUS_POOL_DISPLAY_FILES_H
#define ISTHMUS_POOL_DISPLAY_FILES_H

#include "base/util.h"

/* Of one display, when they belong to uid: a number that was given back may be somebody else's by now. */
void display_files_remove(int display, uid_t uid);
/* Of every display of an account that has nothing else running. */
void display_files_remove_all(uid_t uid);

#endif
