/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One source shown to several viewers: decides when to capture and when to send. A capture happens when
 * something is dirty and a viewer can take a picture at once; nothing else costs anything. Loop thread only.
 */
#ifndef ISTHMUS_DISPLAY_SCREEN_H
#define ISTHMUS_DISPLAY_SCREEN_H

#include "display/capture_msg.h"
#include "display/encode.h"
#include "display/source.h"

struct screen;
struct viewer;

/* Each may be NULL. */
struct screen_events {
    void (*resized)(void *arg, int width, int height);
    void (*failed)(void *arg, int error); /* the source is dead */
    /* A program has put a text into the clipboard: UTF-8 without NUL, LF, len <= FRAME_CLIPBOARD_MAX. */
    void (*clipboard)(void *arg, const char *text, size_t len);
};

/* Which texts may pass: to the session, and out of it. */
struct screen_clipboard_rule {
    bool no_in, no_out;
    size_t max; /* bytes; 0: FRAME_CLIPBOARD_MAX */
};

struct screen_options {
    struct loop *loop;
    struct source *source; /* lent; the screen becomes its listener */
    int frame_rate;        /* cap for each viewer, 1 ... 60 */
    enum encode_compression compression;
    struct screen_clipboard_rule clipboard;
    const struct screen_events *events;
    void *arg;
};

int screen_create(const struct screen_options *options, struct screen **ret_screen);
/* Every viewer and sink must have been destroyed and screen_pending be 0. NULL-safe; returns NULL. */
struct screen *screen_destroy(struct screen *screen);
struct source *screen_source(struct screen *screen);
/* The session's clipboard is to hold a viewer's text: UTF-8 without NUL. Nobody is told of it. -EMSGSIZE past
 * FRAME_CLIPBOARD_MAX, or the rule's, -EPERM when the rule is against it, -EINVAL for what is no such text,
 * -ENOTSUP, -EPIPE when the source is dead. */
int screen_clipboard(struct screen *screen, const char *text, size_t len);

struct viewer_options {
    /* Sends one update; the callee takes its own reference, and does not destroy the viewer inside this call.
     */
    void (*send)(void *arg, struct rcbuf *message);
    void *arg;
};

#define VIEWER_WINDOW_UPDATES 4
#define VIEWER_WINDOW_BYTES (8u << 20)
#define VIEWER_REQUESTS_PER_S 200 /* refresh and miss messages */

/* Its first update is a full picture. */
struct viewer *viewer_create(struct screen *screen, const struct viewer_options *options);
/* Nothing is sent any more; encoding under way ends by itself. NULL-safe; returns NULL. */
struct viewer *viewer_destroy(struct viewer *viewer);
/* A binary message of the client: 0; -EPROTO (close with 1002); -EDQUOT: too many (close with 1008). */
int viewer_message(struct viewer *viewer, const void *data, size_t len);

/* Encodings that are still on worker threads; the loop has to turn until there are none before it ends. */
unsigned screen_pending(const struct screen *screen);

#endif
