/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer's parts. Everything runs on the loop's thread, except where a handler says otherwise. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_STREAMER_PRIV_H
#define ISTHMUS_WEBSTREAM_STREAMER_STREAMER_PRIV_H

#include "display/display_front_end.h"
#include "http/http_server.h"
#include "net/listener.h"
#include "webstream/streamer/channels.h"
#include "webstream/streamer/control_link.h"
#include "webstream/streamer/prints.h"

#define STREAMER_FRONT_ENDS_MAX 4

struct streamer {
    struct loop *loop;
    struct loop_signal *on_term, *on_int;
    struct loop_timer *closing;
    struct loop_timer *display_gone; /* runs while the host may still say why */
    struct control_link *link;
    struct session_info info;
    bool serving, stopping;
    int status;
    uint64_t stop_deadline, started_ms;
    struct source *source;
    struct screen *screen;
    struct input_group input; /* of every viewer, whatever it speaks */
    struct channels *channels;
    const struct display_front_end *const *known; /* that the program has, NULL-terminated */
    struct {
        const struct display_front_end *is;
        void *it;
    } front_end[STREAMER_FRONT_ENDS_MAX]; /* that run */
    size_t front_end_count;
    struct prints *prints; /* NULL: nothing can be printed */
    struct http_server *http;
    struct listener *listener;
    unsigned viewers, owners;
};

/* For the log; NULL before the host has named it. */
static inline const char *streamer_session(const struct streamer *s)
{
    return s->info.session_id[0] ? s->info.session_id : NULL;
}

/* streamer_front_ends.c: those of other protocols, that run. */
void streamer_front_ends_open(struct streamer *s);
void streamer_front_ends_close(struct streamer *s);
void streamer_front_ends_detach(struct streamer *s, const char *reason);
void streamer_front_ends_clipboard(struct streamer *s, const char *text, size_t len);
bool streamer_front_ends_pending(const struct streamer *s); /* they still have something to send */

/* streamer_http.c: listens. */
int streamer_http_start(struct streamer *s);

#endif
