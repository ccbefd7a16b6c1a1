/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role as a process, over real keepers, sandboxes and displays; the streamer is a stand-in and there is
 * no gateway. */
#include "common/pool/session_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/codec.h"
#include "base/log.h"
#include "common/pool/streamer_stand_in.h"
#include "config/config.h"
#include "http/http_client.h"
#include "store/store.h"
#include "webstream/session_host/session_host.h"
#include "json/json.h"

#define ID_A SESSION_ID
#define ID_B "1123456789abcdef0123456789abcdef"

struct world {
    char state[64];
    unsigned base;
    pid_t role;
    uint8_t key[32];
    struct loop *loop;
    struct http_client *client;
    unsigned answers;
    unsigned status;
    json_t *body;
};

/* A second front-end, when the environment asks for it: it makes the session ID_A and leaves its start to
 * others. What it hears goes into the note. */
static bool second_enabled(const struct config *config)
{
    (void)config;
    return getenv("SECOND_FRONT_END") != NULL;
}

static void second_changed(void *arg, struct host_session *session, int before)
{
    (void)arg;
    (void)before;
    json_t *note = json_deep_copy(host_session_note(session));
    json_array_append_new(json_object_get(note, "statuses"), json_integer(host_session_status(session)));
    assert_int_equal(host_session_set_note(session, note), 0);
}

static const struct host_session_events second_events = {.changed = second_changed};

static int second_start(const struct host_front_end_services *services, void **ret_front_end,
                        char **ret_cause)
{
    struct host_session *session = host_session_find(services->sessions, ID_A);
    const struct host_session_order order = {.session_id = ID_A,
                                             .username = "ada",
                                             .app_exe = "remotedesktop",
                                             .app_args = "",
                                             .app_mode = "desktop",
                                             .max_width = 1000,
                                             .max_height = 1000,
                                             .persistent = true,
                                             .legacy = true};
    assert_non_null(services->pool);
    assert_string_equal(services->bind, "127.0.0.1");
    assert_string_equal(services->gateway_url, "http://127.0.0.1:1");
    *ret_front_end = services->sessions;
    if (!session) {
        assert_int_equal(host_session_create(services->sessions, &order, &session), 0);
        assert_int_equal(host_session_create(services->sessions, &order, &session), -EEXIST);
        assert_int_equal(host_session_set_note(session, json_pack("{s:[i]}", "statuses", 0)), 0);
    }
    cleanup_free char *note = json_text(host_session_note(session));
    *ret_cause = NULL;
    log_info("the note is %s", note);
    return host_sessions_listen(services->sessions, &second_events, NULL);
}

static char *second_words(void *front_end)
{
    struct host_session *session = host_session_find(front_end, ID_A);
    cleanup_free char *note = json_text(host_session_note(session));
    return xasprintf("status=%d note=%s", host_session_status(session), note);
}

static void second_destroy(void *front_end)
{
    (void)front_end;
}

static const struct host_front_end second = {.name = "second",
                                             .enabled = second_enabled,
                                             .start = second_start,
                                             .ready_words = second_words,
                                             .destroy = second_destroy};
static const struct host_front_end *const front_ends[] = {&second, NULL};

