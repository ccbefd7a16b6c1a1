/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The routes below /iam over a real HTTP server and a real store: what a browser gets, and what the log says.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/file.h"
#include "webstream/gateway/gateway_priv.h"
#include "webstream/gateway/iam.h"

#define ANSWER_MAX 65536

struct fixture {
    struct gateway gateway;
    char *password;
    char *token;
    char user_id[SECRET_ID_LEN];
    int log[2];
    char answer[ANSWER_MAX]; /* of the latest request */
    unsigned status;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct gateway *g = &f->gateway;
    struct identity_options options = {0};
    assert_int_equal(loop_create(&g->loop), 0);
    g->config = config_new();
    assert_int_equal(
        store_open("sqlite::memory:", store_main_migrations, store_main_migration_count, &g->store, NULL), 0);
    options.store = g->store;
    assert_int_equal(identity_create(&options, &g->identity), 0);
    assert_int_equal(identity_seed(g->identity, &f->password), 0);
    const struct http_server_options server = {
        .loop = g->loop, .routes = gateway_iam_routes, .ctx = g, .base_path = ""};
    assert_int_equal(http_server_create(&server, &g->public_server), 0);
    assert_int_equal(pipe2(f->log, O_NONBLOCK | O_CLOEXEC), 0);
    log_init("gateway", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_set_fd(f->log[1]);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct gateway *g = &f->gateway;
    log_set_fd(STDERR_FILENO);
    http_server_destroy(g->public_server);
    loop_destroy(g->loop);
    identity_destroy(g->identity);
    store_close(g->store);
    config_free(g->config);
    close(f->log[0]);
    close(f->log[1]);
    free(f->password);
    free(f->token);
    free(f);
    return 0;
}

/* The browser's end of a connection: a thread, because the server has this one's loop. */
struct exchange {
    struct fixture *fixture;
    int fd;
    const char *request;
};

static void stop(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->gateway.loop);
}

static void *run_exchange(void *arg)
{
    struct exchange *e = arg;
    struct fixture *f = e->fixture;
    size_t len = 0, todo = strlen(e->request);
    ssize_t n = send(e->fd, e->request, todo, MSG_NOSIGNAL);
    assert_int_equal(n, (ssize_t)todo);
    while (len < ANSWER_MAX - 1 && (n = recv(e->fd, f->answer + len, ANSWER_MAX - 1 - len, 0)) > 0)
        len += (size_t)n;
    f->answer[len] = '\0';
    loop_post(f->gateway.loop, stop, f);
    return NULL;
}

static void exchange(struct fixture *f, const char *request)
{
    int pair[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fd_set_nonblock(pair[1]), 0);
    struct exchange e = {f, pair[0], request};
    assert_int_equal(http_server_add(f->gateway.public_server, pair[1], "192.0.2.7", NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_exchange, &e), 0);
    loop_run(f->gateway.loop);
    pthread_join(thread, NULL);
    close(pair[0]);
    assert_int_equal(sscanf(f->answer, "HTTP/1.1 %u", &f->status), 1);
}

/* body NULL: a GET. headers end with CRLF each. */
static unsigned ask(struct fixture *f, const char *path, const char *headers, const char *body)
{
    cleanup_free char *request =
        body ? xasprintf(
                   "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n%s\r\n%s",
                   path, strlen(body), headers, body)
             : xasprintf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", path, headers);
    exchange(f, request);
    return f->status;
}

static unsigned ask_as(struct fixture *f, const char *path, const char *token, const char *body)
{
    cleanup_free char *header = xasprintf("Authorization: Bearer %s\r\n", token);
    return ask(f, path, header, body);
}

static json_t *answer_json(struct fixture *f)
{
    char error[JSON_ERROR_LEN];
    json_t *value = NULL;
    const char *body = strstr(f->answer, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(json_read(body + 4, strlen(body + 4), &value, error), 0);
    return value;
}

static void assert_error(struct fixture *f, unsigned status, const char *code)
{
    cleanup_json json_t *answer = answer_json(f);
    assert_int_equal(f->status, status);
    assert_true(json_is_false(json_object_get(answer, "success")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "error"), "code")), code);
}

/* data of a success; the caller drops it. */
static json_t *answer_data(struct fixture *f)
{
    cleanup_json json_t *answer = answer_json(f);
    assert_int_equal(f->status, 200);
    assert_true(json_is_true(json_object_get(answer, "success")));
    assert_non_null(strstr(f->answer, "Cache-Control: no-store"));
    return json_incref(json_object_get(answer, "data"));
}

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    assert_non_null(value);
    return value;
}

