/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer under a session host made of the real WebSocket server: front-ends of other protocols come and
 * go with the session, and everybody can be detached from it. */
#include "common/net/loop_kit.h"

#include <stdio.h>

#include "base/codec.h"
#include "common/display/x_fixture.h"
#include "display/display_front_end.h"
#include "webstream/streamer/streamer.h"
#include "webstream/streamer/ws_raw.h"
#include "ws/ws.h"
#include "json/json.h"

#define SESSION "0123456789abcdef0123456789abcdef"

struct state {
    struct x_fixture x;
    struct loop_kit loop;
    struct ws_server *host;
    struct ws_conn *conn;
    char control[96];
    uint8_t key[32];
    pid_t pid;
    int words; /* what the front-ends say, a line each */
    char heard[128];
    unsigned ws;
};

static struct state s;

/* Front-ends, in the streamer's process. */

static int words_fd;

static int start(const struct display_services *services, void **ret_front_end)
{
    static struct input input;
    const struct frame *frame = source_frame(screen_source(services->screen));

    input_open(&input, services->input);
    dprintf(words_fd, "start %s %s %dx%d %dx%d %d\n", services->session_id, services->link, frame->width,
            frame->height, services->max_width, services->max_height, services->frame_rate);
    *ret_front_end = &input;
    return 0;
}

static void clipboard(void *front_end, const char *text, size_t len)
{
    (void)front_end;
    dprintf(words_fd, "clipboard %.*s\n", (int)len, text);
}

static void detach(void *front_end, const char *reason)
{
    (void)front_end;
    dprintf(words_fd, "detach %s\n", reason);
}

/* Needs a few looks. */
static unsigned pending(const void *front_end)
{
    static unsigned left = 3;

    (void)front_end;
    return left > 0 ? left-- : 0;
}

static void destroy(void *front_end)
{
    unsigned left = pending(front_end);

    input_close(front_end);
    dprintf(words_fd, "destroy %u\n", left);
}

static int refuse(const struct display_services *services, void **ret_front_end)
{
    (void)services;
    (void)ret_front_end;
    return -EMFILE;
}

static const struct display_front_end good = {"good", start, clipboard, detach, pending, destroy};
static const struct display_front_end broken = {.name = "broken", .start = refuse};
static const struct display_front_end *const front_ends[] = {&broken, &good, NULL};

/* The host. */

static int on_accept(void *ctx, const struct ws_handshake *h, void **ret_data)
{
    (void)ctx;
    (void)h;
    (void)ret_data;
    return 0;
}

static void on_message(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message,
                       size_t len)
{
    (void)ctx;
    (void)data;
    (void)text;
    s.conn = conn;
    snprintf(s.heard, sizeof(s.heard), "%.*s", (int)len, (const char *)message);
    (void)sscanf(s.heard, "STREAMER_READY:%u", &s.ws);
}

static void open_host(void *arg)
{
    static const struct ws_handlers handlers = {.accept = on_accept, .message = on_message};
    struct ws_server_options o = {.loop = s.loop.loop,
                                  .unix_path = s.control,
                                  .unix_mode = 0600,
                                  .max_message = 8192,
                                  .max_queue = 65536,
                                  .handlers = &handlers};

    (void)arg;
    assert_int_equal(ws_server_create(&o, &s.host), 0);
}

static void close_host(void *arg)
{
    (void)arg;
    ws_server_destroy(s.host);
}

static void say(void *text)
{
    s.heard[0] = '\0';
    assert_int_equal(ws_send_text(s.conn, text), 0);
}

static bool has_heard(void *prefix)
{
    return strncmp(s.heard, prefix, strlen(prefix)) == 0;
}

static void await_heard(const char *prefix)
{
    assert_true(loop_kit_wait(&s.loop, has_heard, (void *)(uintptr_t)prefix));
}

static void run_streamer(void)
{
    char *argv[] = {"streamer", "--control", s.control, "--username", "webs01", NULL};

    if (!getenv("ISTHMUS_TEST_LOG"))
        assert_non_null(freopen("/dev/null", "w", stderr));
    exit(streamer_main((int)ARRAY_SIZE(argv) - 1, argv, front_ends));
}

/* The next line of the front-ends. */
static void assert_word(const char *wanted)
{
    struct pollfd ready = {.fd = s.words, .events = POLLIN};
    char line[256];
    size_t len = 0;

    while (len == 0 || line[len - 1] != '\n') {
        assert_true(len + 1 < sizeof(line));
        assert_int_equal(poll(&ready, 1, 20000), 1);
        assert_int_equal(read(s.words, line + len, 1), 1);
        len++;
    }
    line[len - 1] = '\0';
    assert_string_equal(line, wanted);
}

