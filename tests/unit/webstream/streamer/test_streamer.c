/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer as a process of its own, before a real display, spoken to over TCP as the gateway's tunnel
 * does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <X11/Xauth.h>
#include <cmocka.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "base/codec.h"
#include "common/display/x_fixture.h"
#include "webstream/streamer/streamer.h"
#include "webstream/streamer/ws_raw.h"
#include "json/json.h"

#define SESSION "0123456789abcdef0123456789abcdef"

struct state {
    struct x_fixture x;
    char key_file[128];
    uint8_t key[32];
    pid_t pid;
    unsigned ws, http;
};

static const struct display_front_end *const no_front_ends[] = {NULL};

static void run_streamer(struct state *s, int ready)
{
    char display[12], fd[12];
    char *argv[] = {"streamer",     "--standalone", "--x11",     s->x.socket, "--xauthority", s->x.auth,
                    "--display",    display,        "--ws",      "0",         "--http",       "0",
                    "--key-file",   s->key_file,    "--session", SESSION,     "--max-width",  "1600",
                    "--max-height", "1200",         NULL};

    snprintf(display, sizeof(display), "%u", s->x.display);
    snprintf(fd, sizeof(fd), "%d", ready);
    setenv("ISTHMUS_READY_FD", fd, 1);
    if (!getenv("ISTHMUS_TEST_LOG"))
        assert_non_null(freopen("/dev/null", "w", stderr));
    exit(streamer_main((int)ARRAY_SIZE(argv) - 1, argv, no_front_ends));
}

static int setup(void **state)
{
    struct state *s = xcalloc(1, sizeof(*s));
    char hex[65], line[128];
    int fds[2];
    FILE *f;

    *state = s;
    assert_int_equal(x_fixture_start(&s->x, "640x480"), 0);
    secret_random(s->key, sizeof(s->key));
    hex_encode(s->key, sizeof(s->key), hex);
    snprintf(s->key_file, sizeof(s->key_file), "%s/key", s->x.dir);
    f = fopen(s->key_file, "we");
    fprintf(f, "%s\n", hex);
    fclose(f);
    assert_int_equal(pipe(fds), 0);
    s->pid = fork();
    if (s->pid == 0) {
        close(fds[0]);
        run_streamer(s, fds[1]);
    }
    close(fds[1]);
    f = fdopen(fds[0], "r");
    assert_non_null(fgets(line, sizeof(line), f));
    assert_int_equal(sscanf(line, "READY ws=%u http=%u", &s->ws, &s->http), 2);
    fclose(f);
    return 0;
}

/* Its exit status. */
static int wait_streamer(struct state *s)
{
    int status = -1;

    if (s->pid > 0)
        waitpid(s->pid, &status, 0);
    s->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int teardown(void **state)
{
    struct state *s = *state;
    int status = 0;

    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        status = wait_streamer(s);
    }
    unlink(s->key_file);
    x_fixture_stop(&s->x);
    free(s);
    return status;
}

static void open_channel(struct state *s, struct ws_raw *w, const char *path)
{
    assert_int_equal(ws_raw_open(w, s->ws, path, SESSION, s->key), 101);
}

/* The next JSON message, which has to be of this type. */
static json_t *read_json(struct ws_raw *w, const char *type)
{
    char error[JSON_ERROR_LEN];
    json_t *o;

    assert_int_equal(ws_raw_read(w), 0);
    assert_int_equal(w->opcode, 1);
    assert_int_equal(json_read((const char *)w->data, w->len, &o, error), 0);
    assert_string_equal(json_string_value(json_object_get(o, "type")), type);
    return o;
}

static int number(json_t *o, const char *name)
{
    return (int)json_integer_value(json_object_get(o, name));
}

static unsigned read_update(struct ws_raw *w)
{
    assert_int_equal(ws_raw_read(w), 0);
    assert_int_equal(w->opcode, 2);
    assert_true(w->len >= 24);
    assert_int_equal(w->data[0], 1);
    assert_int_equal(w->data[1], 1);
    return w->data[4] | (unsigned)w->data[5] << 8;
}

