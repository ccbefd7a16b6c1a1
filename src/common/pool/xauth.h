/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The X cookie of a session: one entry of the Xauthority format that serves any host and any display number
 * (family "wild"), because the number is known only after the server has started. */
#ifndef ISTHMUS_POOL_XAUTH_H
#define ISTHMUS_POOL_XAUTH_H

#include "base/util.h"

#define XAUTH_ENTRY_MAX 64

/* A fresh 128-bit MIT-MAGIC-COOKIE-1; the number of bytes. */
size_t xauth_make_entry(uint8_t ret_entry[XAUTH_ENTRY_MAX]);

#endif
