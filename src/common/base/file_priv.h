/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_BASE_FILE_PRIV_H
#define ISTHMUS_BASE_FILE_PRIV_H

#include "base/util.h"

/* Writes everything, across short writes and interruptions. */
int file__write_all(int fd, const void *data, size_t len);

#endif