static void ack(struct ws_raw *w, unsigned sequence)
{
    uint8_t m[12] = {1, 1, 0, 0, (uint8_t)sequence, (uint8_t)(sequence >> 8)};

    assert_int_equal(ws_raw_send(w, 2, m, sizeof(m)), 0);
}

static void expect_close(struct ws_raw *w, unsigned code)
{
    while (ws_raw_read(w) == 0)
        ;
    assert_int_equal(w->close_code, code);
    ws_raw_close(w);
}

static void test_handshakes(void **state)
{
    struct state *s = *state;
    uint8_t other[32] = {1};
    struct ws_raw w;

    assert_int_equal(ws_raw_open(&w, s->ws, "/capture", SESSION, NULL), 401);
    assert_int_equal(ws_raw_open(&w, s->ws, "/capture", SESSION, other), 401);
    assert_int_equal(ws_raw_open(&w, s->ws, "/capture", "ffffffffffffffffffffffffffffffff", s->key), 403);
    assert_int_equal(ws_raw_open(&w, s->ws, "/audio", SESSION, s->key), 404);
    assert_int_equal(ws_raw_open(&w, s->ws, "/", SESSION, s->key), 404);
    open_channel(s, &w, "/capture?x=1");
    ws_raw_close(&w);
}

static void test_health(void **state)
{
    struct state *s = *state;
    int fd = ws_raw_connect(s->http);

    assert_int_equal(ws_raw_request(fd, "/health", SESSION, NULL, false), 401);
    close(fd);
    fd = ws_raw_connect(s->http);
    assert_int_equal(ws_raw_request(fd, "/health", SESSION, s->key, false), 200);
    close(fd);
}

static void test_control(void **state)
{
    struct state *s = *state;
    struct ws_raw w;
    json_t *o;

    open_channel(s, &w, "/control");
    o = read_json(&w, "hello");
    assert_string_equal(json_string_value(json_object_get(o, "sessionId")), SESSION);
    assert_int_equal(number(o, "width"), 640);
    assert_int_equal(number(o, "maxWidth"), 1600);
    json_decref(o);

    assert_int_equal(ws_raw_text(&w, "{\"type\":\"ping\",\"t\":42}"), 0);
    o = read_json(&w, "pong");
    assert_int_equal(number(o, "t"), 42);
    json_decref(o);

    assert_int_equal(ws_raw_text(&w, "{\"type\":\"pointer\",\"x\":1}"), 0);
    json_decref(read_json(&w, "error"));
    assert_int_equal(ws_raw_text(&w, "{\"type\":\"resize\",\"width\":801,\"height\":603}"), 0);
    o = read_json(&w, "resized");
    assert_int_equal(number(o, "width"), 801);
    json_decref(o);
    assert_int_equal(ws_raw_text(&w, "{\"type\":\"resize\",\"width\":7680,\"height\":4320}"), 0);
    o = read_json(&w, "resized");
    assert_int_equal(number(o, "width"), 1600);
    assert_int_equal(number(o, "height"), 1200);
    json_decref(o);
    assert_int_equal(ws_raw_text(&w, "{\"type\":\"resize\",\"width\":1600,\"height\":1200}"), 0);
    json_decref(read_json(&w, "resized")); /* nothing changes, the answer comes all the same */

    for (int i = 0; i < 200 && ws_raw_text(&w, "nonsense") == 0; i++)
        ;
    expect_close(&w, 1008);
}

