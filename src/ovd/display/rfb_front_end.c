/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_front_end.h"

#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "ovd/display/display_link.h"
#include "ovd/display/rfb_display.h"

/* Kept for displays to come. */
struct participant {
    char id[DISPLAY_LINE_PARTICIPANT_LEN];
    char password[DISPLAY_LINE_PASSWORD_LEN];
    bool view_only, one_display;
    char display[DISPLAY_LINE_INSTANCE_LEN]; /* the one */
    bool named;                              /* on this connection */
};

struct rfb_front_end {
    struct display_services services; /* its strings are not used */
    char *session_id, *x11_dir, *xauthority;
    struct display_link *link; /* NULL: none */
    struct {
        struct rfb_display *is;
        bool named;
    } display[RFB_DISPLAYS_MAX]; /* the first is the session's own */
    size_t display_count;
    struct participant participant[RFB_PARTICIPANTS_MAX];
    size_t participant_count;
};

/* What happens at the displays */

static void on_joined(void *arg, const struct rfb_display *display, const char *participant)
{
    struct rfb_front_end *f = arg;

    log_event(LOG_LEVEL_INFO, f->session_id, "RFB client of %s joined%s%s", participant,
              *rfb_display_name(display) ? " at " : "", rfb_display_name(display));
    display_link_tell(f->link, DISPLAY_LINE_JOINED, rfb_display_name(display), participant);
}

static void on_left(void *arg, const struct rfb_display *display, const char *participant, const char *why)
{
    struct rfb_front_end *f = arg;

    if (participant || why)
        log_event(LOG_LEVEL_INFO, f->session_id, "RFB client%s%s left%s%s", participant ? " of " : "",
                  participant ? participant : "", why ? ": " : "", why ? why : "");
    if (participant)
        display_link_tell(f->link, DISPLAY_LINE_LEFT, rfb_display_name(display), participant);
}

static void on_failed(void *arg, const struct rfb_display *display, int error)
{
    struct rfb_front_end *f = arg;

    log_event(LOG_LEVEL_WARN, f->session_id, "the display of %s is gone: %s", rfb_display_name(display),
              strerror(-error));
}

/* Displays */

static size_t find_display(const struct rfb_front_end *f, const char *name)
{
    size_t i = 0;

    while (i < f->display_count && !str_eq(rfb_display_name(f->display[i].is), name))
        i++;
    return i;
}

/* Who does not belong to a display is no participant there: no client can prove to be it. */
static void place_participant(const struct participant *p, struct rfb_display *display)
{
    struct rfb_sink *sink = rfb_display_sink(display);

    if (p->one_display && !str_eq(p->display, rfb_display_name(display)))
        rfb_sink_participant_remove(sink, p->id);
    else
        (void)rfb_sink_participant_set(sink, p->id, p->password, p->view_only);
}

static int open_display(struct rfb_front_end *f, const char *name, unsigned number)
{
    static const struct rfb_display_events events = {on_joined, on_left, on_failed};
    const bool own = *name == '\0';
    cleanup_free char *socket = xasprintf("%s/X%u", f->x11_dir, number);
    cleanup_free char *cause = NULL;
    const struct rfb_display_options options = {
        .loop = f->services.loop,
        .name = name,
        .screen = own ? f->services.screen : NULL,
        .input = own ? f->services.input : NULL,
        .x11 = socket,
        .number = number,
        .xauthority = f->xauthority,
        .max_width = f->services.max_width,
        .max_height = f->services.max_height,
        .frame_rate = f->services.frame_rate,
        .clipboard = f->services.clipboard,
        .events = &events,
        .arg = f,
    };
    struct rfb_display *display;
    int r = f->display_count < RFB_DISPLAYS_MAX ? 0 : -ENOSPC;

    if (r == 0)
        r = rfb_display_create(&options, &display, &cause);
    if (r < 0) {
        log_event(LOG_LEVEL_WARN, f->session_id, "the display of %s cannot be shown: %s", name,
                  cause ? cause : strerror(-r));
        return r;
    }
    for (size_t i = 0; i < f->participant_count; i++)
        place_participant(&f->participant[i], display);
    f->display[f->display_count].is = display;
    f->display[f->display_count++].named = true;
    return 0;
}

