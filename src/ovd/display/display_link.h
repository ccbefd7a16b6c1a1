/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer's end of session/rfb.sock (pool/display_line.h): the host says who may look and hands
 * clients over, and is told who is there. When the host is away it is tried again with back-off, for ever.
 * Loop thread only. */
#ifndef ISTHMUS_OVD_DISPLAY_DISPLAY_LINK_H
#define ISTHMUS_OVD_DISPLAY_DISPLAY_LINK_H

#include "loop/loop.h"
#include "pool/display_line.h"

#define DISPLAY_LINK_FIRST_MS 100
#define DISPLAY_LINK_LAST_MS 2000

struct display_link;

/* They may call display_link_tell, and not display_link_destroy. */
struct display_link_events {
    /* A message of the host. fd, -1 or the descriptor of a CLIENT, is the callee's to close. */
    void (*line)(void *arg, const struct display_line *line, int fd);
    void (*lost)(void *arg); /* once for each connection that was there */
};

int display_link_create(struct loop *loop, const char *path, const struct display_link_events *events,
                        void *arg, struct display_link **ret_link);
struct display_link *display_link_destroy(struct display_link *link); /* NULL-safe; returns NULL */
/* JOINED or LEFT. Dropped while the host is away: it is told anew. */
void display_link_tell(struct display_link *link, enum display_line_verb verb, const char *instance,
                       const char *participant);

#endif