static void test_pictures(void **state)
{
    struct state *s = *state;
    struct ws_raw capture, control;

    open_channel(s, &capture, "/capture");
    open_channel(s, &control, "/control");
    json_decref(read_json(&control, "hello"));
    assert_int_equal(read_update(&capture), 1);
    assert_int_equal(capture.data[2], 1); /* full */
    assert_int_equal(capture.data[24], 7);
    ack(&capture, 1);
    assert_int_equal(ws_raw_text(&control, "{\"type\":\"resize\",\"width\":777,\"height\":555}"), 0);
    do
        ack(&capture, read_update(&capture));
    while (capture.data[2] != 1);
    assert_int_equal(capture.data[24 + 8] | capture.data[24 + 9] << 8, 777);

    /* Nothing changes any more: what was asked for last is what comes next, a full picture, and nothing
     * before it. */
    {
        unsigned last = capture.data[4];
        const uint8_t refresh[] = {1, 2, 0, 0};

        json_decref(read_json(&control, "resized"));
        assert_int_equal(ws_raw_text(&control, "{\"type\":\"ping\",\"t\":1}"), 0);
        json_decref(read_json(&control, "pong"));
        assert_int_equal(ws_raw_send(&capture, 2, refresh, sizeof(refresh)), 0);
        assert_int_equal(read_update(&capture), last + 1);
        assert_int_equal(capture.data[2], 1);
    }
    ws_raw_close(&capture);
    ws_raw_close(&control);
}

static void test_malformed(void **state)
{
    static const struct {
        size_t len;
        uint8_t data[20];
    } bad[] = {
        {1, {1}},
        {4, {9, 2, 0, 0}},
        {4, {1, 77, 0, 0}},
        {12, {1, 1, 0, 0, 0xff, 0xff, 0xff, 0x7f}},
        {20, {1, 3, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}},
    };
    struct state *s = *state;
    struct ws_raw w;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        open_channel(s, &w, "/capture");
        ack(&w, read_update(&w));
        assert_int_equal(ws_raw_send(&w, 2, bad[i].data, bad[i].len), 0);
        expect_close(&w, 1002);
    }
    open_channel(s, &w, "/control");
    assert_int_equal(ws_raw_send(&w, 2, "x", 1), 0); /* binary has no meaning there */
    expect_close(&w, 1002);
    /* The session lives on. */
    open_channel(s, &w, "/capture");
    read_update(&w);
    ws_raw_close(&w);
}

static void test_flood(void **state)
{
    static const uint8_t refresh[] = {1, 2, 0, 0};
    struct state *s = *state;
    struct ws_raw w;

    open_channel(s, &w, "/capture");
    for (int i = 0; i < 500; i++)
        if (ws_raw_send(&w, 2, refresh, sizeof(refresh)) < 0)
            break;
    expect_close(&w, 1008);
}

static void test_too_large(void **state)
{
    struct state *s = *state;
    char *big = xcalloc(1, 70000);
    struct ws_raw w;

    memset(big, ' ', 69999);
    open_channel(s, &w, "/control");
    (void)ws_raw_text(&w, big);
    expect_close(&w, 1009);
    free(big);
}

static xcb_connection_t *connect_display(struct state *s)
{
    FILE *f = fopen(s->x.auth, "re");
    Xauth *entry = XauReadAuth(f);
    xcb_auth_info_t auth = {entry->name_length, entry->name, entry->data_length, entry->data};
    char name[16];
    xcb_connection_t *c;

    fclose(f);
    snprintf(name, sizeof(name), ":%u", s->x.display);
    c = xcb_connect_to_display_with_auth_info(name, &auth, NULL);
    XauDisposeAuth(entry);
    assert_int_equal(xcb_connection_has_error(c), 0);
    return c;
}

/* Asks the display until as many keys are down. */
static void await_keys(xcb_connection_t *c, int wanted)
{
    uint64_t deadline = clock_monotonic_ms(NULL) + 20000;
    int down;

    do {
        xcb_query_keymap_reply_t *r = xcb_query_keymap_reply(c, xcb_query_keymap(c), NULL);

        down = 0;
        for (size_t i = 0; i < sizeof(r->keys); i++)
            down += __builtin_popcount(r->keys[i]);
        free(r);
        assert_true(clock_monotonic_ms(NULL) < deadline);
    } while (down != wanted);
}

