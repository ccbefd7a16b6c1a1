/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One display of a session with its RFB clients. The session's own is lent by the streamer, whose browsers
 * look at it too; a further one is connected to here. Loop thread only. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_DISPLAY_H
#define ISTHMUS_OVD_DISPLAY_RFB_DISPLAY_H

#include "ovd/display/rfb_sink.h"

struct rfb_display;

/* Callbacks may call everything here but rfb_display_destroy. why as in rfb_sink_events. */
struct rfb_display_events {
    void (*joined)(void *arg, const struct rfb_display *display, const char *participant);
    void (*left)(void *arg, const struct rfb_display *display, const char *participant, const char *why);
    /* A further display is dead: its clients have been closed, and nobody is let in any more. */
    void (*failed)(void *arg, const struct rfb_display *display, int error);
};

struct rfb_display_options {
    struct loop *loop;
    const char *name;          /* "": the session's own; copied */
    struct screen *screen;     /* of the session's own display, lent; NULL: */
    struct input_group *input; /* and the input of its viewers */
    const char *x11;           /* else: the display's socket, number and cookie file */
    unsigned number;
    const char *xauthority;
    int max_width, max_height, frame_rate;
    struct screen_clipboard_rule clipboard;  /* of a further display */
    const struct rfb_display_events *events; /* lent */
    void *arg;
};

/* A further display answers some round trips meanwhile. ret_cause gets a sentence, which the caller frees. */
int rfb_display_create(const struct rfb_display_options *options, struct rfb_display **ret_display,
                       char **ret_cause);
/* Its clients are closed without a word to the callbacks. NULL-safe; returns NULL. */
struct rfb_display *rfb_display_destroy(struct rfb_display *display);

const char *rfb_display_name(const struct rfb_display *display);
unsigned rfb_display_number(const struct rfb_display *display);
bool rfb_display_is_alive(const struct rfb_display *display);
/* For participants and clients. */
struct rfb_sink *rfb_display_sink(struct rfb_display *display);
/* A program on the session's own display has copied a text. */
void rfb_display_copied(struct rfb_display *display, const char *text, size_t len);
/* As screen_pending, of a screen of its own. */
unsigned rfb_display_pending(const struct rfb_display *display);

#endif
