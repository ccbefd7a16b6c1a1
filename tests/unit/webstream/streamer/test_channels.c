/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is counted as a viewer, and who is told of printed documents. The connections are made by a process of
 * their own, one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <sys/wait.h>

#include "display/source_test.h"
#include "webstream/streamer/channels.h"
#include "webstream/streamer/ws_raw.h"

#define SESSION "0123456789abcdef0123456789abcdef"
#define CHANGES 16

struct state {
    struct loop *loop;
    struct channels *channels;
    unsigned viewers[CHANGES], owners[CHANGES], told[CHANGES], changes;
};

static const uint8_t key[32] = {1, 2, 3};

static void on_name(void *arg, const char *channel)
{
    (void)arg;
    (void)channel;
}

static void on_reason(void *arg, const char *channel, const char *why)
{
    (void)arg;
    (void)channel;
    (void)why;
}

static void on_viewers(void *arg, unsigned viewers, unsigned owners)
{
    struct state *s = arg;

    if (s->changes == CHANGES)
        return;
    s->viewers[s->changes] = viewers;
    s->owners[s->changes] = owners;
    s->told[s->changes] = channels_printed(s->channels, "doc", 1, 1);
    s->changes++;
    if (viewers == 0)
        loop_stop(s->loop);
}

/* The exit status of the process tells whether it heard what it should. */
static int connections(unsigned port)
{
    static const struct {
        const char *path, *role;
    } rows[] = {{"/control", NULL},
                {"/capture", NULL},
                {"/control", "passive"},
                {"/capture", "passive"},
                {"/control", "active"}};
    struct ws_raw w[ARRAY_SIZE(rows)];
    int prints = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (ws_raw_open_as(&w[i], port, rows[i].path, SESSION, key, rows[i].role) != 101 ||
            ws_raw_read(&w[i]) < 0)
            return 1;
    ws_raw_send(&w[0], 8, "", 0); /* a close frame: what came before its answer is all there was */
    ws_raw_send(&w[2], 8, "", 0);
    while (ws_raw_read(&w[0]) == 0)
        prints += strstr((const char *)w[0].data, "\"print\"") != NULL;
    while (ws_raw_read(&w[2]) == 0)
        prints += 100 * (strstr((const char *)w[2].data, "\"print\"") != NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ws_raw_close(&w[i]);
    return prints >= 4 && prints < 100 ? 0 : 2;
}

static void test_roles_are_counted(void **state)
{
    static const struct channels_events events = {
        .attached = on_name, .refused = on_reason, .closed = on_reason, .viewers = on_viewers};
    static const struct screen_events screen_events;
    static const unsigned coming[][3] = {{1, 1, 1}, {1, 1, 1}, {2, 1, 1}, {2, 1, 1}, {3, 1, 1}};
    struct state s = {0};
    struct screen_options screen = {.frame_rate = 60, .events = &screen_events};
    struct channels_options options = {.session_id = SESSION,
                                       .key = key,
                                       .bind = "127.0.0.1",
                                       .events = &events,
                                       .max_width = 800,
                                       .max_height = 600,
                                       .arg = &s};
    struct input_group input;
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(loop_create(&s.loop), 0);
    assert_int_equal(source_test_create(s.loop, 64, 64, &screen.source), 0);
    screen.loop = options.loop = s.loop;
    assert_int_equal(screen_create(&screen, &options.screen), 0);
    input_group_init(&input, screen.source);
    options.input = &input;
    assert_int_equal(channels_create(&options, &s.channels), 0);
    pid = fork();
    if (pid == 0)
        _exit(connections(channels_port(s.channels)));
    loop_run(s.loop);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    assert_true(s.changes >= ARRAY_SIZE(coming) + 2);
    for (size_t i = 0; i < ARRAY_SIZE(coming); i++) {
        assert_int_equal(s.viewers[i], coming[i][0]);
        assert_int_equal(s.owners[i], coming[i][1]);
        assert_int_equal(s.told[i], coming[i][2]);
    }
    assert_int_equal(s.owners[s.changes - 1], 0);
    channels_destroy(s.channels);
    screen_destroy(options.screen);
    source_destroy(screen.source);
    loop_destroy(s.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_roles_are_counted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
