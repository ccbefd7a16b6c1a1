/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A viewer's text, given to the programs that ask for it. */
#include "base/clock.h"
#include "display/clip_text.h"
#include "display/source_x11_clip_priv.h"

/* The program learns whether, and where, it has what it asked for. */
static void answer(struct x11 *x, const xcb_selection_request_event_t *request, bool given)
{
    xcb_selection_notify_event_t notify = {.response_type = XCB_SELECTION_NOTIFY,
                                           .time = request->time,
                                           .requestor = request->requestor,
                                           .selection = request->selection,
                                           .target = request->target,
                                           .property = given ? request->property : XCB_NONE};
    char event[32] = {0}; /* the size of every event */

    memcpy(event, &notify, sizeof(notify));
    xcb_send_event(x->c, false, request->requestor, 0, event);
    x11_sent(x);
}

/* Events of a program's window are told only while something is on its way there. */
static void watch(struct x11 *x, xcb_window_t requestor, bool on)
{
    uint32_t events = on ? XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY : 0;

    for (size_t i = 0; !on && i < CLIP_TRANSFERS; i++)
        if (x->clip->transfer[i].requestor == requestor)
            return;
    xcb_change_window_attributes(x->c, requestor, XCB_CW_EVENT_MASK, &events);
    x11_sent(x);
}

static void transfer_end(struct x11 *x, struct clip_transfer *t, bool gone)
{
    xcb_window_t requestor = t->requestor;

    rcbuf_unref(t->data);
    *t = (struct clip_transfer){0};
    if (!gone)
        watch(x, requestor, false);
}

static void on_timer(void *arg)
{
    struct x11 *x = arg;
    uint64_t now = clock_monotonic_ms(NULL);
    bool any = false;

    for (size_t i = 0; i < CLIP_TRANSFERS; i++) {
        struct clip_transfer *t = &x->clip->transfer[i];

        if (t->requestor != XCB_NONE && now >= MIN(t->step_ms, t->end_ms))
            transfer_end(x, t, false);
        any = any || t->requestor != XCB_NONE;
    }
    if (!any)
        loop_timer_stop(x->clip->serve_timer);
}

static struct clip_transfer *find(struct x11_clip *clip, xcb_window_t requestor, xcb_atom_t property)
{
    for (size_t i = 0; i < CLIP_TRANSFERS; i++)
        if (clip->transfer[i].requestor == requestor && clip->transfer[i].property == property)
            return &clip->transfer[i];
    return NULL;
}

static bool begin_transfer(struct x11 *x, const xcb_selection_request_event_t *request, xcb_atom_t type,
                           struct rcbuf *data)
{
    struct clip_transfer *t = find(x->clip, request->requestor, request->property);
    uint32_t size = (uint32_t)rcbuf_len(data);
    uint64_t now = clock_monotonic_ms(NULL);

    if (t)
        transfer_end(x, t, true); /* it has asked again */
    else
        t = find(x->clip, XCB_NONE, XCB_NONE);
    if (!t)
        return false;
    *t = (struct clip_transfer){.requestor = request->requestor,
                                .property = request->property,
                                .type = type,
                                .data = rcbuf_ref(data),
                                .step_ms = now + CLIP_STEP_MS,
                                .end_ms = now + CLIP_TOTAL_MS};
    watch(x, request->requestor, true);
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, request->requestor, request->property,
                        x->clip->atom[CLIP_INCR], 32, 1, &size);
    loop_timer_start(x->clip->serve_timer, 1000, 1000);
    return true;
}

void clip_serve_property(struct x11 *x, const xcb_property_notify_event_t *event)
{
    struct clip_transfer *t;
    size_t len;

    if (event->state != XCB_PROPERTY_DELETE || event->window == XCB_NONE)
        return;
    t = find(x->clip, event->window, event->atom);
    if (!t)
        return;
    len = MIN(rcbuf_len(t->data) - t->at, x->clip->piece);
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, t->requestor, t->property, t->type, 8, (uint32_t)len,
                        rcbuf_data(t->data) + t->at);
    x11_sent(x);
    t->at += len;
    t->step_ms = clock_monotonic_ms(NULL) + CLIP_STEP_MS;
    if (len == 0)
        transfer_end(x, t, false); /* a piece of nothing was the last */
}

void clip_serve_gone(struct x11 *x, xcb_window_t requestor)
{
    for (size_t i = 0; requestor != XCB_NONE && i < CLIP_TRANSFERS; i++)
        if (x->clip->transfer[i].requestor == requestor)
            transfer_end(x, &x->clip->transfer[i], true);
}

static struct rcbuf *latin1_of(struct x11_clip *clip)
{
    char *text;
    size_t len;

    if (!clip->latin1 &&
        clip_text_to_latin1((const char *)rcbuf_data(clip->text), rcbuf_len(clip->text), &text, &len) == 0) {
        clip->latin1 = rcbuf_new(text, len);
        if (!clip->latin1)
            free(text);
    }
    return clip->latin1;
}

static bool give_text(struct x11 *x, const xcb_selection_request_event_t *request)
{
    struct x11_clip *clip = x->clip;
    bool latin1 = request->target == XCB_ATOM_STRING;
    struct rcbuf *data = latin1 ? latin1_of(clip) : clip->text;
    xcb_atom_t type = request->target == clip->atom[CLIP_TEXT] ? clip->atom[CLIP_UTF8] : request->target;

    if (!data)
        return false;
    if (rcbuf_len(data) > clip->piece)
        return begin_transfer(x, request, type, data);
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, request->requestor, request->property, type, 8,
                        (uint32_t)rcbuf_len(data), rcbuf_data(data));
    return true;
}

