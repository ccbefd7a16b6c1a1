/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session/order.json: what the session host asks a keeper to start. Written by the host, read by the keeper
 * of the same uid. */
#ifndef ISTHMUS_POOL_ORDER_H
#define ISTHMUS_POOL_ORDER_H

#include "base/secret.h"
#include "base/util.h"

struct order {
    char session_id[SECRET_ID_LEN];
    char *account;     /* the session's own name, also the directory below /home */
    char *username;    /* the person, for {USERNAME} */
    char *run_as;      /* account of the display, NULL: nobody to change to */
    char *streamer_as; /* account of the streamer, NULL */
    char **argv;       /* application; NULL for a plain desktop */
    bool desktop;
    bool sandbox;
    bool printing;
    int width, height;
    int max_width,
        max_height;  /* for the streamer, which hears it from the host; kept here for a host that adopts */
    char *clipboard; /* as those; NULL: "both" */
    unsigned start_timeout_ms, orphan_ms;
    char *log_level, *log_format;
};

int order_write(const struct order *order, int session_dir);
int order_read(int session_dir, struct order *ret_order);
void order_finish(struct order *order); /* frees the strings; a zeroed order is fine */

#endif
