/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line to the session host, against a host made of the real WebSocket server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdio.h>

#include "base/str.h"
#include "webstream/streamer/control_link.h"
#include "ws/ws.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct state {
    struct loop *loop;
    struct loop_timer *deadline;
    char dir[64], path[96];
    struct ws_server *host;
    struct ws_conn *conn;
    struct control_link *link;
    char heard[512]; /* by the host: the last message */
    int infos, bad, lost;
    char word[65];
};

static int on_accept(void *ctx, const struct ws_handshake *h, void **ret_data)
{
    (void)ret_data;
    (void)ctx;
    assert_string_equal(ws_handshake_path(h), "/control");
    assert_int_equal(ws_handshake_uid(h), getuid());
    return 0;
}

static void on_opened(void *ctx, struct ws_conn *conn, void *data)
{
    (void)data;
    ((struct state *)ctx)->conn = conn;
}

static void on_message(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message,
                       size_t len)
{
    struct state *s = ctx;

    (void)conn;
    (void)data;
    assert_true(text);
    snprintf(s->heard, sizeof(s->heard), "%.*s", (int)len, (const char *)message);
    loop_stop(s->loop);
}

static void on_closed(void *ctx, struct ws_conn *conn, void *data)
{
    (void)conn;
    (void)data;
    ((struct state *)ctx)->conn = NULL;
}

static void host_start(struct state *s)
{
    static const struct ws_handlers handlers = {
        .accept = on_accept, .opened = on_opened, .message = on_message, .closed = on_closed};
    struct ws_server_options o = {.loop = s->loop,
                                  .unix_path = s->path,
                                  .unix_mode = 0600,
                                  .max_message = 8192,
                                  .max_queue = 65536,
                                  .handlers = &handlers,
                                  .ctx = s};

    assert_int_equal(ws_server_create(&o, &s->host), 0);
}

static void on_info(void *arg, const struct session_info *info)
{
    struct state *s = arg;

    assert_string_equal(info->session_id, "abc");
    s->infos++;
    loop_stop(s->loop);
}

static void on_word(void *arg, const char *word)
{
    struct state *s = arg;

    (void)str_copy(s->word, sizeof(s->word), word);
    loop_stop(s->loop);
}

static void on_bad(void *arg)
{
    struct state *s = arg;

    s->bad++;
    loop_stop(s->loop);
}

static void on_lost(void *arg)
{
    struct state *s = arg;

    s->lost++;
    loop_stop(s->loop);
}

static void on_deadline(void *arg)
{
    (void)arg;
    fail_msg("nothing happened for 20 s");
}

#define AWAIT(s, condition)                                                                                  \
    do {                                                                                                     \
        loop_timer_start((s)->deadline, 20000, 0);                                                           \
        while (!(condition))                                                                                 \
            loop_run((s)->loop);                                                                             \
        loop_timer_stop((s)->deadline);                                                                      \
    } while (0)

static int setup(void **state)
{
    static const struct control_link_events events = {on_info, on_word, on_word, on_word, on_bad, on_lost};
    struct state *s = xcalloc(1, sizeof(*s));

    *state = s;
    snprintf(s->dir, sizeof(s->dir), "/tmp/isthmus-test-link-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof(s->path), "%s/control.sock", s->dir);
    assert_int_equal(loop_create(&s->loop), 0);
    assert_int_equal(loop_timer_create(s->loop, on_deadline, s, &s->deadline), 0);
    assert_int_equal(control_link_create(s->loop, s->path, "webs 01", &events, s, &s->link), 0);
    return 0;
}

static int teardown(void **state)
{
    struct state *s = *state;

    control_link_destroy(s->link);
    ws_server_destroy(s->host);
    loop_timer_destroy(s->deadline);
    loop_destroy(s->loop);
    unlink(s->path);
    rmdir(s->dir);
    free(s);
    return 0;
}

static void say(struct state *s, const char *text)
{
    assert_int_equal(ws_send_text(s->conn, text), 0);
}

static void test_conversation(void **state)
{
    struct state *s = *state;

    host_start(s);
    AWAIT(s, str_eq(s->heard, "REQUEST_SESSION_INFO:webs%2001"));
    say(s, "SESSION_INFO:abc|ws=1&http=2&key=" KEY "&x11=a&xauthority=b&display=5");
    AWAIT(s, s->infos == 1);
    control_link_ready(s->link, 9010, 9011);
    AWAIT(s, str_eq(s->heard, "STREAMER_READY:9010|9011"));
    control_link_viewers(s->link, 2, 1);
    AWAIT(s, str_eq(s->heard, "VIEWERS:2|1"));
    say(s, "SESSION_INFO:nonsense");
    AWAIT(s, s->bad == 1);
    say(s, "LATER_VERB:1"); /* not for us, and no reason to complain */
    say(s, "SESSION_ENDING:exit");
    AWAIT(s, str_eq(s->word, "exit"));
    assert_int_equal(s->bad, 1);
    say(s, "DETACH:suspend");
    AWAIT(s, str_eq(s->word, "suspend"));
}

/* The host comes late, dies and comes back: each time it is asked again. */
static void test_back_off(void **state)
{
    struct state *s = *state;

    host_start(s);
    AWAIT(s, s->heard[0] != '\0');
    s->host = ws_server_destroy(s->host);
    AWAIT(s, s->lost == 1);
    control_link_viewers(s->link, 1, 1); /* harmless while it is away */
    s->heard[0] = '\0';
    host_start(s);
    AWAIT(s, str_eq(s->heard, "REQUEST_SESSION_INFO:webs%2001"));
    assert_int_equal(s->lost, 1);
}

static void test_refused(void **state)
{
    struct state *s = *state;

    host_start(s);
    AWAIT(s, s->heard[0] != '\0');
    say(s, "SESSION_INFO:|error=unknown_user");
    AWAIT(s, str_eq(s->word, "unknown_user"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_conversation), TEST(test_back_off), TEST(test_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