static unsigned login_with(struct fixture *f, const char *username, const char *password, const char *headers)
{
    cleanup_json json_t *body = json_pack("{ssss}", "username", username, "password", password);
    cleanup_free char *text = json_text(body);
    return ask(f, "/iam/auth/login", headers, text);
}

static void login(struct fixture *f)
{
    assert_int_equal(login_with(f, "admin", f->password, ""), 200);
    cleanup_json json_t *data = answer_data(f);
    free(f->token);
    f->token = xstrdup(member(data, "token"));
    assert_int_equal(str_copy(f->user_id, sizeof(f->user_id), member(json_object_get(data, "user"), "id")),
                     0);
}

/* What was logged since the last look. */
static const char *logged(struct fixture *f)
{
    static char text[8192];
    ssize_t n = read(f->log[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_login_and_me(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(login_with(f, "Admin", f->password, ""), 200);
    cleanup_json json_t *data = answer_data(f);
    const json_t *user = json_object_get(data, "user");
    assert_string_equal(member(user, "username"), "admin");
    assert_string_equal(member(user, "displayName"), "Administrator");
    assert_true(str_is_id(member(user, "organisationId")));
    assert_int_equal(strlen(member(data, "expiresAt")), 20);
    assert_non_null(strstr(logged(f), "login accepted user=\"admin\" address=192.0.2.7"));
    assert_int_equal(ask_as(f, "/iam/auth/me", member(data, "token"), NULL), 200);
    cleanup_json json_t *me = answer_data(f);
    assert_string_equal(member(me, "id"), member(user, "id"));
}

static void test_refused_login(void **state)
{
    struct fixture *f = *state;
    login_with(f, "admin", "wrong", "");
    assert_error(f, 401, "invalid_credentials");
    const char *line = logged(f);
    assert_non_null(strstr(line, "login refused user=\"admin\" address=192.0.2.7 reason=credentials"));
    assert_null(strstr(line, "wrong"));
    /* A name cannot forge fields or lines. */
    login_with(f, "x\" address=10.0.0.1 reason=\\", "wrong", "");
    assert_error(f, 401, "invalid_credentials");
    assert_non_null(strstr(logged(f), "user=\"x%22 address=10.0.0.1 reason=\\\\\" address=192.0.2.7 "));
    /* Nor does a header that no trusted proxy sent. */
    login_with(f, "admin", "wrong", "X-Forwarded-For: 10.0.0.1\r\n");
    assert_non_null(strstr(logged(f), "address=192.0.2.7"));
}

/* The proxy's own line counts, not the one that the client sent along. */
static void test_forwarded_login(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(config_set(f->gateway.config, "gateway.trustedProxies", "192.0.2.0/24"), 0);
    login_with(f, "admin", "wrong", "X-Forwarded-For: 198.51.100.4\r\n");
    assert_non_null(strstr(logged(f), "address=198.51.100.4 "));
    login_with(f, "admin", "wrong", "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 198.51.100.4\r\n");
    assert_non_null(strstr(logged(f), "address=198.51.100.4 "));
}

static void test_throttled_login(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(login_with(f, "admin", "wrong", ""), 401);
    login_with(f, "admin", f->password, "");
    assert_error(f, 429, "throttled");
    const char *wait = strstr(f->answer, "Retry-After: ");
    assert_non_null(wait);
    assert_in_range(strtol(wait + strlen("Retry-After: "), NULL, 10), 1, 2);
    assert_non_null(strstr(logged(f), "reason=throttled"));
}

static void test_malformed_login(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "{}",
        "{\"username\":\"admin\"}",
        "{\"username\":7,\"password\":\"x\"}",
        "{\"username\":\"a\\u0000b\",\"password\":\"x\"}",
        "{\"username\":\"admin\",\"password\":[\"x\"]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(ask(f, "/iam/auth/login", "", bad[i]), 400);
    ask(f, "/iam/auth/login", "", "{\"username\":");
    assert_error(f, 400, "bad_json");
    cleanup_free char *longer = xcalloc(1, 1100);
    memset(longer, 'x', 1025);
    assert_int_equal(login_with(f, "admin", longer, ""), 400);
    assert_int_equal(login_with(f, longer, "x", ""), 400);
    cleanup_free char *huge = xcalloc(1, 40000);
    memset(huge, 'x', 39999);
    assert_int_equal(login_with(f, "admin", huge, ""), 413);
    assert_string_equal(logged(f), ""); /* none of them was an attempt */
}

static void test_tokens(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        "Authorization: Basic YTpi\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer x\r\n",
        "Authorization: Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZG1pbiJ9.\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ask(f, "/iam/auth/me", bad[i], NULL);
        assert_error(f, 401, "token_invalid");
        assert_non_null(strstr(f->answer, "WWW-Authenticate: Bearer"));
    }
    login(f);
    cleanup_free char *in_query = xasprintf("/iam/auth/me?token=%s", f->token);
    assert_int_equal(ask(f, in_query, "", NULL), 401);
    assert_int_equal(ask_as(f, "/iam/auth/me", f->token, NULL), 200);
}

static void test_logout(void **state)
{
    struct fixture *f = *state;
    login(f);
    assert_int_equal(ask_as(f, "/iam/auth/logout", f->token, ""), 200);
    ask_as(f, "/iam/auth/me", f->token, NULL);
    assert_error(f, 401, "token_invalid");
    ask_as(f, "/iam/auth/logout", f->token, "");
    assert_error(f, 401, "token_invalid");
}

static void test_entitlements(void **state)
{
    struct fixture *f = *state;
    login(f);
    cleanup_free char *own = xasprintf("/iam/users/%s/entitlements", f->user_id);
    assert_int_equal(ask_as(f, own, f->token, NULL), 200);
    cleanup_json json_t *data = answer_data(f);
    assert_int_equal(json_array_size(data), 2);
    ask(f, own, "", NULL);
    assert_error(f, 401, "token_invalid");
    ask_as(f, "/iam/users/00000000000000000000000000000000/entitlements", f->token, NULL);
    assert_error(f, 404, "unknown_user");
    /* Without the group, others' entitlements are none of the user's business. */
    struct store_txn *txn = NULL;
    assert_int_equal(store_begin(f->gateway.store, true, &txn), 0);
    assert_true(store_exec(txn, "DELETE FROM groups WHERE name = 'administrators'", "") > 0);
    assert_int_equal(store_commit(txn), 0);
    ask_as(f, "/iam/users/00000000000000000000000000000000/entitlements", f->token, NULL);
    assert_error(f, 403, "forbidden");
    assert_int_equal(ask_as(f, own, f->token, NULL), 200);
}

static void test_health(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, "/iam/health", "", NULL), 200);
    cleanup_json json_t *data = answer_data(f);
    assert_string_equal(member(data, "status"), "healthy");
    assert_string_equal(member(data, "mode"), "builtin");
    assert_string_equal(member(data, "version"), ISTHMUS_VERSION);
}