static void close_display(struct rfb_front_end *f, size_t at)
{
    struct rfb_display *display = f->display[at].is;

    rfb_sink_drop_clients(rfb_display_sink(display), "its display is over");
    f->display[at] = f->display[--f->display_count];
    rfb_display_destroy(display);
}

/* The host's words */

static void on_instance(struct rfb_front_end *f, const char *name, unsigned number)
{
    size_t at = find_display(f, name);

    if (at < f->display_count) {
        f->display[at].named = true;
        if (rfb_display_is_alive(f->display[at].is) && rfb_display_number(f->display[at].is) == number)
            return;
        close_display(f, at);
    }
    (void)open_display(f, name, number);
}

static void on_gone(struct rfb_front_end *f, const char *name)
{
    size_t at = find_display(f, name);

    if (at > 0 && at < f->display_count)
        close_display(f, at);
}

static void on_client(struct rfb_front_end *f, const char *name, int fd)
{
    size_t at = find_display(f, name);
    int r = -ENOENT;

    if (at < f->display_count && rfb_display_is_alive(f->display[at].is))
        r = rfb_sink_add_client(rfb_display_sink(f->display[at].is), fd, NULL, NULL); /* takes fd */
    else
        close(fd);
    if (r < 0)
        log_event(LOG_LEVEL_WARN, f->session_id, "RFB client refused%s%s: %s", *name ? " at " : "", name,
                  r == -ENOENT   ? "there is no such display"
                  : r == -EUSERS ? "too many clients"
                                 : strerror(-r));
}

static void on_participant(struct rfb_front_end *f, const struct display_line *line)
{
    struct participant *p = f->participant, *end = p + f->participant_count;

    while (p < end && !str_eq(p->id, line->participant))
        p++;
    if (p == f->participant + RFB_PARTICIPANTS_MAX) {
        log_event(LOG_LEVEL_WARN, f->session_id, "more RFB participants than %d", RFB_PARTICIPANTS_MAX);
        return;
    }
    if (p == end)
        f->participant_count++;
    (void)str_copy(p->id, sizeof(p->id), line->participant);
    memcpy(p->password, line->password, sizeof(p->password));
    p->view_only = line->view_only;
    p->one_display = line->one_display;
    memcpy(p->display, line->instance, sizeof(p->display));
    p->named = true;
    for (size_t i = 0; i < f->display_count; i++)
        place_participant(p, f->display[i].is);
}

static void remove_participant(struct rfb_front_end *f, size_t at)
{
    struct participant gone = f->participant[at], *last = &f->participant[f->participant_count - 1];

    f->participant[at] = *last;
    secret_wipe(last, sizeof(*last));
    f->participant_count--;
    for (size_t i = 0; i < f->display_count; i++)
        rfb_sink_participant_remove(rfb_display_sink(f->display[i].is), gone.id);
    secret_wipe(&gone, sizeof(gone));
}

static void on_remove(struct rfb_front_end *f, const char *id)
{
    for (size_t i = 0; i < f->participant_count; i++) {
        if (str_eq(f->participant[i].id, id)) {
            remove_participant(f, i);
            return;
        }
    }
}

static void on_hello(struct rfb_front_end *f)
{
    for (size_t i = 0; i < f->participant_count; i++)
        f->participant[i].named = false;
    for (size_t i = 0; i < f->display_count; i++)
        f->display[i].named = i == 0;
}

struct joined_at {
    struct rfb_front_end *front_end;
    const char *display;
};

static void tell_joined(void *arg, const char *participant)
{
    const struct joined_at *at = arg;

    display_link_tell(at->front_end->link, DISPLAY_LINE_JOINED, at->display, participant);
}

