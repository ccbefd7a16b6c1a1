/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of bench_player. Two threads: one plays frames into the display, one is the client that receives
 * them; the marker in the picture's corner says which frame it is that has arrived. */
#ifndef ISTHMUS_BENCH_H
#define ISTHMUS_BENCH_H

#include <stdatomic.h>
#include <stdio.h>

#include "display/frame.h"

#define BENCH_MAX_FRAMES 600
#define MARKER_CELLS 18 /* white, black, 16 bits of the frame's number, the highest first */
#define MARKER_CELL 8   /* pixels */

/* What is played. */
struct content {
    int width, height;
    size_t count;
    struct content_frame {
        uint32_t *pixels; /* the whole frame */
        struct frame_rect
            *rects; /* what changes; those of the first frame are void: it is put up as a whole */
        size_t rect_count;
    } frame[BENCH_MAX_FRAMES];
    uint64_t damaged; /* pixels of all rectangles, each counted once a frame */
};

/* Frames one after the other from a stream (B G R X), rectangles from a .dmg file. Ends the program when they
 * are broken. */
void content_read(struct content *c, FILE *frames, FILE *damage, size_t max);
/* A terminal that scrolls coloured text and a line that is typed: needs no file. */
void content_synthetic(struct content *c, size_t count);

struct player;
struct player *player_open(const char *socket_path, const char *xauthority, unsigned display,
                           const struct content *c);
/* Puts frame i and its marker (number i + 1) up; returns when the display has drawn it. */
void player_show(struct player *p, const struct content *c, size_t i);
void player_close(struct player *p);

struct client {
    unsigned port;
    const char *session;
    const uint8_t *key;
    const char *password; /* of an RFB server; NULL: it is a streamer */
    int compression;      /* asked of it, 1 ... 9 */
    int width, height;
    uint32_t *canvas;
    _Atomic unsigned shown;   /* number of the newest frame on the canvas */
    _Atomic bool ready, stop; /* the first picture is there; the end is near */
    _Atomic uint64_t bytes;
    _Atomic unsigned updates;
    uint64_t arrived_us[BENCH_MAX_FRAMES + 2],
        decoded_us[BENCH_MAX_FRAMES + 2]; /* by number; 0: never seen */
};

/* A thread's function; arg is the client. Ends the program when the streamer breaks the protocol. */
void *client_run(void *arg);
/* The same for an RFB server, asked for Tight with JPEG of quality 8. */
void *client_run_rfb(void *arg);
/* Notes the marker in the canvas' corner, if there is one: complete since arrived_us, decoded now. */
void client_look(struct client *c, uint64_t arrived_us);

/* Prints a sentence and ends the program. */
void bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t bench_now_us(void);

#endif
