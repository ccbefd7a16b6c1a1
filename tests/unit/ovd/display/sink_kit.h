/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sink on a source without a display, in a loop of its own: the test is the client. */
#ifndef TESTS_SINK_KIT_H
#define TESTS_SINK_KIT_H

#include "common/net/loop_kit.h"

#include "display/source_test.h"
#include "ovd/display/rfb_sink.h"

#define OWNER_PASSWORD "bbaa10dc"
#define GUEST_PASSWORD "guest"

struct sink_kit {
    struct loop_kit loop;
    struct source *source;
    struct screen *screen;
    struct rfb_sink *sink;
    unsigned joined, left; /* the loop's thread writes and reads these */
    char why[96], text[256], from[RFB_PARTICIPANT_LEN + 1];
    size_t text_len;
    /* The corner of what was painted last, which the source may not have been asked for yet. */
    int last_x, last_y;
    uint32_t last_pixel;
};

static struct sink_kit kit;

static inline void kit_joined(void *arg, unsigned client, const char *participant)
{
    (void)arg;
    (void)client;
    (void)participant;
    kit.joined++;
}

static inline void kit_left(void *arg, unsigned client, const char *participant, const char *why)
{
    (void)arg;
    (void)client;
    (void)participant;
    kit.left++;
    snprintf(kit.why, sizeof(kit.why), "%s", why ? why : "");
}

static inline void kit_clipboard(void *arg, const char *participant, const char *text, size_t len)
{
    (void)arg;
    kit.text_len = len;
    snprintf(kit.from, sizeof(kit.from), "%s", participant);
    snprintf(kit.text, sizeof(kit.text), "%s", text);
}

static inline void kit_open(void *arg)
{
    static const struct rfb_sink_events events = {kit_joined, kit_left, kit_clipboard};
    static const struct screen_events screen_events;
    const int *size = arg;
    struct screen_options screen = {
        .loop = kit.loop.loop, .frame_rate = 60, .compression = ENCODE_FASTEST, .events = &screen_events};
    struct rfb_sink_options options = {.loop = kit.loop.loop, .name = "Isthmus", .events = &events};

    source_test_create(kit.loop.loop, size[0], size[1], &kit.source);
    screen.source = kit.source;
    screen_create(&screen, &kit.screen);
    options.screen = kit.screen;
    rfb_sink_create(&options, &kit.sink);
    rfb_sink_participant_set(kit.sink, "owner", OWNER_PASSWORD, false);
    rfb_sink_participant_set(kit.sink, "guest", GUEST_PASSWORD, true);
}

static inline void kit_start(int width, int height)
{
    int size[2] = {width, height};

    memset(&kit, 0, sizeof(kit));
    loop_kit_start(&kit.loop);
    loop_kit_do(&kit.loop, kit_open, size);
}

static inline void kit_close(void *arg)
{
    (void)arg;
    rfb_sink_destroy(kit.sink);
    screen_destroy(kit.screen);
    source_destroy(kit.source);
}

static inline void kit_stop(void)
{
    loop_kit_do(&kit.loop, kit_close, NULL);
    loop_kit_stop(&kit.loop);
}

struct kit_add {
    int fd, result;
    const char *participant;
};

static inline void kit_add(void *arg)
{
    struct kit_add *add = arg;

    add->result = rfb_sink_add_client(kit.sink, add->fd, add->participant, NULL);
}

/* The client's end of a new connection; *ret_result is what the sink said. */
static inline int kit_connect(const char *participant, int *ret_result)
{
    struct kit_add add = {.participant = participant};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    set_timeouts(pair[0]);
    add.fd = pair[1];
    loop_kit_do(&kit.loop, kit_add, &add);
    *ret_result = add.result;
    return pair[0];
}

struct kit_paint {
    struct frame_rect rect;
    uint32_t pixel;
    bool noise;
};

static inline void kit_paint(void *arg)
{
    const struct kit_paint *p = arg;

    kit.last_x = p->rect.x;
    kit.last_y = p->rect.y;
    kit.last_pixel =
        p->noise ? (p->pixel + (uint32_t)p->rect.y * 7919 + (uint32_t)p->rect.x) * 2654435761u : p->pixel;
    if (p->noise)
        source_test_noise(kit.source, &p->rect, p->pixel);
    else
        source_test_fill(kit.source, &p->rect, p->pixel);
}

static inline void paint(int x, int y, int w, int h, uint32_t pixel)
{
    struct kit_paint p = {{x, y, w, h}, pixel, false};

    loop_kit_do(&kit.loop, kit_paint, &p);
}

static inline void noise(int x, int y, int w, int h, uint32_t seed)
{
    struct kit_paint p = {{x, y, w, h}, seed, true};

    loop_kit_do(&kit.loop, kit_paint, &p);
}

/* Whether the frame has what was painted last. */
static inline bool is_captured(const struct frame *frame)
{
    uint32_t pixel;

    if (kit.last_x >= frame->width || kit.last_y >= frame->height)
        return true; /* painted before a change of size */
    memcpy(&pixel, frame->pixels + (size_t)kit.last_y * frame->stride + 4 * (size_t)kit.last_x, 4);
    return ((pixel ^ kit.last_pixel) & 0xffffff) == 0;
}

static inline bool kit_input_is(void *text)
{
    return strcmp(source_test_input(kit.source), text) == 0;
}

static inline bool kit_has_left(void *why)
{
    return kit.left > 0 && strcmp(kit.why, why) == 0;
}

static inline bool kit_is_empty(void *arg)
{
    (void)arg;
    return rfb_sink_clients(kit.sink) == 0;
}

static inline bool kit_text_is(void *text)
{
    return strcmp(kit.text, text) == 0;
}

#define assert_input(text) assert_true(loop_kit_wait(&kit.loop, kit_input_is, (void *)(uintptr_t)(text)))
#define assert_left(why) assert_true(loop_kit_wait(&kit.loop, kit_has_left, (void *)(uintptr_t)(why)))
#define assert_empty() assert_true(loop_kit_wait(&kit.loop, kit_is_empty, NULL))
#define assert_told(text) assert_true(loop_kit_wait(&kit.loop, kit_text_is, (void *)(uintptr_t)(text)))

#endif