#define RUSH 24 /* four times as many as there are places with the workers */

struct rush {
    struct fixture *fixture;
    int fds[RUSH];
    unsigned accepted;
};

static void *read_rush(void *arg)
{
    struct rush *rush = arg;
    for (size_t i = 0; i < RUSH; i++) {
        char answer[4096] = "";
        assert_true(recv(rush->fds[i], answer, sizeof(answer) - 1, 0) > 0);
        rush->accepted += str_starts_with(answer, "HTTP/1.1 200 ");
    }
    loop_post(rush->fixture->gateway.loop, stop, rush->fixture);
    return NULL;
}

/* Everybody at once: they wait for one another, and all get in. */
static void test_login_rush(void **state)
{
    struct fixture *f = *state;
    struct rush rush = {.fixture = f};
    pthread_t thread;
    cleanup_free char *body = xasprintf("{\"username\":\"admin\",\"password\":\"%s\"}", f->password);
    cleanup_free char *request = xasprintf(
        "POST /iam/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    for (size_t i = 0; i < RUSH; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(fd_set_nonblock(pair[1]), 0);
        assert_int_equal(send(pair[0], request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
        assert_int_equal(http_server_add(f->gateway.public_server, pair[1], "192.0.2.7", NULL), 0);
        rush.fds[i] = pair[0];
    }
    assert_int_equal(pthread_create(&thread, NULL, read_rush, &rush), 0);
    loop_run(f->gateway.loop);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < RUSH; i++)
        close(rush.fds[i]);
    assert_int_equal(rush.accepted, RUSH);
    assert_null(f->gateway.logins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_login_and_me, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_login, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forwarded_login, setup, teardown),
        cmocka_unit_test_setup_teardown(test_login_rush, setup, teardown),
        cmocka_unit_test_setup_teardown(test_throttled_login, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_login, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entitlements, setup, teardown),
        cmocka_unit_test_setup_teardown(test_health, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
