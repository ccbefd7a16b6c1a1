/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client against the server, both in one loop. */
#include "common/net/loop_kit.h"

#include "base/str.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/peer_auth.h"
#include "net/listener.h"

static const uint8_t key[32] = "0123456789abcdef0123456789abcde";

struct result {
    int calls;
    int error;
    unsigned status;
    char type[64];
    char body[2000];
    size_t len;
    bool saw_header;
    bool destroy; /* the client, from inside the callback */
};

static struct {
    struct loop_kit kit;
    struct http_server *server;
    struct listener *listener, *silent;
    struct http_client *client;
    char url[64];
    unsigned port, silent_port;
    struct http_call_options options;
    struct result result;
    struct http_call *call;
} f;

static void on_echo(struct http_request *r, void *ctx)
{
    (void)ctx;
    size_t len;
    const void *body = http_body(r, &len);
    const char *type = http_header(r, "Content-Type");
    http_add_header(r, "X-Seen", http_header(r, "X-Mine") ? http_header(r, "X-Mine") : "-");
    http_add_header(r, "X-Type", type ? type : "-");
    http_answer(r, 200, "text/plain", body, len);
}

static void on_big(struct http_request *r, void *ctx)
{
    (void)ctx;
    static char big[100000];
    memset(big, 'b', sizeof big);
    http_answer(r, 200, "text/plain", big, sizeof big);
}

static void on_moved(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_add_header(r, "Location", "/echo");
    http_answer(r, 302, NULL, NULL, 0);
}

static void on_wait(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_work(r, on_echo);
}

static const struct http_route routes[] = {
    {"POST", "/echo", HTTP_ON_LOOP, 0, 1000000, on_echo},
    {"GET", "/echo", HTTP_ON_LOOP, 0, 0, on_echo},
    {"PUT", "/peer/*", HTTP_ON_LOOP, HTTP_PEER_AUTH, 100, on_echo},
    {"GET", "/peer/*", HTTP_ON_WORKER, HTTP_PEER_AUTH, 100, on_echo},
    {"GET", "/big", HTTP_ON_LOOP, 0, 0, on_big},
    {"GET", "/moved", HTTP_ON_LOOP, 0, 0, on_moved},
    {"GET", "/wait", HTTP_ON_LOOP, 0, 0, on_wait},
    {NULL, NULL, HTTP_ON_LOOP, 0, 0, NULL},
};

static void on_connection(void *arg, int fd, const char *peer)
{
    (void)arg;
    http_server_add(f.server, fd, peer, NULL);
}

static int swallowed = -1;

static void on_silence(void *arg, int fd, const char *peer)
{
    (void)arg;
    (void)peer;
    if (swallowed >= 0)
        close(swallowed);
    swallowed = fd;
}

static void do_start(void *arg)
{
    (void)arg;
    struct http_server_options options = {.loop = f.kit.loop, .routes = routes, .peer_key = key};
    assert_int_equal(http_server_create(&options, &f.server), 0);
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", 0, on_connection, NULL, &f.listener), 0);
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", 0, on_silence, NULL, &f.silent), 0);
    f.port = listener_port(f.listener);
    f.silent_port = listener_port(f.silent);
    assert_int_equal(http_client_create(f.kit.loop, &f.client), 0);
}

