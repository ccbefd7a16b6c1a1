/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's side of registration, heartbeat and report, against a gateway played by the real HTTP server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "host/control_plane.h"
#include "http/http_server.h"
#include "net/listener.h"

#define ID_A "0123456789abcdef0123456789abcdef"
#define WAIT_MS 20000

static const uint8_t key[32] = {7, 7, 7};

struct world {
    struct loop *loop;
    struct loop_timer *timer;
    struct http_server *server;
    struct listener *listener;
    unsigned port;
    struct http_client *client;
    struct control_plane *plane;
    /* the gateway's side */
    unsigned registered, beats, reports, full_reports, unregistered;
    bool unknown; /* answers 404 until the host registers again */
    json_t *last_register, *last_report;
    /* the host's side */
    int64_t pending, acknowledged;
    unsigned ended, bad_notes, good_notes, left;
    const unsigned *awaited;
    unsigned wanted;
};

static void check(struct world *w)
{
    if (w->awaited && *w->awaited >= w->wanted)
        loop_stop(w->loop);
}

static void on_timeout(void *arg)
{
    struct world *w = arg;
    fail_msg("waited in vain: registered %u beats %u reports %u full %u", w->registered, w->beats, w->reports,
             w->full_reports);
}

static void await(struct world *w, const unsigned *counter, unsigned wanted)
{
    w->awaited = counter;
    w->wanted = wanted;
    if (*counter < wanted) {
        loop_timer_start(w->timer, WAIT_MS, 0);
        loop_run(w->loop);
        loop_timer_stop(w->timer);
    }
    w->awaited = NULL;
}

static void answer(struct http_request *r, json_t *value)
{
    http_answer_json(r, 200, value);
}

static void route_register(struct http_request *r, void *ctx)
{
    struct world *w = ctx;
    json_decref(w->last_register);
    w->last_register = json_deep_copy(http_json(r));
    w->registered++;
    w->unknown = false;
    answer(r, json_pack("{s:b, s:i}", "success", 1, "heartbeatInterval", 1));
    check(w);
}

static void route_heartbeat(struct http_request *r, void *ctx)
{
    struct world *w = ctx;
    if (w->unknown) {
        http_answer_error(r, 404, "unknown_host", "Register again.");
        return;
    }
    w->beats++;
    answer(r, json_pack("{s:b}", "success", 1));
    check(w);
}

static void route_report(struct http_request *r, void *ctx)
{
    struct world *w = ctx;
    const json_t *body = http_json(r);
    bool full = json_is_true(json_object_get(body, "full"));
    int64_t highest = 0;
    size_t i;
    const json_t *report;
    const json_t *list = json_object_get(body, "reports");
    json_array_foreach(list, i, report) highest =
        MAX(highest, json_integer_value(json_object_get(report, "sequence")));
    json_decref(w->last_report);
    w->last_report = json_deep_copy(body);
    w->reports++;
    w->full_reports += full;
    answer(r, json_pack("{s:b, s:I, s:[s]}", "success", 1, "acknowledged", (json_int_t)highest, "end", ID_A));
    check(w);
}

static void route_unregister(struct http_request *r, void *ctx)
{
    struct world *w = ctx;
    w->unregistered++;
    answer(r, json_pack("{s:b}", "success", 1));
}

static const struct http_route routes[] = {
    {"POST", "/gateway/register", HTTP_ON_LOOP, HTTP_PEER_AUTH, 65536, route_register},
    {"POST", "/gateway/heartbeat", HTTP_ON_LOOP, HTTP_PEER_AUTH, 65536, route_heartbeat},
    {"POST", "/gateway/session/report", HTTP_ON_LOOP, HTTP_PEER_AUTH, 65536, route_report},
    {"POST", "/gateway/unregister", HTTP_ON_LOOP, HTTP_PEER_AUTH, 65536, route_unregister},
    {0},
};

static void on_connection(void *arg, int fd, const char *peer)
{
    struct world *w = arg;
    (void)http_server_add(w->server, fd, peer, NULL);
}

static void gateway_up(struct world *w)
{
    struct http_server_options options = {
        .loop = w->loop, .routes = routes, .ctx = w, .base_path = "", .peer_key = key};
    assert_int_equal(http_server_create(&options, &w->server), 0);
    assert_int_equal(listener_create(w->loop, "127.0.0.1", w->port, on_connection, w, &w->listener), 0);
    w->port = listener_port(w->listener);
}

static void gateway_down(struct world *w)
{
    w->listener = listener_destroy(w->listener);
    w->server = http_server_destroy(w->server);
}

static void facts(void *arg, struct control_plane_facts *ret_facts)
{
    (void)arg;
    *ret_facts = (struct control_plane_facts){
        .status = "healthy", .active_sessions = 1, .max_sessions = 3, .cpu = 1.5, .memory = 2.5};
}

static json_t *sessions(void *arg)
{
    (void)arg;
    return json_pack("[{s:s, s:I, s:i, s:s, s:i}]", "sessionId", ID_A, "sequence", (json_int_t)5, "status", 2,
                     "reason", "", "time", 1);
}

