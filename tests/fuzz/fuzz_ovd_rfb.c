// links: ovd_display
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an RFB client says. The first byte chooses: the parsers alone, or a live sink that has let the client
 * in, with libvncserver behind it. Several connections share one sink, as a new one for each input would
 * mostly test the making of threads. */
#include <sys/socket.h>

#include "display/source_test.h"
#include "ovd/display/rfb_clip.h"
#include "ovd/display/rfb_message.h"
#include "ovd/display/rfb_sink_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct source *source;
static struct screen *screen;
static struct rfb_sink *sink;
static struct loop_timer *timer;

static void check(int truth)
{
    if (!truth)
        abort();
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void ignore_left(void *arg, unsigned client, const char *participant, const char *why)
{
    (void)client;
    (void)participant;
    (void)why;
    loop_stop(arg);
}

static void check_text(void *arg, const char *participant, const char *text, size_t len)
{
    (void)arg;
    (void)participant;
    check(len <= RFB_CLIPBOARD_MAX && memchr(text, '\0', len) == NULL);
}

static void set_up(void)
{
    static const struct rfb_sink_events events = {.left = ignore_left, .clipboard = check_text};
    static const struct screen_events screen_events;
    struct screen_options options = {
        .frame_rate = 60, .compression = ENCODE_FASTEST, .events = &screen_events};
    struct rfb_sink_options sink_options = {
        .name = "fuzz", .events = &events, .max_width = 256, .max_height = 256};

    check(loop_create(&loop) == 0);
    check(source_test_create(loop, 64, 48, &source) == 0);
    options.loop = sink_options.loop = loop;
    options.source = source;
    check(screen_create(&options, &screen) == 0);
    sink_options.screen = screen;
    sink_options.arg = loop;
    check(rfb_sink_create(&sink_options, &sink) == 0);
    check(rfb_sink_participant_set(sink, "fuzz", "fuzz", false) == 0);
    check(loop_timer_create(loop, stop, loop, &timer) == 0);
}

static void turn(uint64_t ms)
{
    loop_timer_start(timer, ms, 0);
    loop_run(loop);
    loop_timer_stop(timer);
}

/* Has the client let in without the proof, which no input would hit. */
static void fuzz_live(const uint8_t *data, size_t size)
{
    const struct frame *frame;
    struct rfb_client *client;
    int pair[2];

    if (!sink)
        set_up();
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    check(rfb_sink_add_client(sink, pair[1], NULL, NULL) == 0);
    client = sink->clients->prev;
    check(rfb_sink_join(client, sink->participants) == 0);
    client->state = RFB_WAIT_INIT;
    (void)!write(pair[0], "\1", 1);
    (void)!write(pair[0], data, size);
    turn(2);
    close(pair[0]);
    while (rfb_sink_clients(sink) > 0)
        turn(1000);
    frame = source_frame(source); /* a client may have made it very small */
    source_test_fill(source, &(struct frame_rect){0, 0, MIN(8, frame->width), MIN(8, frame->height)},
                     size > 0 ? data[0] : 0);
}

static void fuzz_parsers(const uint8_t *data, size_t size)
{
    uint8_t reduced[RFB_ENCODINGS_MESSAGE_MAX];
    struct rfb_text text;
    enum rfb_clip_kind kind;
    unsigned minor;
    size_t len;
    bool yes;

    if (size >= RFB_VERSION_LEN && rfb_version_parse(data, &minor) == 0)
        check(minor == 3 || minor == 7 || minor == 8);
    if (rfb_message_length(data, size, &len) == 0 && len <= size) {
        check(len > 0);
        if (data[0] == RFB_SET_PIXEL_FORMAT)
            (void)rfb_pixel_format_check(data);
        if (data[0] == RFB_SET_ENCODINGS)
            check(rfb_encodings_reduce(data, reduced, &yes) <= sizeof(reduced));
        if (data[0] == RFB_CUT_TEXT && rfb_cut_text_is_extended(data))
            (void)rfb_clip_parse(data, len, &kind, &yes);
    }
    if (rfb_text_unpack(data, size, 65536, &text) == 0) {
        check(text.len <= 65536 && text.data[text.len] == '\0');
        free(text.data);
    }
    if (rfb_text_from_latin1(data, size, &text) == 0) {
        struct rfb_text back;

        check(rfb_text_to_latin1(text.data, text.len, &back) == 0 && back.len <= size);
        free(back.data);
        free(text.data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        fuzz_live(data + 1, size - 1);
    else
        fuzz_parsers(data + 1, size - 1);
    return 0;
}