static void do_stop(void *arg)
{
    (void)arg;
    f.client = http_client_destroy(f.client);
    listener_destroy(f.listener);
    listener_destroy(f.silent);
    http_server_destroy(f.server);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    loop_kit_start(&f.kit);
    loop_kit_do(&f.kit, do_start, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    if (swallowed >= 0)
        close(swallowed);
    swallowed = -1;
    return 0;
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct result *result = arg;
    result->error = answer->error;
    result->status = answer->status;
    str_copy(result->type, sizeof result->type, answer->type);
    result->len = answer->len;
    memcpy(result->body, answer->body, MIN(answer->len + 1, sizeof result->body - 1));
    for (const char *const *h = answer->headers; *h; h++)
        result->saw_header = result->saw_header || str_eq(*h, "X-Seen: yes");
    if (result->destroy)
        f.client = http_client_destroy(f.client);
    result->calls++;
}

static void do_call(void *arg)
{
    int rc = http_client_call(f.client, &f.options, on_answer, &f.result, &f.call);
    *(int *)arg = rc;
    assert_int_equal(f.result.calls, 0); /* never from inside */
}

static bool answered(void *arg)
{
    (void)arg;
    return f.result.calls == 1;
}

static void call(const char *method, unsigned port, const char *path)
{
    int rc = -1;
    bool destroy = f.result.destroy;
    memset(&f.result, 0, sizeof f.result);
    f.result.destroy = destroy;
    snprintf(f.url, sizeof f.url, "http://127.0.0.1:%u%s", port, path);
    f.options.method = method;
    f.options.url = f.url;
    loop_kit_do(&f.kit, do_call, &rc);
    assert_int_equal(rc, 0);
    assert_true(loop_kit_wait(&f.kit, answered, NULL));
}

static void test_calls(void **state)
{
    (void)state;
    static const char *const headers[] = {"X-Mine: yes", NULL};
    f.options.headers = headers;
    call("GET", f.port, "/echo");
    assert_int_equal(f.result.error, 0);
    assert_int_equal(f.result.status, 200);
    assert_string_equal(f.result.type, "text/plain");
    assert_true(f.result.saw_header);
    assert_int_equal(f.result.len, 0);
    f.options.body = "hello";
    f.options.body_len = 5;
    call("POST", f.port, "/echo");
    assert_string_equal(f.result.body, "hello");
    call("DELETE", f.port, "/echo");
    assert_int_equal(f.result.status, 405);
    f.options.body_len = 0;
    call("POST", f.port, "/echo"); /* a body of nothing has a length, too */
    assert_int_equal(f.result.status, 200);
    call("HEAD", f.port, "/echo");
    assert_int_equal(f.result.status, 200);
    call("GET", f.port, "/wait");
    assert_int_equal(f.result.status, 200);
    call("GET", f.port, "/moved"); /* redirects are not followed */
    assert_int_equal(f.result.status, 302);
}

static void test_peer(void **state)
{
    (void)state;
    static const char *const headers[] = {"X-Session-ID: 5", "X-App-Args: a%20b", NULL};
    f.options.headers = headers;
    f.options.body = "hello";
    f.options.body_len = 5;
    call("PUT", f.port, "/peer/a?b=c%20d");
    assert_int_equal(f.result.status, 401);
    f.options.peer_key = key;
    call("PUT", f.port, "/peer/a?b=c%20d");
    assert_int_equal(f.result.status, 200);
    f.options.body_len = 0;
    call("GET", f.port, "/peer/x/../y//z");
    assert_int_equal(f.result.status, 200);
    f.options.peer_key = (const uint8_t *)"another key that is not the right";
    call("PUT", f.port, "/peer/a");
    assert_int_equal(f.result.status, 401);
}

static void test_errors(void **state)
{
    (void)state;
    unsigned port = f.port;
    f.options.max_answer = 99999;
    call("GET", port, "/big");
    assert_int_equal(f.result.error, -EMSGSIZE);
    f.options.max_answer = 100000;
    call("GET", port, "/big");
    assert_int_equal(f.result.error, 0);
    assert_int_equal(f.result.len, 100000);
    f.options.timeout_ms = 300;
    call("GET", f.silent_port, "/");
    assert_int_equal(f.result.error, -ETIMEDOUT);
    call("GET", 1, "/"); /* a port where nobody listens */
    assert_int_equal(f.result.error, -ECONNREFUSED);
}

static void test_body_into_a_file(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    f.options.body_fd = fileno(file);
    f.options.max_answer = 99999;
    call("GET", f.port, "/big");
    assert_int_equal(f.result.error, -EMSGSIZE);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
    assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
    f.options.max_answer = 100000;
    call("GET", f.port, "/big");
    assert_int_equal(f.result.error, 0);
    assert_int_equal(f.result.len, 0);
    assert_int_equal(lseek(fileno(file), 0, SEEK_CUR), 100000);
    /* What is no success does not get in. */
    call("GET", f.port, "/nowhere");
    assert_int_equal(f.result.status, 404);
    assert_true(f.result.len > 0);
    assert_int_equal(lseek(fileno(file), 0, SEEK_CUR), 100000);
    (void)fclose(file);
}

static void test_refused_options(void **state)
{
    (void)state;
    static const char *const evil[] = {"X-A: b\r\nX-B: c", NULL};
    int rc = 0;
    f.options = (struct http_call_options){.method = "GET", .url = "http://127.0.0.1:1/", .headers = evil};
    loop_kit_do(&f.kit, do_call, &rc);
    assert_int_equal(rc, -EINVAL);
    f.options = (struct http_call_options){.method = "GET", .url = "http://127.0.0.1:1/#x", .peer_key = key};
    loop_kit_do(&f.kit, do_call, &rc);
    assert_int_equal(rc, -EINVAL);
    f.options = (struct http_call_options){.method = "GET", .url = "file:///etc/passwd"};
    loop_kit_do(&f.kit, do_call, &rc);
    assert_int_equal(rc, 0);
    assert_true(loop_kit_wait(&f.kit, answered, NULL));
    assert_int_equal(f.result.error, -EINVAL);
}

static void do_call_and_cancel(void *arg)
{
    do_call(arg);
    http_call_cancel(f.call);
}

static void test_cancel(void **state)
{
    (void)state;
    int rc = -1;
    snprintf(f.url, sizeof f.url, "http://127.0.0.1:%u/echo", f.port);
    f.options = (struct http_call_options){.method = "GET", .url = f.url};
    loop_kit_do(&f.kit, do_call_and_cancel, &rc);
    assert_int_equal(rc, 0);
    loop_kit_do(&f.kit, do_call, &rc); /* this one is still under way when the client goes */
    assert_int_equal(f.result.calls, 0);
}

static void test_destroy_inside(void **state)
{
    (void)state;
    f.result.destroy = true;
    call("GET", f.port, "/echo");
    assert_null(f.client);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_calls),           T(test_peer),   T(test_errors),         T(test_body_into_a_file),
        T(test_refused_options), T(test_cancel), T(test_destroy_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