static json_t *changes(void *arg, size_t max)
{
    struct world *w = arg;
    json_t *array = json_array();
    for (int64_t s = w->acknowledged + 1; s <= w->pending && json_array_size(array) < max; s++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:i, s:s, s:i}", "sessionId", ID_A, "sequence",
                                               (json_int_t)s, "status", 3, "reason", "", "time", 1));
    return array;
}

static void acknowledged(void *arg, int64_t sequence)
{
    struct world *w = arg;
    w->acknowledged = sequence;
}

static void end(void *arg, const char *session_id)
{
    struct world *w = arg;
    assert_string_equal(session_id, ID_A);
    w->ended++;
    check(w);
}

static void note(void *arg, bool good, const char *sentence)
{
    struct world *w = arg;
    assert_true(*sentence);
    w->good_notes += good;
    w->bad_notes += !good;
    check(w);
}

static const struct control_plane_host host = {.facts = facts,
                                               .sessions = sessions,
                                               .changes = changes,
                                               .acknowledged = acknowledged,
                                               .end = end,
                                               .note = note};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_int_equal(loop_create(&w->loop), 0);
    assert_int_equal(loop_timer_create(w->loop, on_timeout, w, &w->timer), 0);
    assert_int_equal(http_client_create(w->loop, &w->client), 0);
    gateway_up(w);
    cleanup_free char *url = xasprintf("http://127.0.0.1:%u", w->port);
    struct control_plane_gateway_options options = {.loop = w->loop,
                                                    .client = w->client,
                                                    .gateway_url = url,
                                                    .server_url = "http://127.0.0.1:9005",
                                                    .tags = "gpu,,autocad",
                                                    .heartbeat_s = 1,
                                                    .key = key};
    assert_int_equal(control_plane_gateway_create(&options, &host, w, &w->plane), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    control_plane_destroy(w->plane);
    gateway_down(w);
    http_client_destroy(w->client);
    loop_timer_destroy(w->timer);
    loop_destroy(w->loop);
    json_decref(w->last_register);
    json_decref(w->last_report);
    free(w);
    return 0;
}

static void test_registers_and_beats(void **state)
{
    struct world *w = *state;
    control_plane_start(w->plane);
    await(w, &w->beats, 2);
    assert_int_equal(w->registered, 1);
    assert_int_equal(w->full_reports, 1);
    const json_t *tags = json_object_get(w->last_register, "tags");
    assert_int_equal(json_array_size(tags), 2);
    assert_string_equal(json_string_value(json_array_get(tags, 1)), "autocad");
    assert_int_equal(json_integer_value(json_object_get(w->last_register, "maxSessions")), 3);
    assert_int_equal(w->acknowledged, 5);
    assert_int_equal(w->ended, 1); /* what the gateway wants to end is passed on */
    assert_int_equal(w->good_notes, 1);
}

static void test_reports_changes(void **state)
{
    struct world *w = *state;
    control_plane_start(w->plane);
    await(w, &w->reports, 1);
    await(w, &w->ended, 1);
    w->pending = 7;
    control_plane_changed(w->plane);
    await(w, &w->reports, 2);
    await(w, &w->ended, 2);
    assert_int_equal(json_array_size(json_object_get(w->last_report, "reports")), 2);
    assert_false(json_is_true(json_object_get(w->last_report, "full")));
    assert_int_equal(w->acknowledged, 7);
}

/* Unknown to the gateway: registers at once, and says all of its sessions. */
static void test_registers_again(void **state)
{
    struct world *w = *state;
    control_plane_start(w->plane);
    await(w, &w->beats, 1);
    w->unknown = true;
    await(w, &w->registered, 2);
    await(w, &w->full_reports, 2);
}

/* A restarted gateway is found within two seconds, and what changed meanwhile is not lost. */
static void test_finds_a_restarted_gateway(void **state)
{
    struct world *w = *state;
    control_plane_start(w->plane);
    await(w, &w->beats, 1);
    gateway_down(w);
    w->pending = 9;
    control_plane_changed(w->plane);
    await(w, &w->bad_notes, 1);
    unsigned beats = w->beats;
    uint64_t before = clock_monotonic_ms(NULL);
    gateway_up(w);
    await(w, &w->beats, beats + 1);
    await(w, &w->reports, 2);
    assert_true(clock_monotonic_ms(NULL) - before < 2500);
    await(w, &w->good_notes, 2);
}

static void test_starts_before_its_gateway(void **state)
{
    struct world *w = *state;
    gateway_down(w);
    control_plane_start(w->plane);
    await(w, &w->bad_notes, 1);
    gateway_up(w);
    await(w, &w->registered, 1);
}

static void on_left(void *arg)
{
    struct world *w = arg;
    w->left++;
    check(w);
}

static void test_leaves(void **state)
{
    struct world *w = *state;
    control_plane_start(w->plane);
    await(w, &w->reports, 1);
    control_plane_leave(w->plane, on_left, w);
    await(w, &w->left, 1);
    assert_int_equal(w->unregistered, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers_and_beats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reports_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_finds_a_restarted_gateway, setup, teardown),
        cmocka_unit_test_setup_teardown(test_starts_before_its_gateway, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