/* What a connection holds down goes up when it is gone, on either channel. */
static void test_keys_released(void **state)
{
    static const char *const paths[] = {"/control", "/capture"};
    struct state *s = *state;
    xcb_connection_t *c = connect_display(s);
    struct ws_raw w;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        open_channel(s, &w, paths[i]);
        assert_int_equal(
            ws_raw_text(&w, "{\"type\":\"key\",\"code\":\"ShiftLeft\",\"key\":\"Shift\",\"down\":true}"), 0);
        assert_int_equal(ws_raw_text(&w, "{\"type\":\"key\",\"code\":\"KeyA\",\"key\":\"A\",\"down\":true}"),
                         0);
        await_keys(c, 2);
        ws_raw_close(&w);
        await_keys(c, 0);
    }
    xcb_disconnect(c);
}

static void open_as(struct state *s, struct ws_raw *w, const char *path, const char *role)
{
    assert_int_equal(ws_raw_open_as(w, s->ws, path, SESSION, s->key, role), 101);
}

static void ping(struct ws_raw *w, int t)
{
    char text[64];
    json_t *o;

    snprintf(text, sizeof(text), "{\"type\":\"ping\",\"t\":%d}", t);
    assert_int_equal(ws_raw_text(w, text), 0);
    o = read_json(w, "pong");
    assert_int_equal(number(o, "t"), t);
    json_decref(o);
}

static void expect_hello(struct ws_raw *w, const char *role, bool view_only)
{
    json_t *o = read_json(w, "hello");

    assert_string_equal(json_string_value(json_object_get(o, "role")), role);
    assert_int_equal(json_is_true(json_object_get(o, "viewOnly")), view_only);
    json_decref(o);
}

static void expect_error(struct ws_raw *w, const char *code)
{
    json_t *o = read_json(w, "error");

    assert_string_equal(json_string_value(json_object_get(o, "code")), code);
    json_decref(o);
}

static const char *const everything[] = {
    "{\"type\":\"pointer\",\"x\":77,\"y\":88,\"buttons\":1}",
    "{\"type\":\"wheel\",\"x\":77,\"y\":88,\"dx\":0,\"dy\":120}",
    "{\"type\":\"key\",\"code\":\"KeyA\",\"key\":\"a\",\"down\":true}",
    "{\"type\":\"text\",\"text\":\"hello\"}",
    "{\"type\":\"releaseKeys\"}",
    "{\"type\":\"resize\",\"width\":801,\"height\":603}",
};

struct seen {
    int x, y, down, width;
};

static struct seen look(xcb_connection_t *c)
{
    xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(c)).data->root;
    xcb_query_pointer_reply_t *pointer = xcb_query_pointer_reply(c, xcb_query_pointer(c, root), NULL);
    xcb_query_keymap_reply_t *keys = xcb_query_keymap_reply(c, xcb_query_keymap(c), NULL);
    xcb_get_geometry_reply_t *size = xcb_get_geometry_reply(c, xcb_get_geometry(c, root), NULL);
    struct seen seen = {pointer->root_x, pointer->root_y, pointer->mask & XCB_BUTTON_MASK_1 ? 1 : 0,
                        size->width};

    for (size_t i = 0; i < sizeof(keys->keys); i++)
        seen.down += __builtin_popcount(keys->keys[i]);
    free(pointer);
    free(keys);
    free(size);
    return seen;
}

/* Whatever a passive guest sends, on whichever channel, nothing of it reaches the display. */
static void test_passive(void **state)
{
    static const char *const paths[] = {"/control", "/capture"};
    struct state *s = *state;
    xcb_connection_t *c = connect_display(s);
    struct seen before = look(c), after;
    struct ws_raw w, witness;

    open_as(s, &witness, "/control", "owner");
    expect_hello(&witness, "owner", false);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        open_as(s, &w, paths[i], "passive");
        if (i == 0)
            expect_hello(&w, "passive", true);
        else
            ack(&w, read_update(&w)); /* the picture it does get */
        for (int n = 0; n < 50; n++)
            for (size_t k = 0; k < ARRAY_SIZE(everything); k++)
                assert_int_equal(ws_raw_text(&w, everything[k]), 0);
        if (i == 0) {
            expect_error(&w, "view_only"); /* one for all of them, and the connection stays */
            ping(&w, 7);
            assert_int_equal(ws_raw_text(&w, "{\"type\":\"clipboard\",\"text\":\"x\"}"), 0);
            expect_error(&w, "bad_message");
            ping(&w, 8);
        } else {
            const uint8_t refresh[] = {1, 2, 0, 0};

            assert_int_equal(ws_raw_send(&w, 2, refresh, sizeof(refresh)), 0);
            ack(&w, read_update(&w)); /* it has been read up to here */
        }
        after = look(c);
        assert_memory_equal(&before, &after, sizeof(before));
        ws_raw_close(&w);
    }
    ping(&witness, 1); /* no change of size was told before */
    ws_raw_close(&witness);
    xcb_disconnect(c);
}

