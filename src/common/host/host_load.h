/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How busy the machine is, for heartbeats. */
#ifndef ISTHMUS_HOST_HOST_LOAD_H
#define ISTHMUS_HOST_HOST_LOAD_H

#include "base/util.h"

struct host_load {
    uint64_t busy, total; /* of the previous reading */
};

/* Percent of all processors' time since the previous call; 0 for the first. */
double host_load_cpu(struct host_load *load);
/* Percent of memory that is not available. */
double host_load_memory(void);

#endif
