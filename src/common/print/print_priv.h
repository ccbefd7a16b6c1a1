/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_PRINT_PRINT_PRIV_H
#define ISTHMUS_PRINT_PRINT_PRIV_H

#include "base/util.h"

#define PRINT_CUPSD "/usr/sbin/cupsd"
#define PRINT_FILTERS "/usr/lib/cups/filter"
#define PRINT_STARTER "/usr/lib/cups/daemon" /* cups-exec */

/* Writes everything that cupsd reads into the new directory dir: cupsd.conf, cups-files.conf, printers.conf,
 * the printer's description, and a directory of programs with our backend in it. */
int print_config_write(const char *dir, const char *spool, const char *socket);

#endif
