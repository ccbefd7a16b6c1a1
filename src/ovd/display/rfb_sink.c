/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/rfb_sink.h"

#include <utlist.h>

#include "base/secret.h"
#include "base/str.h"
#include "ovd/display/rfb_sink_priv.h"

static const struct rfb_sink_events no_events;
static unsigned sinks; /* of this process; the loop's */

static void on_update(void *arg, const struct frame *frame, const pixman_region32_t *region, bool full)
{
    struct rfb_sink *s = arg;
    bool resized = frame->width != s->width || frame->height != s->height;
    struct rfb_patch *patch = rfb_patch_new(frame, region);
    struct rfb_client *c;

    (void)full;
    if (!patch)
        abort(); /* as xcalloc: the picture would stay wrong */
    s->width = frame->width;
    s->height = frame->height;
    rfb_engine_patch(s->engine, patch);
    if (!resized)
        return;
    DL_FOREACH(s->clients, c)
    rfb_dispatch_resized(c);
}

/* Clients hear of it without having asked for pixels. */
static void on_resized(void *arg, int width, int height)
{
    struct rfb_sink *s = arg;

    (void)width;
    (void)height;
    sink_ready(s->tap);
}

static void on_cursor(void *arg, const struct frame_cursor *cursor)
{
    struct rfb_sink *s = arg;

    rfb_engine_cursor(s->engine, cursor);
}

static void on_pointer(void *arg, int x, int y)
{
    struct rfb_sink *s = arg;

    rfb_engine_pointer(s->engine, x, y, NULL);
}

static void on_want(void *arg)
{
    struct rfb_sink *s = arg;

    /* The engine asks again when it has taken what is on its way. */
    if (!rfb_engine_has_patch(s->engine))
        sink_ready(s->tap);
}

static int start(struct rfb_sink *s)
{
    static const struct sink_ops ops = {on_update, on_resized, on_cursor, on_pointer};
    const struct frame *frame = source_frame(screen_source(s->options.screen));
    int r;

    if (s->engine)
        return 0;
    r = rfb_engine_create(s->options.loop, s->name, on_want, s, &s->engine);
    if (r < 0)
        return r;
    s->width = frame->width;
    s->height = frame->height;
    s->tap = sink_create(s->options.screen, &ops, s);
    sink_ready(s->tap);
    return 0;
}

static void stop(struct rfb_sink *s)
{
    s->tap = sink_destroy(s->tap);
    s->engine = rfb_engine_destroy(s->engine);
}

/* The newest of a participant's clients pushes its oldest out, when there are too many. */
static void displace(struct rfb_sink *s, const struct rfb_client *newest)
{
    struct rfb_client *c, *first = NULL;
    unsigned count = 0;

    DL_FOREACH(s->clients, c)
    {
        if (c->who != newest->who)
            continue;
        first = first || c == newest ? first : c;
        count++;
    }
    if (first && count > RFB_CLIENTS_PER_PARTICIPANT)
        rfb_client_close(first, "its participant has come too often");
}

int rfb_sink_join(struct rfb_client *client, const struct rfb_participant *who)
{
    struct rfb_sink *s = client->sink;
    int r = start(s);

    if (r < 0)
        return r;
    client->who = who;
    (void)str_copy(client->participant, sizeof(client->participant), who->id);
    client->shared = rfb_shared_new();
    atomic_store(&client->shared->active, !who->view_only);
    input_open(&client->input, s->input);
    s->joined_count++;
    displace(s, client); /* its callback may remove who */
    if (s->options.events->joined)
        s->options.events->joined(s->options.arg, client->id, client->participant);
    return 0;
}

void rfb_sink_left(struct rfb_client *client)
{
    struct rfb_sink *s = client->sink;
    bool joined = client->participant[0] != '\0';

    input_close(&client->input);
    DL_DELETE(s->clients, client);
    s->client_count--;
    if (joined && --s->joined_count == 0)
        stop(s);
    if (!s->destroying && s->options.events->left)
        s->options.events->left(s->options.arg, client->id, joined ? client->participant : NULL, client->why);
}

int rfb_sink_create(const struct rfb_sink_options *options, struct rfb_sink **ret_sink)
{
    struct rfb_sink *s = xcalloc(1, sizeof(*s));

    s->options = *options;
    if (!s->options.events)
        s->options.events = &no_events;
    if (s->options.max_width <= 0)
        s->options.max_width = FRAME_MAX_WIDTH;
    if (s->options.max_height <= 0)
        s->options.max_height = FRAME_MAX_HEIGHT;
    s->name = xstrdup(options->name);
    s->input = options->input;
    if (!s->input) {
        input_group_init(&s->own_input, screen_source(options->screen));
        s->input = &s->own_input;
    }
    sinks++;
    *ret_sink = s;
    return 0;
}

static void participant_free(struct rfb_participant *p)
{
    secret_wipe(p->password, sizeof(p->password));
    free(p);
}

struct rfb_sink *rfb_sink_destroy(struct rfb_sink *sink)
{
    struct rfb_client *c, *next_client;
    struct rfb_participant *p, *next;

    if (!sink)
        return NULL;
    sink->destroying = true;
    DL_FOREACH_SAFE(sink->clients, c, next_client)
    rfb_client_close(c, NULL);
    DL_FOREACH_SAFE(sink->participants, p, next)
    participant_free(p);
    if (--sinks == 0)
        rfb_engine_settle();
    free(sink->name);
    free(sink);
    return NULL;
}