/* Puts one target's data where it was asked for. */
static bool give(struct x11 *x, const xcb_selection_request_event_t *request)
{
    const struct x11_clip *clip = x->clip;
    const xcb_atom_t *a = clip->atom;

    if (request->target == a[CLIP_TARGETS]) {
        const xcb_atom_t targets[] = {a[CLIP_TARGETS], a[CLIP_TIMESTAMP], a[CLIP_MULTIPLE], a[CLIP_UTF8],
                                      a[CLIP_MIME],    a[CLIP_TEXT],      XCB_ATOM_STRING};

        xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, request->requestor, request->property, XCB_ATOM_ATOM,
                            32, ARRAY_SIZE(targets), targets);
        return true;
    }
    if (request->target == a[CLIP_TIMESTAMP]) {
        xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, request->requestor, request->property,
                            XCB_ATOM_INTEGER, 32, 1, &clip->since);
        return true;
    }
    if (request->target == a[CLIP_UTF8] || request->target == a[CLIP_MIME] ||
        request->target == a[CLIP_TEXT] || request->target == XCB_ATOM_STRING)
        return give_text(x, request);
    return false;
}

static bool too_many(struct x11_clip *clip)
{
    uint64_t second = clock_monotonic_ms(NULL) / 1000;

    if (second != clip->second) {
        clip->second = second;
        clip->requests = 0;
    }
    return ++clip->requests > CLIP_REQUESTS_PER_S;
}

/* Pairs of target and property; a property of none tells that a target was refused. */
static bool give_pairs(struct x11 *x, const xcb_selection_request_event_t *request,
                       const xcb_get_property_reply_t *reply)
{
    xcb_atom_t pairs[2 * CLIP_PAIRS];
    size_t count = reply->value_len;

    if (reply->format != 32 || reply->bytes_after > 0 || count % 2 != 0 || count > ARRAY_SIZE(pairs) ||
        reply->length < count)
        return false;
    if (count > 0)
        memcpy(pairs, xcb_get_property_value(reply), count * sizeof(pairs[0]));
    for (size_t i = 0; i < count; i += 2) {
        xcb_selection_request_event_t one = *request;

        one.target = pairs[i];
        one.property = pairs[i + 1];
        if (one.property == XCB_NONE || too_many(x->clip) || !give(x, &one))
            pairs[i + 1] = XCB_NONE;
    }
    xcb_change_property(x->c, XCB_PROP_MODE_REPLACE, request->requestor, request->property,
                        x->clip->atom[CLIP_ATOM_PAIR], 32, (uint32_t)count, pairs);
    return true;
}

static void on_pairs(struct x11 *x, const void *data)
{
    struct x11_clip *clip = x->clip;
    const xcb_selection_request_event_t request = clip->multiple[clip->multiple_first];

    clip->multiple_first = (clip->multiple_first + 1) % CLIP_MULTIPLES;
    clip->multiple_count--;
    answer(x, &request, data && clip->text && give_pairs(x, &request, data));
}

/* False: refused; else it is answered later. */
static bool ask_pairs(struct x11 *x, const xcb_selection_request_event_t *request)
{
    struct x11_clip *clip = x->clip;

    if (clip->multiple_count == CLIP_MULTIPLES || request->property == XCB_NONE)
        return false;
    clip->multiple[(clip->multiple_first + clip->multiple_count++) % CLIP_MULTIPLES] = *request;
    x11_await(x,
              xcb_get_property(x->c, false, request->requestor, request->property, XCB_GET_PROPERTY_TYPE_ANY,
                               0, 2 * CLIP_PAIRS)
                  .sequence,
              0, on_pairs);
    return true;
}

/* Windows whose events are selected for other ends are none that a text is given to. */
static bool is_ours(const struct x11 *x, xcb_window_t window)
{
    bool ours = window == x->root || window == x->clip->window || window == XCB_NONE;

    for (size_t i = 0; i < CLIP_WINDOWS; i++)
        ours = ours || window == x->clip->fetch.windows[i];
    return ours;
}

void clip_serve_request(struct x11 *x, const xcb_selection_request_event_t *event)
{
    struct x11_clip *clip = x->clip;
    xcb_selection_request_event_t request = *event;
    unsigned owns = request.selection == clip->atom[CLIP_CLIPBOARD] ? CLIP_OWNS_CLIPBOARD
                    : request.selection == XCB_ATOM_PRIMARY         ? CLIP_OWNS_PRIMARY
                                                                    : 0;

    if (is_ours(x, request.requestor))
        return;
    if (too_many(clip) || (clip->owns & owns) == 0 || !clip->text) {
        answer(x, &request, false);
    } else if (request.target == clip->atom[CLIP_MULTIPLE]) {
        if (!ask_pairs(x, &request))
            answer(x, &request, false);
    } else {
        if (request.property == XCB_NONE)
            request.property = request.target; /* as programs did before there were conventions */
        answer(x, &request, give(x, &request));
    }
}

int clip_serve_start(struct x11 *x)
{
    uint64_t most = 4 * (uint64_t)xcb_get_maximum_request_length(x->c);

    x->clip->piece = MIN(CLIP_PIECE, (size_t)most - 64);
    return loop_timer_create(x->loop, on_timer, x, &x->clip->serve_timer);
}

void clip_serve_finish(struct x11 *x)
{
    loop_timer_destroy(x->clip->serve_timer);
    for (size_t i = 0; i < CLIP_TRANSFERS; i++)
        rcbuf_unref(x->clip->transfer[i].data);
}