static int setup(void **state)
{
    char hex[65];
    cleanup_free char *info = NULL;
    int fds[2];

    (void)state;
    memset(&s, 0, sizeof(s));
    assert_int_equal(x_fixture_start(&s.x, "640x480"), 0);
    secret_random(s.key, sizeof(s.key));
    hex_encode(s.key, sizeof(s.key), hex);
    snprintf(s.control, sizeof(s.control), "%s/control.sock", s.x.dir);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    s.words = fds[0];
    words_fd = fds[1];
    s.pid = fork(); /* before there is a thread */
    if (s.pid == 0)
        run_streamer();
    close(fds[1]);
    loop_kit_start(&s.loop);
    loop_kit_do(&s.loop, open_host, NULL);
    await_heard("REQUEST_SESSION_INFO:webs01");
    info = xasprintf("SESSION_INFO:" SESSION "|ws=0&http=0&key=%s&maxWidth=1600&maxHeight=1200&fps=25&x11=%s&"
                     "xauthority=%s&display=%u&rfb=/run/rfb.sock",
                     hex, s.x.socket, s.x.auth, s.x.display);
    loop_kit_do(&s.loop, say, info);
    assert_word("start " SESSION " /run/rfb.sock 640x480 1600x1200 25");
    await_heard("VIEWERS:0|0");
    return 0;
}

static int wait_streamer(void)
{
    int status = -1;

    waitpid(s.pid, &status, 0);
    s.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int teardown(void **state)
{
    (void)state;
    if (s.pid > 0) {
        kill(s.pid, SIGKILL);
        (void)wait_streamer();
    }
    loop_kit_do(&s.loop, close_host, NULL);
    loop_kit_stop(&s.loop);
    close(s.words);
    unlink(s.control);
    x_fixture_stop(&s.x);
    return 0;
}

static void open_channel(struct ws_raw *w, const char *path)
{
    assert_int_equal(ws_raw_open(w, s.ws, path, SESSION, s.key), 101);
    assert_int_equal(ws_raw_read(w), 0); /* hello, or the first picture */
}

/* Its last message, and the code it is closed with. */
static void assert_ended(struct ws_raw *w, const char *reason)
{
    cleanup_free char *last = NULL;

    while (ws_raw_read(w) == 0) {
        free(last);
        last = w->opcode == 1 ? xstrdup((const char *)w->data) : NULL;
    }
    assert_int_equal(w->close_code, 4001);
    if (reason) {
        assert_non_null(last);
        assert_non_null(strstr(last, "\"ended\""));
        assert_non_null(strstr(last, reason));
    }
    ws_raw_close(w);
}

static void test_detach(void **state)
{
    struct ws_raw capture, control;

    (void)state;
    open_channel(&capture, "/capture");
    open_channel(&control, "/control");
    await_heard("VIEWERS:1|1");
    loop_kit_do(&s.loop, say, (void *)(uintptr_t) "DETACH:suspend");
    assert_word("detach suspend");
    assert_ended(&control, "suspend");
    assert_ended(&capture, NULL);
    await_heard("VIEWERS:0|0");
    /* The session goes on, for whoever comes next. */
    open_channel(&capture, "/capture");
    open_channel(&control, "/control");
    await_heard("VIEWERS:1|1");
    ws_raw_close(&capture);
    ws_raw_close(&control);
}

static void test_clipboard(void **state)
{
    char *argv[] = {"/bin/sh", "-c", "printf 'from a program' | exec xclip -quiet -selection clipboard -i",
                    NULL};
    pid_t pid;

    (void)state;
    assert_int_equal(x_fixture_spawn(&s.x, argv, &pid), 0);
    assert_word("clipboard from a program");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_end(void **state)
{
    struct ws_raw control;

    (void)state;
    open_channel(&control, "/control");
    loop_kit_do(&s.loop, say, (void *)(uintptr_t) "SESSION_ENDING:exit");
    assert_word("detach exit");
    assert_ended(&control, "exit");
    assert_word("destroy 0");
    assert_int_equal(wait_streamer(), 0);
}

static void test_signal(void **state)
{
    (void)state;
    kill(s.pid, SIGTERM);
    assert_word("detach the streamer stops");
    assert_word("destroy 0");
    assert_int_equal(wait_streamer(), 0);
}

static void test_display_dies(void **state)
{
    (void)state;
    x_fixture_kill(&s.x);
    assert_word("detach the display has failed");
    assert_word("destroy 0");
    assert_int_equal(wait_streamer(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_detach), TEST(test_clipboard), TEST(test_end), TEST(test_signal), TEST(test_display_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