static bool port_is_free(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

/* A base whose ports the role and its one streamer can have. */
static unsigned free_base(void)
{
    unsigned base = 20000 + (unsigned)getpid() % 2000 * 20;
    while (!port_is_free(base + 5) || !port_is_free(base + 10) || !port_is_free(base + 11))
        base = base > 60000 ? 20000 : base + 20;
    return base;
}

static void write_config(const struct world *w)
{
    struct config *config = config_new();
    cleanup_free char *base = xasprintf("%u", w->base);
    cleanup_free char *file = xasprintf("%s/app.config.xml", w->state);
    assert_int_equal(config_set(config, "webstreamSettings.basePortNumber", base), 0);
    assert_int_equal(config_set(config, "gateway.port", "1"), 0); /* nobody there */
    assert_int_equal(config_set(config, "webstreamSettings.serverMaxSessionCount", "1"), 0);
    assert_int_equal(config_save(config, file), 0);
    config_free(config);
}

/* words: what the second front-end adds. */
static void start_role_saying(struct world *w, const char *words)
{
    int pipe_fds[2];
    char said[256] = "";
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    const char *argv[] = {"isthmus", "session-host", "--state", w->state, "-tags", "gpu,cad", NULL};
    struct spawn_fd fds[] = {{2, 2}, {pipe_fds[1], 3}};
    assert_int_equal(setenv("ISTHMUS_READY_FD", "3", 1), 0);
    struct spawn_options options = {.path = "/proc/self/exe",
                                    .argv = (char *const *)(uintptr_t)argv,
                                    .fds = fds,
                                    .fd_count = 2,
                                    .new_session = true};
    assert_int_equal(spawn(&options, &w->role), 0);
    close(pipe_fds[1]);
    cleanup_free char *expected = xasprintf("READY port=%u%s\n", w->base + 5, words);
    size_t len = 0;
    ssize_t n;
    while (len < sizeof said - 1 && (n = read(pipe_fds[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    close(pipe_fds[0]);
    said[len] = '\0';
    assert_string_equal(said, expected);
}

static void start_role(struct world *w)
{
    start_role_saying(w, "");
}

static int stop_role(struct world *w, int signum)
{
    int status = -1;
    assert_int_equal(kill(w->role, signum), 0);
    assert_int_equal(waitpid(w->role, &status, 0), w->role);
    w->role = 0;
    return status;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    (void)snprintf(w->state, sizeof w->state, "/tmp/isthmus-host-XXXXXX");
    assert_non_null(mkdtemp(w->state));
    assert_int_equal(chmod(w->state, 0711), 0);
    w->base = free_base();
    write_config(w);
    start_role(w);
    cleanup_free char *key = xasprintf("%s/secrets/shared.key", w->state);
    assert_int_equal(secret_load_key(key, w->key), 0);
    assert_int_equal(loop_create(&w->loop), 0);
    assert_int_equal(http_client_create(w->loop, &w->client), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->role > 0)
        assert_int_equal(stop_role(w, SIGINT), 0);
    http_client_destroy(w->client);
    loop_destroy(w->loop);
    json_decref(w->body);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(w->state, '/') + 1), 0);
    free(w);
    return 0;
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct world *w = arg;
    char error[JSON_ERROR_LEN];
    assert_int_equal(answer->error, 0);
    w->status = answer->status;
    json_decref(w->body);
    w->body = NULL;
    if (str_starts_with(answer->type, "application/json"))
        assert_int_equal(json_read(answer->body, answer->len, &w->body, error), 0);
    w->answers++;
    loop_stop(w->loop);
}

static void send_request(struct world *w, const char *method, const char *path, const char *const *headers,
                         const char *body, bool sign)
{
    cleanup_free char *url = xasprintf("http://127.0.0.1:%u%s", w->base + 5, path);
    struct http_call_options options = {.method = method,
                                        .url = url,
                                        .headers = headers,
                                        .body = body,
                                        .body_len = body ? strlen(body) : 0,
                                        .peer_key = sign ? w->key : NULL,
                                        .timeout_ms = WAIT_MS};
    assert_int_equal(http_client_call(w->client, &options, on_answer, w, NULL), 0);
}

static unsigned request(struct world *w, const char *method, const char *path, const char *const *headers,
                        const char *body)
{
    unsigned before = w->answers;
    send_request(w, method, path, headers, body, true);
    while (w->answers == before)
        loop_run(w->loop);
    return w->status;
}

#define HEADERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static unsigned connect_session(struct world *w, const char *id)
{
    cleanup_free char *header = xasprintf("X-Session-ID: %s", id);
    return request(w, "GET", "/getConnection?width=900&height=100",
                   HEADERS(header, "X-Username: ada%20l", "X-Workspace-Type: virtual_desktop"), NULL);
}

static const char *code(const struct world *w)
{
    const char *text = json_string_value(json_object_get(json_object_get(w->body, "error"), "code"));
    return text ? text : "";
}

static int number(const struct world *w, const char *name)
{
    return (int)json_integer_value(json_object_get(w->body, name));
}

static void test_health_and_pages(void **state)
{
    struct world *w = *state;
    assert_int_equal(request(w, "GET", "/health", NULL, NULL), 200);
    const json_t *sessions = json_object_get(w->body, "sessions");
    assert_int_equal(json_integer_value(json_object_get(sessions, "total")), 1);
    assert_int_equal(json_integer_value(json_object_get(sessions, "available")), 1);
    assert_string_equal(json_string_value(json_object_get(w->body, "status")), "healthy");
    assert_int_equal(request(w, "GET", "/", NULL, NULL), 200);
    assert_int_equal(request(w, "GET", "/no/such/page", NULL, NULL), 404);
}

static void test_session(void **state)
{
    struct world *w = *state;
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(number(w, "wsPort"), w->base + 10);
    assert_int_equal(number(w, "httpPort"), w->base + 11);
    assert_int_equal(number(w, "width"), 900);
    assert_int_equal(number(w, "height"), 200);
    assert_string_equal(json_string_value(json_object_get(w->body, "state")), "active");
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(connect_session(w, ID_B), 503);
    assert_string_equal(code(w), "pool_exhausted");
    assert_int_equal(request(w, "POST", "/session/end", HEADERS("Content-Type: application/json"),
                             "{\"sessionId\":\"" ID_A "\"}"),
                     200);
    assert_string_equal(json_string_value(json_object_get(w->body, "state")), "ending");
    assert_int_equal(connect_session(w, ID_A), 410);
    assert_string_equal(code(w), "session_ended");
    assert_int_equal(request(w, "POST", "/session/end", HEADERS("Content-Type: application/json"),
                             "{\"sessionId\":\"" ID_B "\"}"),
                     404);
}

/* A guest starts nothing, and comes into what runs. */
static void test_guest(void **state)
{
    struct world *w = *state;
    const char *const *guest =
        HEADERS("X-Session-ID: " ID_A, "X-Workspace-Type: virtual_desktop", "X-Viewer-Role: passive");
    assert_int_equal(request(w, "GET", "/getConnection", guest, NULL), 409);
    assert_string_equal(code(w), "session_not_ready");
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(request(w, "GET", "/getConnection", guest, NULL), 200);
    assert_int_equal(number(w, "width"), 900);
    assert_int_equal(request(w, "POST", "/session/end", HEADERS("Content-Type: application/json"),
                             "{\"sessionId\":\"" ID_A "\"}"),
                     200);
    assert_int_equal(request(w, "GET", "/getConnection", guest, NULL), 410);
}

/* Two windows of one browser ask at the same time: one session, the same answer. */
static void test_concurrent_requests(void **state)
{
    struct world *w = *state;
    const char *const *headers = HEADERS("X-Session-ID: " ID_A, "X-Workspace-Type: virtual_desktop");
    send_request(w, "GET", "/getConnection", headers, NULL, true);
    send_request(w, "GET", "/getConnection", headers, NULL, true);
    while (w->answers < 2) {
        loop_run(w->loop);
        assert_int_equal(w->status, 200);
        assert_int_equal(number(w, "wsPort"), w->base + 10);
    }
}

static void test_refused(void **state)
{
    struct world *w = *state;
    send_request(w, "GET", "/getConnection", HEADERS("X-Session-ID: " ID_A), NULL, false);
    loop_run(w->loop);
    assert_int_equal(w->status, 401);
    assert_int_equal(connect_session(w, "../../etc/passwd"), 400);
    assert_string_equal(code(w), "bad_session_id");
    assert_int_equal(
        request(w, "GET", "/getConnection", HEADERS("X-Session-ID: " ID_A, "X-Policy-JSON: !!!"), NULL), 400);
    assert_int_equal(
        request(w, "GET", "/getConnection", HEADERS("X-Session-ID: " ID_A, "X-Username: a%0Ab"), NULL), 400);
    assert_int_equal(request(w, "GET", "/getConnection?width=wide", HEADERS("X-Session-ID: " ID_A), NULL),
                     400);
    assert_int_equal(request(w, "GET", "/getConnection",
                             HEADERS("X-Session-ID: " ID_A, "X-Workspace-Type: app_collection",
                                     "X-App-Exe: xterm", "X-App-Args: 'open"),
                             NULL),
                     502);
    assert_int_equal(
        request(w, "POST", "/session/end", HEADERS("Content-Type: application/json"), "{\"sessionId\":7}"),
        400);
    assert_int_equal(request(w, "GET", "/health", NULL, NULL), 200);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(w->body, "sessions"), "active")), 0);
}

