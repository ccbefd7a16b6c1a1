/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How another protocol's sink comes into the streamer's process: it sees the screen, the input of everybody
 * and the session's clipboard, and has a socket of its own to the session host. The program's role
 * (src/isthmus) says which there are. Loop thread only. */
#ifndef ISTHMUS_DISPLAY_DISPLAY_FRONT_END_H
#define ISTHMUS_DISPLAY_DISPLAY_FRONT_END_H

#include "display/input.h"
#include "display/screen.h"

/* Lent from start to destroy. */
struct display_services {
    struct loop *loop;
    const char *session_id;
    struct screen *screen;     /* the session's own display */
    struct input_group *input; /* of all its viewers */
    int max_width, max_height;
    int frame_rate;
    struct screen_clipboard_rule clipboard; /* for displays of its own */
    const char
        *x11; /* path of the display's socket; its directory also has those of further displays, "X<N>" */
    const char *xauthority; /* cookie for all of them */
    const char *link;       /* path of the host's socket for this front-end; "": none */
};

struct display_front_end {
    const char *name;
    /* services is copied where it is needed. 0, or -errno: the streamer goes on without it and logs that. */
    int (*start)(const struct display_services *services, void **ret_front_end);
    /* A program of the session has put a new text into the clipboard: UTF-8 without NUL, LF. A viewer's text
     * goes into the session by screen_clipboard, and is told to no viewer. */
    void (*clipboard)(void *front_end, const char *text, size_t len);
    /* Closes its clients; others may come. */
    void (*detach)(void *front_end, const char *reason);
    /* Things that the loop has to turn for before it may end. */
    unsigned (*pending)(const void *front_end);
    void (*destroy)(void *front_end); /* NULL-safe; closes its clients */
};

#endif
