/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/streamer.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "display/source_x11.h"
#include "webstream/streamer/options.h"
#include "webstream/streamer/streamer_priv.h"

#define CLOSE_WAIT_MS 2500 /* for viewers to take their close frames */
#define CLOSE_STEP_MS 10
#define REASON_WAIT_MS 1000 /* for the host to say that the session ends */

static bool is_busy(const struct streamer *s)
{
    return (s->screen && screen_pending(s->screen) > 0) || streamer_front_ends_pending(s);
}

/* Ends the process when everybody has been told, or has had the time for it. */
static void on_closing(void *arg)
{
    struct streamer *s = arg;
    bool told =
        !s->channels || channels_count(s->channels) == 0 || clock_monotonic_ms(NULL) >= s->stop_deadline;

    if (told && !is_busy(s))
        loop_stop(s->loop);
}

static void stop(struct streamer *s, int status, unsigned code, const char *reason)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->status = status;
    s->stop_deadline = clock_monotonic_ms(NULL) + CLOSE_WAIT_MS;
    s->listener = listener_destroy(s->listener);
    if (s->channels)
        channels_close(s->channels, code, reason);
    streamer_front_ends_detach(s, reason);
    loop_timer_start(s->closing, 0, CLOSE_STEP_MS);
}

static void on_signal(void *arg, int signum)
{
    struct streamer *s = arg;

    log_event(LOG_LEVEL_INFO, streamer_session(s), "stopping on signal %d", signum);
    stop(s, 0, CHANNELS_CLOSE_RESTART, "the streamer stops");
    if (signum == SIGINT)
        s->stop_deadline = 0;
}

/* The screen's events. */

static void on_resized(void *arg, int width, int height)
{
    struct streamer *s = arg;

    log_event(LOG_LEVEL_INFO, streamer_session(s), "the screen is %d x %d", width, height);
    if (s->channels)
        channels_resized(s->channels, width, height);
}

static void on_display_gone(void *arg)
{
    stop(arg, 1, CHANNELS_CLOSE_RESTART, "the display has failed");
}

/* A session that ends takes its display along, and the display is often the first to say so. The viewers are
 * to be told of the end then, and not of a failure. */
static void on_failed(void *arg, int error)
{
    struct streamer *s = arg;

    log_event(LOG_LEVEL_WARN, streamer_session(s), "the display is gone: %s", strerror(-error));
    loop_timer_start(s->display_gone, s->link ? REASON_WAIT_MS : 0, 0);
}

/* What a program has copied. */
static void on_clipboard(void *arg, const char *text, size_t len)
{
    streamer_front_ends_clipboard(arg, text, len);
}

/* The channels' events. */

static void on_attached(void *arg, const char *channel)
{
    log_event(LOG_LEVEL_INFO, streamer_session(arg), "%s attached", channel);
}

static void on_refused(void *arg, const char *channel, const char *why)
{
    log_event(LOG_LEVEL_WARN, streamer_session(arg), "%s refused: %s", channel, why);
}

static void on_closed(void *arg, const char *channel, const char *why)
{
    if (why)
        log_event(LOG_LEVEL_INFO, streamer_session(arg), "%s closed: %s", channel, why);
    else
        log_event(LOG_LEVEL_INFO, streamer_session(arg), "%s detached", channel);
}

static void on_viewers(void *arg, unsigned viewers, unsigned owners)
{
    struct streamer *s = arg;
    bool changed = s->viewers != viewers || s->owners != owners;

    s->viewers = viewers;
    s->owners = owners;
    if (changed && s->link && s->serving)
        control_link_viewers(s->link, viewers, owners);
    prints_announce(s->prints);
}

/* Start of service. */

static int open_display(struct streamer *s)
{
    static const struct screen_events events = {on_resized, on_failed, on_clipboard};
    const struct source_x11_options x11 = {s->info.x11, s->info.xauthority, s->info.display};
    struct screen_options options = {
        .loop = s->loop,
        .frame_rate = s->info.frame_rate,
        .compression = (enum encode_compression)s->info.compression,
        .clipboard = s->info.clipboard,
        .events = &events,
        .arg = s,
    };
    cleanup_free char *cause = NULL;
    int r = source_x11_create(s->loop, &x11, &s->source, &cause);

    if (r < 0) {
        log_event(LOG_LEVEL_ERROR, streamer_session(s), "%s", cause);
        return r;
    }
    options.source = s->source;
    input_group_init(&s->input, s->source);
    return screen_create(&options, &s->screen);
}

static int open_channels(struct streamer *s)
{
    static const struct channels_events events = {on_attached, on_refused, on_closed, on_viewers};
    const struct channels_options options = {
        .loop = s->loop,
        .screen = s->screen,
        .input = &s->input,
        .session_id = s->info.session_id,
        .key = s->info.key,
        .bind = s->info.bind,
        .port = s->info.ws_port,
        .max_width = s->info.max_width,
        .max_height = s->info.max_height,
        .events = &events,
        .arg = s,
    };

    return channels_create(&options, &s->channels);
}

/* A session that cannot print is better than none. */
static void open_prints(struct streamer *s)
{
    int r = *s->info.print ? prints_create(s->loop, s->info.print, s->channels, &s->prints) : 0;

    if (r < 0)
        log_event(LOG_LEVEL_WARN, streamer_session(s), "printed documents cannot be seen: %s", strerror(-r));
}