static void test_active(void **state)
{
    struct state *s = *state;
    xcb_connection_t *c = connect_display(s);
    struct ws_raw w;

    open_as(s, &w, "/control", "active");
    expect_hello(&w, "active", false);
    for (size_t k = 0; k < 3; k++)
        assert_int_equal(ws_raw_text(&w, everything[k]), 0);
    await_keys(c, 1);
    assert_int_equal(look(c).x, 77);
    assert_int_equal(look(c).down, 2);
    assert_int_equal(ws_raw_text(&w, everything[4]), 0);
    await_keys(c, 0);
    for (int n = 0; n < 100; n++)
        assert_int_equal(ws_raw_text(&w, everything[5]), 0);
    expect_error(&w, "owner_only");
    ping(&w, 1);
    assert_int_equal(look(c).width, 640);
    ws_raw_close(&w);
    xcb_disconnect(c);
}

/* The role is signed like everything else, and a word that is none is refused. */
static void test_roles_refused(void **state)
{
    static const struct {
        const char *is, *said;
        int control, print;
    } rows[] = {{"passive", "owner", 401, 401},
                {"passive", NULL, 401, 401},
                {NULL, "owner", 401, 401},
                {"root", "root", 400, 403},
                {"Owner", "Owner", 400, 403},
                {"owner, passive", "owner, passive", 400, 403},
                {"passive", "passive", 101, 403},
                {"active", "active", 101, 403},
                {"owner", "owner", 101, 404},
                {NULL, NULL, 101, 404},
                {"owner", "owner\r\nX-Viewer-Role: owner", 0, 400}};
    struct state *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct ws_raw_who who = {SESSION, rows[i].is};
        int fd = ws_raw_connect(s->ws);

        if (rows[i].control != 0)
            assert_int_equal(ws_raw_request_as(fd, "/control", &who, rows[i].said, s->key, true),
                             rows[i].control);
        close(fd);
        fd = ws_raw_connect(s->http);
        assert_int_equal(ws_raw_request_as(fd, "/print/1", &who, rows[i].said, s->key, false), rows[i].print);
        close(fd);
    }
}

static void test_term(void **state)
{
    struct state *s = *state;
    struct ws_raw w;

    open_channel(s, &w, "/capture");
    read_update(&w);
    kill(s->pid, SIGTERM);
    expect_close(&w, 1012);
    assert_int_equal(wait_streamer(s), 0);
}

static void test_display_dies(void **state)
{
    struct state *s = *state;
    struct ws_raw w;

    open_channel(s, &w, "/capture");
    read_update(&w);
    x_fixture_kill(&s->x);
    expect_close(&w, 1012);
    assert_int_equal(wait_streamer(s), 1);
}

static void test_usage(void **state)
{
    char *argv[] = {"streamer", "--control", "/nonexistent", NULL};
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        assert_non_null(freopen("/dev/null", "w", stderr));
        _exit(streamer_main(3, argv, no_front_ends));
    }
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_handshakes),    TEST(test_health),
        TEST(test_control),       TEST(test_pictures),
        TEST(test_malformed),     TEST(test_flood),
        TEST(test_too_large),     TEST(test_keys_released),
        TEST(test_passive),       TEST(test_active),
        TEST(test_roles_refused), TEST(test_term),
        TEST(test_display_dies),  cmocka_unit_test(test_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
