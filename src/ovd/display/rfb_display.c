/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_display.h"

#include "display/source_x11.h"

#define DESKTOP_NAME "Isthmus"

struct rfb_display {
    struct rfb_display_options options;
    char *name;
    bool dead;
    struct screen *screen;
    struct rfb_sink *sink;
    /* Of a further display: */
    struct source *own_source;
    struct screen *own_screen;
    struct input_group own_input;
};

static void on_joined(void *arg, unsigned client, const char *participant)
{
    struct rfb_display *d = arg;

    (void)client;
    d->options.events->joined(d->options.arg, d, participant);
}

static void on_left(void *arg, unsigned client, const char *participant, const char *why)
{
    struct rfb_display *d = arg;

    (void)client;
    d->options.events->left(d->options.arg, d, participant, why);
}

/* The programs can paste it. Other viewers are not told: what a person copies at home is theirs. */
static void on_text(void *arg, const char *participant, const char *text, size_t len)
{
    struct rfb_display *d = arg;

    (void)participant;
    (void)screen_clipboard(d->screen, text, len);
}

static void on_failed(void *arg, int error)
{
    struct rfb_display *d = arg;

    d->dead = true;
    rfb_sink_drop_clients(d->sink, "the display is gone");
    d->options.events->failed(d->options.arg, d, error);
}

static void on_copied(void *arg, const char *text, size_t len)
{
    rfb_display_copied(arg, text, len);
}

static int open_screen(struct rfb_display *d, char **ret_cause)
{
    static const struct screen_events events = {.failed = on_failed, .clipboard = on_copied};
    const struct rfb_display_options *o = &d->options;
    const struct source_x11_options x11 = {o->x11, o->xauthority, o->number};
    struct screen_options screen = {
        .loop = o->loop,
        .frame_rate = o->frame_rate,
        .compression = ENCODE_FASTEST, /* no browser looks */
        .clipboard = o->clipboard,
        .events = &events,
        .arg = d,
    };
    int r = source_x11_create(o->loop, &x11, &d->own_source, ret_cause);

    if (r < 0)
        return r;
    screen.source = d->own_source;
    input_group_init(&d->own_input, d->own_source);
    return screen_create(&screen, &d->own_screen);
}

int rfb_display_create(const struct rfb_display_options *options, struct rfb_display **ret_display,
                       char **ret_cause)
{
    static const struct rfb_sink_events events = {on_joined, on_left, on_text};
    struct rfb_display *d = xcalloc(1, sizeof(*d));
    struct rfb_sink_options sink = {
        .loop = options->loop,
        .name = DESKTOP_NAME,
        .max_width = options->max_width,
        .max_height = options->max_height,
        .events = &events,
        .arg = d,
    };
    char *cause = NULL;
    int r;

    d->options = *options;
    d->name = xstrdup(options->name);
    r = options->screen ? 0 : open_screen(d, &cause);
    if (r == 0) {
        sink.screen = d->screen = options->screen ? options->screen : d->own_screen;
        sink.input = options->screen ? options->input : &d->own_input;
        r = rfb_sink_create(&sink, &d->sink);
    }
    if (r < 0) {
        rfb_display_destroy(d);
        *ret_cause = cause ? cause : xstrdup(strerror(-r));
        return r;
    }
    *ret_display = d;
    return 0;
}

struct rfb_display *rfb_display_destroy(struct rfb_display *display)
{
    if (!display)
        return NULL;
    rfb_sink_destroy(display->sink);
    screen_destroy(display->own_screen);
    source_destroy(display->own_source);
    free(display->name);
    free(display);
    return NULL;
}

const char *rfb_display_name(const struct rfb_display *display)
{
    return display->name;
}

unsigned rfb_display_number(const struct rfb_display *display)
{
    return display->options.number;
}

bool rfb_display_is_alive(const struct rfb_display *display)
{
    return !display->dead;
}

struct rfb_sink *rfb_display_sink(struct rfb_display *display)
{
    return display->sink;
}

void rfb_display_copied(struct rfb_display *display, const char *text, size_t len)
{
    (void)rfb_sink_clipboard(display->sink, text, len);
}

unsigned rfb_display_pending(const struct rfb_display *display)
{
    return display->own_screen ? screen_pending(display->own_screen) : 0;
}
