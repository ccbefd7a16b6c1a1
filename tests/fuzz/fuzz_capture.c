// links: display
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client of /capture may send: binary messages to a viewer that is really there, text messages to the
 * input. The first byte of each record says which, the second how long it is. */
#include "base/buf.h"
#include "display/input.h"
#include "display/screen.h"
#include "display/source_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct loop_timer *timer;
static struct source *source;
static struct screen *screen;
static struct input_group group;

static void on_send(void *arg, struct rcbuf *message)
{
    *(size_t *)arg += rcbuf_len(message);
}

static void on_timer(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void turn(void)
{
    loop_timer_start(timer, 0, 0);
    loop_run(loop);
}

static void start(void)
{
    static const struct screen_events events;
    struct screen_options options = {.frame_rate = 60, .events = &events};

    if (loop_create(&loop) < 0 || loop_timer_create(loop, on_timer, NULL, &timer) < 0 ||
        source_test_create(loop, 64, 48, &source) < 0)
        abort();
    options.loop = loop;
    options.source = source;
    if (screen_create(&options, &screen) < 0)
        abort();
    input_group_init(&group, source);
}

static void text(struct input *input, const char *data, size_t len)
{
    struct control_message m;
    char error[JSON_ERROR_LEN];

    if (control_parse(data, len, &m, error) < 0)
        return;
    (void)input_message(input, &m);
    control_message_finish(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct viewer_options options = {on_send, NULL};
    struct viewer *viewer;
    struct input input;
    size_t sent = 0;

    if (!loop)
        start();
    options.arg = &sent;
    viewer = viewer_create(screen, &options);
    input_open(&input, &group);
    turn();
    while (size >= 2) {
        size_t len = data[1] < size - 2 ? data[1] : size - 2;

        if (data[0] & 1)
            text(&input, (const char *)data + 2, len);
        else if (viewer_message(viewer, data + 2, len) < 0)
            break;
        if (data[0] & 2)
            turn();
        data += 2 + len;
        size -= 2 + len;
    }
    input_close(&input);
    if (input.keyboard.held_count != 0)
        abort();
    viewer_destroy(viewer);
    while (screen_pending(screen) > 0)
        turn();
    return 0;
}
