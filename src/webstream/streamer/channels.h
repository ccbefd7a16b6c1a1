/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer's WebSockets: /capture and /control. Each handshake must be signed with the session's key. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_CHANNELS_H
#define ISTHMUS_WEBSTREAM_STREAMER_CHANNELS_H

#include "display/input.h"
#include "display/screen.h"

#define CHANNELS_MAX 64                /* connections */
#define CHANNELS_ERRORS_PER_S 50       /* refused control messages of one connection */
#define CHANNELS_MESSAGES_PER_S 5000   /* of one connection */
#define CHANNELS_FORBIDDEN_MS 5000     /* between two errors about what its role does not allow */
#define CHANNELS_RESIZE_INTERVAL_MS 50 /* of all connections; the newest wish wins */

enum { CHANNELS_CLOSE_RESTART = 1012, CHANNELS_CLOSE_ENDED = 4001 };

struct channels;

struct channels_events {
    void (*attached)(void *arg, const char *channel);                 /* for the log */
    void (*refused)(void *arg, const char *channel, const char *why); /* a handshake; for the log */
    void (*closed)(void *arg, const char *channel,
                   const char *why); /* the connection was closed from here: why; NULL: by the other side */
    void (*viewers)(void *arg, unsigned viewers, unsigned owners);
};

struct channels_options {
    struct loop *loop;
    struct screen *screen;
    struct input_group *input; /* of everybody who looks at the screen; lent */
    const char *session_id;    /* lent */
    const uint8_t *key;        /* 32 bytes; lent */
    const char *bind;
    unsigned port;
    int max_width, max_height;
    const struct channels_events *events;
    void *arg;
};

int channels_create(const struct channels_options *options, struct channels **ret_channels);
/* NULL-safe; returns NULL. */
struct channels *channels_destroy(struct channels *channels);
unsigned channels_port(const struct channels *channels);
unsigned channels_count(const struct channels *channels);
/* The display has a new size: everybody is told. */
void channels_resized(struct channels *channels, int width, int height);
/* A document was printed. The number of control connections that were told: owners' only. */
unsigned channels_printed(struct channels *channels, const char *title, int64_t time, uint64_t bytes);
/* Closes every connection as an ended one; control connections hear reason first. Others may come. */
void channels_detach(struct channels *channels, const char *reason);
/* Closes every connection; with CHANNELS_CLOSE_ENDED control connections hear reason first. Nobody is
 * admitted any more. */
void channels_close(struct channels *channels, unsigned code, const char *reason);

#endif