/* Everybody has been named: the others have gone while the host was away. */
static void on_listed(struct rfb_front_end *f)
{
    for (size_t i = f->participant_count; i > 0; i--)
        if (!f->participant[i - 1].named)
            remove_participant(f, i - 1);
    for (size_t i = f->display_count; i > 1; i--)
        if (!f->display[i - 1].named)
            close_display(f, i - 1);
    for (size_t i = 0; i < f->display_count; i++) {
        struct joined_at at = {f, rfb_display_name(f->display[i].is)};

        rfb_sink_each_joined(rfb_display_sink(f->display[i].is), tell_joined, &at);
    }
}

static void on_line(void *arg, const struct display_line *line, int fd)
{
    struct rfb_front_end *f = arg;

    switch (line->verb) {
    case DISPLAY_LINE_HELLO:
        on_hello(f);
        break;
    case DISPLAY_LINE_PARTICIPANT:
        on_participant(f, line);
        break;
    case DISPLAY_LINE_REMOVE:
        on_remove(f, line->participant);
        break;
    case DISPLAY_LINE_INSTANCE:
        on_instance(f, line->instance, (unsigned)line->display);
        break;
    case DISPLAY_LINE_GONE:
        on_gone(f, line->instance);
        break;
    case DISPLAY_LINE_LISTED:
        on_listed(f);
        break;
    case DISPLAY_LINE_CLIENT:
        on_client(f, line->instance, fd);
        break;
    case DISPLAY_LINE_JOINED:
    case DISPLAY_LINE_LEFT:
        break; /* our own words */
    }
}

static void on_lost(void *arg)
{
    const struct rfb_front_end *f = arg;

    log_event(LOG_LEVEL_WARN, f->session_id, "no RFB clients come until the host is back");
}

/* The front-end */

static void destroy(void *front_end)
{
    struct rfb_front_end *f = front_end;

    if (!f)
        return;
    f->link = display_link_destroy(f->link);
    while (f->display_count > 0)
        rfb_display_destroy(f->display[--f->display_count].is);
    secret_wipe(f->participant, sizeof(f->participant));
    free(f->session_id);
    free(f->x11_dir);
    free(f->xauthority);
    free(f);
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? xasprintf("%.*s", (int)(slash - path), path) : xstrdup(".");
}

static int start(const struct display_services *services, void **ret_front_end)
{
    static const struct display_link_events events = {on_line, on_lost};
    struct rfb_front_end *f = xcalloc(1, sizeof(*f));
    int r = 0;

    f->services = *services;
    f->session_id = xstrdup(services->session_id);
    f->x11_dir = directory_of(services->x11);
    f->xauthority = xstrdup(services->xauthority);
    if (*services->link) {
        r = open_display(f, "", 0);
        if (r == 0)
            r = display_link_create(services->loop, services->link, &events, f, &f->link);
    }
    if (r < 0) {
        destroy(f);
        return r;
    }
    *ret_front_end = f;
    return 0;
}

static void clipboard(void *front_end, const char *text, size_t len)
{
    struct rfb_front_end *f = front_end;

    if (f->display_count > 0)
        rfb_display_copied(f->display[0].is, text, len);
}

static void detach(void *front_end, const char *reason)
{
    struct rfb_front_end *f = front_end;

    (void)reason; /* RFB has no word for it */
    for (size_t i = 0; i < f->display_count; i++)
        rfb_sink_drop_clients(rfb_display_sink(f->display[i].is), "everybody is detached");
}

static unsigned pending(const void *front_end)
{
    const struct rfb_front_end *f = front_end;
    unsigned count = 0;

    for (size_t i = 0; i < f->display_count; i++)
        count += rfb_display_pending(f->display[i].is);
    return count;
}

const struct display_front_end ovd_rfb_front_end = {
    .name = "RFB",
    .start = start,
    .clipboard = clipboard,
    .detach = detach,
    .pending = pending,
    .destroy = destroy,
};
