/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the session host asks a leader to start on a further display. Handed through by the keeper, which does
 * not look into it. */
#ifndef ISTHMUS_POOL_INSTANCE_ORDER_H
#define ISTHMUS_POOL_INSTANCE_ORDER_H

#include "base/util.h"

struct instance_order {
    char **argv; /* at least one */
    int width, height;
};

/* A descriptor with it, or an error. */
int instance_order_make(const struct instance_order *order);
int instance_order_read(int fd, struct instance_order *ret_order);
void instance_order_finish(struct instance_order *order); /* frees the strings; a zeroed order is fine */

#endif