static struct rfb_participant *find(const struct rfb_sink *s, const char *id)
{
    struct rfb_participant *p;

    DL_FOREACH(s->participants, p)
    if (str_eq(p->id, id))
        return p;
    return NULL;
}

static void now_passive(struct rfb_sink *s, const struct rfb_participant *p)
{
    const struct control_message release = {.type = CONTROL_RELEASE_KEYS};
    struct rfb_client *c;

    DL_FOREACH(s->clients, c)
    {
        if (c->who != p)
            continue;
        atomic_store(&c->shared->active, !p->view_only);
        if (p->view_only)
            (void)input_message(&c->input, &release);
    }
}

int rfb_sink_participant_set(struct rfb_sink *sink, const char *id, const char *password, bool view_only)
{
    size_t id_len = strnlen(id, RFB_PARTICIPANT_LEN + 1), len = strnlen(password, RFB_PASSWORD_LEN + 1);
    struct rfb_participant *p = find(sink, id);

    if (id_len == 0 || id_len > RFB_PARTICIPANT_LEN || len == 0 || len > RFB_PASSWORD_LEN)
        return -EINVAL;
    if (!p) {
        if (sink->participant_count >= RFB_PARTICIPANTS_MAX)
            return -ENOSPC;
        p = xcalloc(1, sizeof(*p));
        (void)str_copy(p->id, sizeof(p->id), id);
        DL_APPEND(sink->participants, p);
        sink->participant_count++;
    }
    secret_wipe(p->password, sizeof(p->password));
    memcpy(p->password, password, len);
    if (p->view_only != view_only) {
        p->view_only = view_only;
        now_passive(sink, p);
    }
    return 0;
}

static struct rfb_client *client_of(const struct rfb_sink *s, const struct rfb_participant *p)
{
    struct rfb_client *c;

    DL_FOREACH(s->clients, c)
    if (!c->doomed && (c->who == p || c->wanted == p))
        return c;
    return NULL;
}

void rfb_sink_participant_remove(struct rfb_sink *sink, const char *id)
{
    struct rfb_participant *p = find(sink, id);
    struct rfb_client *c;

    if (!p)
        return;
    /* Off the list first, and from the start after each client: the callbacks may remove and add others. */
    DL_DELETE(sink->participants, p);
    sink->participant_count--;
    while ((c = client_of(sink, p)))
        rfb_client_close(c, "its participant has been removed");
    participant_free(p);
}

/* Of those who have not proved a password the one that came first; NULL: all have. */
static struct rfb_client *find_stranger(const struct rfb_sink *s)
{
    struct rfb_client *c;

    DL_FOREACH(s->clients, c)
    if (c->participant[0] == '\0' && !c->doomed)
        return c;
    return NULL;
}

static bool make_room(struct rfb_sink *s)
{
    struct rfb_client *stranger = s->client_count < RFB_CLIENTS_MAX ? NULL : find_stranger(s);

    if (stranger)
        rfb_client_close(stranger, "others came before it had proved a password");
    return s->client_count < RFB_CLIENTS_MAX;
}

int rfb_sink_add_client(struct rfb_sink *sink, int fd, const char *participant, unsigned *ret_client)
{
    const struct rfb_participant *wanted = NULL;
    struct rfb_client *c = NULL;
    int r = make_room(sink) ? 0 : -EUSERS;

    if (participant && !(wanted = find(sink, participant)))
        r = -ENOENT;
    if (r < 0) {
        close(fd);
        return r;
    }
    r = rfb_client_create(sink, fd, wanted, &c);
    if (r < 0)
        return r;
    c->id = ++sink->last_id;
    DL_APPEND(sink->clients, c);
    sink->client_count++;
    if (ret_client)
        *ret_client = c->id;
    return 0;
}

unsigned rfb_sink_clients(const struct rfb_sink *sink)
{
    return sink->client_count;
}

void rfb_sink_drop_clients(struct rfb_sink *sink, const char *why)
{
    struct rfb_client *c;

    do { /* from the start after each: the callbacks may remove others */
        DL_FOREACH(sink->clients, c)
        if (!c->doomed)
            break;
        if (c)
            rfb_client_close(c, why);
    } while (c);
}

void rfb_sink_each_joined(const struct rfb_sink *sink, void (*fn)(void *arg, const char *participant),
                          void *arg)
{
    const struct rfb_client *c;

    DL_FOREACH(sink->clients, c)
    if (c->participant[0] != '\0')
        fn(arg, c->participant);
}

int rfb_sink_clipboard(struct rfb_sink *sink, const char *text, size_t len)
{
    struct rfb_text latin1, utf8;

    if (len > RFB_CLIPBOARD_MAX)
        return -EMSGSIZE;
    if (!str_is_utf8(text, len, false))
        return -EINVAL;
    if (!sink->engine)
        return 0;
    if (rfb_text_to_latin1(text, len, &latin1) < 0)
        return -ENOMEM;
    if (rfb_text_to_crlf(text, len, &utf8) < 0) {
        free(latin1.data);
        return -ENOMEM;
    }
    rfb_engine_text(sink->engine, latin1, utf8);
    return 0;
}
