/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the installed parts are: beside the binary in a build tree, below PREFIX/share/isthmus when
 * installed. The folder above the binary's counts too, for the tests of a build tree. */
#ifndef ISTHMUS_BASE_PATHS_H
#define ISTHMUS_BASE_PATHS_H

#include "base/util.h"

/* name is "web", "skeleton" or "xml-schemas". The caller frees; -ENOENT when neither place has it. */
int paths_asset(const char *name, char **ret_path);

#endif