static void test_failed_application(void **state)
{
    struct world *w = *state;
    assert_int_equal(request(w, "GET", "/getConnection",
                             HEADERS("X-Session-ID: " ID_A, "X-Workspace-Type: app_collection",
                                     "X-App-Exe: isthmus-no-such-program"),
                             NULL),
                     502);
    assert_string_equal(code(w), "display_failed");
}

/* A killed host and a restarted one: the session goes on, and the same request finds it. */
static void test_survives(void **state)
{
    struct world *w = *state;
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_not_equal(stop_role(w, SIGKILL), 0);
    start_role(w);
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(stop_role(w, SIGTERM), 0);
    cleanup_free char *keeper = xasprintf("%s/slots/01/session/keeper.sock", w->state);
    assert_int_equal(access(keeper, F_OK), 0);
    start_role(w);
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(stop_role(w, SIGINT), 0);
    assert_int_not_equal(access(keeper, F_OK), 0);
    start_role(w);
    assert_int_equal(connect_session(w, ID_A), 410);
}

/* A host that is killed loses what is not on its disk yet: until the session is there, with its note. */
static void await_journal(const struct world *w)
{
    cleanup_free char *url = xasprintf("sqlite:%s/db/host.sqlite", w->state);
    struct store *store;
    assert_int_equal(store_open(url, store_host_migrations, store_host_migration_count, &store, NULL), 0);
    for (int there = 0; there == 0;) {
        struct store_txn *txn;
        cleanup_rows struct store_rows *rows = NULL;
        assert_int_equal(store_begin(store, false, &txn), 0);
        there = store_query_one(txn, &rows, "SELECT 1 FROM sessions WHERE note <> $1", "s", "");
        assert_true(there >= 0);
        rows = store_rows_free(rows);
        store_rollback(txn);
    }
    store_close(store);
}

