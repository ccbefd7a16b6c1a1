/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Front-ends of other protocols (display/display_front_end.h), on the same screen as the channels. */
#include <string.h>

#include "base/log.h"
#include "webstream/streamer/streamer_priv.h"

void streamer_front_ends_open(struct streamer *s)
{
    const struct display_services services = {
        .loop = s->loop,
        .session_id = s->info.session_id,
        .screen = s->screen,
        .input = &s->input,
        .max_width = s->info.max_width,
        .max_height = s->info.max_height,
        .frame_rate = s->info.frame_rate,
        .clipboard = s->info.clipboard,
        .x11 = s->info.x11,
        .xauthority = s->info.xauthority,
        .link = s->info.rfb,
    };

    for (const struct display_front_end *const *at = s->known;
         *at && s->front_end_count < STREAMER_FRONT_ENDS_MAX; at++) {
        void *it = NULL;
        int r = (*at)->start(&services, &it);

        if (r < 0) { /* browsers are served without it */
            log_event(LOG_LEVEL_WARN, streamer_session(s), "%s is not there: %s", (*at)->name, strerror(-r));
            continue;
        }
        s->front_end[s->front_end_count].is = *at;
        s->front_end[s->front_end_count++].it = it;
    }
}

void streamer_front_ends_close(struct streamer *s)
{
    while (s->front_end_count > 0) {
        s->front_end_count--;
        s->front_end[s->front_end_count].is->destroy(s->front_end[s->front_end_count].it);
    }
}

void streamer_front_ends_detach(struct streamer *s, const char *reason)
{
    for (size_t i = 0; i < s->front_end_count; i++)
        s->front_end[i].is->detach(s->front_end[i].it, reason);
}

void streamer_front_ends_clipboard(struct streamer *s, const char *text, size_t len)
{
    for (size_t i = 0; i < s->front_end_count; i++)
        s->front_end[i].is->clipboard(s->front_end[i].it, text, len);
}

bool streamer_front_ends_pending(const struct streamer *s)
{
    for (size_t i = 0; i < s->front_end_count; i++) {
        if (s->front_end[i].is->pending(s->front_end[i].it) > 0)
            return true;
    }
    return false;
}