static void tell_ready(struct streamer *s)
{
    unsigned ws = channels_port(s->channels), http = listener_port(s->listener);
    const char *fd_text = getenv("ISTHMUS_READY_FD");
    int64_t fd;

    log_event(LOG_LEVEL_INFO, streamer_session(s), "serving: ws=%u http=%u", ws, http);
    if (!fd_text || str_to_int(fd_text, 3, INT32_MAX, &fd) < 0)
        return;
    dprintf((int)fd, "READY ws=%u http=%u\n", ws, http);
    close((int)fd);
    unsetenv("ISTHMUS_READY_FD");
}

static int serve(struct streamer *s)
{
    int r = open_display(s);

    if (r < 0)
        return r;
    r = open_channels(s);
    if (r == 0) {
        open_prints(s);
        r = streamer_http_start(s);
    }
    if (r < 0) {
        log_event(LOG_LEVEL_ERROR, streamer_session(s), "ports %u and %u at %s: %s", s->info.ws_port,
                  s->info.http_port, s->info.bind, strerror(-r));
        return r;
    }
    streamer_front_ends_open(s);
    s->serving = true;
    tell_ready(s);
    return 0;
}

/* The session host's messages. */

static void on_info(void *arg, const struct session_info *info)
{
    struct streamer *s = arg;

    if (s->stopping)
        return;
    if (s->serving && !str_eq(info->session_id, s->info.session_id)) {
        log_event(LOG_LEVEL_ERROR, streamer_session(s), "the host names another session");
        stop(s, 1, CHANNELS_CLOSE_RESTART, "the host names another session");
        return;
    }
    if (!s->serving) {
        s->info = *info;
        if (serve(s) < 0) {
            stop(s, 1, CHANNELS_CLOSE_RESTART, "the streamer cannot serve");
            return;
        }
    }
    control_link_ready(s->link, channels_port(s->channels), listener_port(s->listener));
    control_link_viewers(s->link, s->viewers, s->owners);
}

static void on_host_refused(void *arg, const char *error)
{
    struct streamer *s = arg;

    log_event(LOG_LEVEL_ERROR, streamer_session(s), "the host has no session for this streamer: %s", error);
    stop(s, 1, CHANNELS_CLOSE_RESTART, "the session is unknown");
}

static void on_ending(void *arg, const char *reason)
{
    struct streamer *s = arg;

    log_event(LOG_LEVEL_INFO, streamer_session(s), "the session ends: %s", reason);
    stop(s, 0, CHANNELS_CLOSE_ENDED, reason);
}

static void on_detach(void *arg, const char *reason)
{
    struct streamer *s = arg;

    log_event(LOG_LEVEL_INFO, streamer_session(s), "every viewer is detached: %s", reason);
    if (s->channels)
        channels_detach(s->channels, reason);
    streamer_front_ends_detach(s, reason);
}

static void on_bad(void *arg)
{
    log_event(LOG_LEVEL_WARN, streamer_session(arg), "the host sent a message that is none");
}

static void on_lost(void *arg)
{
    const struct streamer *s = arg;

    if (!s->stopping)
        log_event(LOG_LEVEL_WARN, streamer_session(s), "the host is away; going on without it");
}

static int start(struct streamer *s, const struct streamer_options *options)
{
    static const struct control_link_events events = {on_info,   on_host_refused, on_ending,
                                                      on_detach, on_bad,          on_lost};
    int r = loop_signal_create(s->loop, SIGTERM, on_signal, s, &s->on_term);

    if (r == 0)
        r = loop_signal_create(s->loop, SIGINT, on_signal, s, &s->on_int);
    if (r == 0)
        r = loop_timer_create(s->loop, on_closing, s, &s->closing);
    if (r == 0)
        r = loop_timer_create(s->loop, on_display_gone, s, &s->display_gone);
    if (r < 0)
        return r;
    if (options->control)
        return control_link_create(s->loop, options->control, options->username, &events, s, &s->link);
    s->info = options->info;
    return serve(s);
}

static void finish(struct streamer *s)
{
    s->link = control_link_destroy(s->link);
    listener_destroy(s->listener);
    http_server_destroy(s->http);
    s->prints = prints_destroy(s->prints);
    streamer_front_ends_close(s);
    s->channels = channels_destroy(s->channels);
    screen_destroy(s->screen);
    source_destroy(s->source);
    loop_timer_destroy(s->closing);
    loop_timer_destroy(s->display_gone);
    loop_signal_destroy(s->on_term);
    loop_signal_destroy(s->on_int);
}

int streamer_main(int argc, char **argv, const struct display_front_end *const *front_ends)
{
    struct streamer_options options;
    struct streamer s = {.known = front_ends, .started_ms = clock_monotonic_ms(NULL)};
    int r = streamer_options_parse(argc, argv, &options);

    enum log_level level = LOG_LEVEL_INFO; /* as its keeper was told, in the environment */
    const char *level_text = getenv("ISTHMUS_LOG_LEVEL");
    (void)log_level_parse(level_text ? level_text : "info", &level);
    log_init("streamer", level,
             str_eq(getenv("ISTHMUS_LOG_FORMAT"), "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
    if (r < 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    if (loop_create(&s.loop) < 0)
        return 1;
    r = start(&s, &options);
    if (r == 0)
        loop_run(s.loop);
    else
        s.status = 1;
    finish(&s);
    loop_destroy(s.loop);
    secret_wipe(&s.info, sizeof(s.info));
    return s.status;
}