/* A session of another front-end holds its slot, survives a killed host before anybody has started it, and
 * starts with the screen of the browser that comes first. */
static void test_second_front_end(void **state)
{
    struct world *w = *state;
    assert_int_equal(stop_role(w, SIGTERM), 0);
    assert_int_equal(setenv("SECOND_FRONT_END", "1", 1), 0);
    start_role_saying(w, " status=0 note={\"statuses\":[0]}");
    assert_int_equal(connect_session(w, ID_B), 503);
    assert_string_equal(code(w), "pool_exhausted");
    for (int i = 0; i < 3; i++) {
        await_journal(w);
        assert_int_not_equal(stop_role(w, SIGKILL), 0);
        start_role_saying(w, " status=0 note={\"statuses\":[0]}");
    }
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(number(w, "width"), 900);
    assert_int_equal(number(w, "height"), 200);
    assert_string_equal(json_string_value(json_object_get(w->body, "state")), "active");
    assert_int_equal(stop_role(w, SIGTERM), 0);
    start_role_saying(w, " status=2 note={\"statuses\":[0,1,22,2]}");
    assert_int_equal(connect_session(w, ID_A), 200);
    assert_int_equal(stop_role(w, SIGINT), 0);
    start_role_saying(w, " status=4 note={\"statuses\":[0,1,22,2,3,4]}");
    assert_int_equal(unsetenv("SECOND_FRONT_END"), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "streamer"))
        return stand_in_main(argc, argv);
    if (argc > 1 && str_eq(argv[1], "session-host"))
        return session_host_main(argc - 1, argv + 1, front_ends);
    int result = session_dispatch(argc, argv);
    if (result >= 0)
        return result;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_health_and_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_concurrent_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_application, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_front_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
