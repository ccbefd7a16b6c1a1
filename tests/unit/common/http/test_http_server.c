/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/net/loop_kit.h"

#include "base/str.h"
#include "http/http_server.h"
#include "http/peer_auth.h"
#include "net/listener.h"

static const uint8_t key[32] = "0123456789abcdef0123456789abcde";

struct fixture {
    struct loop_kit kit;
    struct http_server *server;
    struct listener *listener;
    unsigned port;
    struct http_server_options options;
    struct http_request *waiting; /* deferred by /wait */
    int finished;
    unsigned last_status;
    int data_freed;
    int upgraded_fd;
    sem_t worker_runs;
    bool worker_finished;
    char early[64];
};

static struct fixture f;

static void on_echo(struct http_request *r, void *ctx)
{
    assert_ptr_equal(ctx, &f);
    size_t len;
    const void *body = http_body(r, &len);
    http_add_header(r, "X-Method", http_method(r));
    http_add_header(r, "X-Evil", "a\r\nX-Second: b");
    http_answer(r, 200, "text/plain", body, len);
}

static void on_show(struct http_request *r, void *ctx)
{
    (void)ctx;
    const char *q = http_query(r, "q");
    http_answer_data(r, 200,
                     json_pack("{s:s,s:s,s:s,s:s}", "id", http_param(r, "id"), "path", http_path(r), "url",
                               http_url(r), "q", q ? q : "-"));
}

static void on_json(struct http_request *r, void *ctx)
{
    (void)ctx;
    const json_t *body = http_json(r);
    if (body)
        http_answer_data(r, 201, json_copy((json_t *)(uintptr_t)body));
}

static void free_data(void *data)
{
    (void)data;
    f.data_freed++;
}

static void on_wait(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_set_data(r, &f, free_data);
    http_defer(r);
    f.waiting = r;
}

static void finish_work(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_answer(r, 200, "text/plain", "from the loop", 13);
}

static void on_worker(struct http_request *r, void *ctx)
{
    (void)ctx;
    const char *how = http_param(r, "how");
    if (str_eq(how, "answer"))
        http_answer_error(r, 409, "conflict", "from a worker");
    else if (str_eq(how, "loop"))
        http_on_loop(r, finish_work);
    else if (str_eq(how, "slow")) {
        sem_post(&f.worker_runs);
        poll(NULL, 0, 200); /* time for the server to be destroyed, if it did not wait */
        f.worker_finished = true;
        http_answer(r, 200, "text/plain", "to nobody", 9);
    }
}

static void on_loop_then_worker(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_work(r, on_worker);
}

static void on_peer(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_answer(r, 204, NULL, NULL, 0);
}

static void on_upgraded(void *arg, int fd, struct tls_conn *tls, const void *early, size_t len)
{
    (void)arg;
    assert_null(tls);
    f.upgraded_fd = fd;
    memcpy(f.early, early ? early : "", len);
}

static void on_upgrade(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_add_header(r, "Sec-WebSocket-Accept", "x");
    http_upgrade(r, on_upgraded, NULL);
}

static void on_finished(void *ctx, struct http_request *r, unsigned status)
{
    (void)r;
    assert_ptr_equal(ctx, &f);
    f.last_status = status;
    f.finished++;
}

static const struct http_route routes[] = {
    {"POST", "/echo", HTTP_ON_LOOP, 0, 1000000, on_echo},
    {"GET", "/echo", HTTP_ON_LOOP, 0, 0, on_echo},
    {"PUT", "/echo", HTTP_ON_LOOP, 0, 10, on_echo},
    {"GET", "/things/{id}/show", HTTP_ON_LOOP, 0, 0, on_show},
    {"GET", "/rest/*", HTTP_ON_LOOP, 0, 0, on_show},
    {"POST", "/json", HTTP_ON_LOOP, 0, 1000, on_json},
    {"GET", "/wait", HTTP_ON_LOOP, 0, 0, on_wait},
    {"GET", "/worker/{how}", HTTP_ON_WORKER, 0, 0, on_worker},
    {"GET", "/two/{how}", HTTP_ON_LOOP, 0, 0, on_loop_then_worker},
    {"POST", "/peer", HTTP_ON_LOOP, HTTP_PEER_AUTH, 100, on_peer},
    {"GET", "/upgrade", HTTP_ON_LOOP, 0, 0, on_upgrade},
    {NULL, NULL, HTTP_ON_LOOP, 0, 0, NULL},
};

static void on_mounted(struct http_request *r, void *ctx)
{
    const char *text = ctx;
    http_answer(r, 200, "text/plain", text, strlen(text));
}

static const struct http_route mounted[] = {
    {"GET", "/mounted/*", HTTP_ON_WORKER, 0, 0, on_mounted},
    {"PATCH", "/echo", HTTP_ON_LOOP, 0, 0, on_mounted},
    {0},
};
static char mounted_ctx[] = "context of the mount";
static const struct http_mount mounts[] = {{mounted, mounted_ctx}, {NULL, NULL}};

static void on_connection(void *arg, int fd, const char *peer)
{
    (void)arg;
    assert_string_equal(peer, "127.0.0.1");
    http_server_add(f.server, fd, peer, NULL);
}

static void do_start(void *arg)
{
    (void)arg;
    assert_int_equal(http_server_create(&f.options, &f.server), 0);
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", 0, on_connection, NULL, &f.listener), 0);
    f.port = listener_port(f.listener);
}

static void do_stop(void *arg)
{
    (void)arg;
    f.listener = listener_destroy(f.listener);
    f.server = http_server_destroy(f.server);
}

static int setup_with(unsigned max_per_address)
{
    static const char *const headers[] = {"X-Everywhere: yes", NULL};
    memset(&f, 0, sizeof f);
    f.upgraded_fd = -2;
    sem_init(&f.worker_runs, 0, 0);
    loop_kit_start(&f.kit);
    f.options = (struct http_server_options){
        .loop = f.kit.loop,
        .mounts = mounts,
        .routes = routes,
        .ctx = &f,
        .base_path = "/base",
        .peer_key = key,
        .headers = headers,
        .arrive_ms = 400,
        .idle_ms = 600,
        .max_connections = 20,
        .max_per_address = max_per_address,
        .finished = on_finished,
    };
    loop_kit_do(&f.kit, do_start, NULL);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(0);
}

static int setup_two_each(void **state)
{
    (void)state;
    return setup_with(2);
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    return 0;
}

static char buf[400000];

/* One request on a connection of its own, to the end. */
static const char *talk(const char *request)
{
    int fd = connect_to(f.port);
    send_text(fd, request);
    read_all(fd, buf, sizeof buf);
    close(fd);
    return buf;
}

static void assert_starts(const char *text, const char *start)
{
    if (!str_starts_with(text, start))
        fail_msg("\"%.200s\" does not start with \"%s\"", text, start);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%.600s\" does not have \"%s\"", text, part);
}

#define CLOSE "Host: x\r\nConnection: close\r\n"

static void test_answers(void **state)
{
    (void)state;
    talk("GET /echo HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 200");
    assert_has(buf, "X-Everywhere: yes");
    assert_null(strstr(buf, "X-Evil"));
    assert_null(strstr(buf, "X-Second"));
    talk("POST /echo HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello");
    assert_has(buf, "\r\n\r\nhello");
    talk("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_has(buf, "\r\n\r\nhello"); /* and the connection closes by itself */
    talk("HEAD /echo HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(buf, "X-Method: HEAD");
    assert_int_equal(strlen(strstr(buf, "\r\n\r\n")), 4);
    talk("GET /nothing HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 404");
    assert_has(buf, "{\"success\":false,\"error\":{\"code\":\"not_found\"");
    assert_has(buf, "application/json");
    talk("DELETE /echo HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 405");
    assert_has(buf, "Allow: PATCH, POST, GET, PUT");
}

static void test_routes(void **state)
{
    (void)state;
    talk("GET /things/a%2Fb%20%C3%A9/show?q=x%26y HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(buf, "\"id\":\"a/b \xc3\xa9\"");
    assert_has(buf, "\"q\":\"x&y\"");
    talk("GET /base/things/7/show HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(buf, "\"url\":\"/things/7/show\"");
    talk("GET http://host/things/8/show HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(buf, "\"id\":\"8\"");
    talk("GET /baseless HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 404");
    talk("GET /things//show HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 404");
    talk("GET /things/%00/show HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 400");
    talk("GET /things/%ff/show HTTP/1.1\r\n" CLOSE "\r\n");
    assert_starts(buf, "HTTP/1.1 400");
}

static void test_mounts(void **state)
{
    (void)state;
    assert_has(talk("GET /base/mounted/x HTTP/1.1\r\n" CLOSE "\r\n"), "\r\n\r\ncontext of the mount");
    assert_has(talk("PATCH /echo HTTP/1.1\r\n" CLOSE "\r\n"), "\r\n\r\ncontext of the mount");
}

static void test_json(void **state)
{
    (void)state;
    talk("POST /json HTTP/1.1\r\n" CLOSE
         "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    assert_has(buf, "{\"success\":true,\"data\":{\"a\":1}}");
    talk("POST /json HTTP/1.1\r\n" CLOSE "Content-Type: application/json\r\nContent-Length: 4\r\n\r\n{\"a\"");
    assert_has(buf, "\"bad_json\"");
    talk("POST /json HTTP/1.1\r\n" CLOSE "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]");
    assert_has(buf, "\"bad_json\"");
    talk("POST /json HTTP/1.1\r\n" CLOSE "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    assert_starts(buf, "HTTP/1.1 415");
}

static void test_workers(void **state)
{
    (void)state;
    assert_starts(talk("GET /worker/answer HTTP/1.1\r\n" CLOSE "\r\n"), "HTTP/1.1 409");
    assert_has(talk("GET /worker/loop HTTP/1.1\r\n" CLOSE "\r\n"), "from the loop");
    assert_starts(talk("GET /worker/nothing HTTP/1.1\r\n" CLOSE "\r\n"), "HTTP/1.1 500");
    assert_starts(talk("GET /two/answer HTTP/1.1\r\n" CLOSE "\r\n"), "HTTP/1.1 409");
    assert_has(talk("GET /two/loop HTTP/1.1\r\n" CLOSE "\r\n"), "from the loop");
}

/* What a lenient front-end might read otherwise. */
static void test_smuggling(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5 6\r\n\r\nhello",
        "GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /echo HTTP/1.1\r\nX-A: b\r\n\r\n",
        "GET /echo HTTP/1.1\nHost: x\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\tc\r\nX-B: d\r\n\r\n",
        "GET /echo HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\rX-B: c\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: \x01\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        talk(bad[i]); /* returns at the end: so it was closed, too */
        if (!str_starts_with(buf, "HTTP/1.1 400"))
            fail_msg("case %zu: %.100s", i, buf);
    }
    int fd = connect_to(f.port);
    static const char nul[] = "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\nX-B: d\r\n\r\n";
    send_all(fd, nul, sizeof nul - 1);
    read_all(fd, buf, sizeof buf);
    assert_starts(buf, "HTTP/1.1 400");
    close(fd);
}

static void test_limits(void **state)
{
    (void)state;
    static char request[200000];
    /* 60 KiB in one header is fine, 70 KiB is not, and neither are 200 KB. */
    size_t sizes[] = {60000, 70000, 190000};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char *at = stpcpy(request, "GET /echo HTTP/1.1\r\n" CLOSE "X-Big: ");
        memset(at, 'a', sizes[i]);
        memcpy(at + sizes[i], "\r\n\r\n", sizeof("\r\n\r\n"));
        talk(request);
        assert_starts(buf, i == 0 ? "HTTP/1.1 200" : "HTTP/1.1 431");
    }
    char *at = stpcpy(request, "GET /echo HTTP/1.1\r\n" CLOSE);
    for (int i = 0; i < 300; i++)
        at += snprintf(at, 32, "X-%d: b\r\n", i);
    memcpy(at, "\r\n", sizeof("\r\n"));
    assert_starts(talk(request), "HTTP/1.1 431");
    at = stpcpy(request, "GET /echo?");
    memset(at, 'a', 20000);
    memcpy(at + 20000, " HTTP/1.1\r\n" CLOSE "\r\n", sizeof(" HTTP/1.1\r\n" CLOSE "\r\n"));
    assert_starts(talk(request), "HTTP/1.1 414");
}

static void test_body_too_large(void **state)
{
    (void)state;
    /* Announced: answered before the body is sent, and the answer survives a client that goes on sending. */
    assert_starts(talk("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"), "HTTP/1.1 413");
    int fd = connect_to(f.port);
    send_text(fd, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 10; i++)
        send_all(fd, buf, 100000);
    read_all(fd, buf, sizeof buf);
    assert_starts(buf, "HTTP/1.1 413");
    assert_has(buf, "\"too_large\"");
    close(fd);
    talk("PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
    assert_starts(buf, "HTTP/1.1 413");
    assert_starts(talk("PUT /echo HTTP/1.1\r\n" CLOSE "Content-Length: 10\r\n\r\n0123456789"),
                  "HTTP/1.1 200");
    assert_starts(talk("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
                  "HTTP/1.1 413");
}

static void test_pipelining(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /nothing "
                  "HTTP/1.1\r\nHost: x\r\n\r\n"
                  "GET /worker/loop HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\n" CLOSE
                  "Content-Length: 4\r\n\r\nlast");
    read_all(fd, buf, sizeof buf);
    const char *one = strstr(buf, "\r\n\r\none");
    const char *missing = strstr(buf, "not_found");
    const char *worker = strstr(buf, "from the loop");
    const char *last = strstr(buf, "\r\n\r\nlast");
    assert_true(one && missing && worker && last);
    assert_true(one < missing && missing < worker && worker < last);
    close(fd);
}

static bool is_waiting(void *arg)
{
    (void)arg;
    return f.waiting != NULL;
}

static bool none_left(void *arg)
{
    (void)arg;
    return http_server_connections(f.server) == 0;
}

static void answer_waiting(void *arg)
{
    http_answer(f.waiting, 200, "text/plain", arg, strlen(arg));
    f.waiting = NULL;
}

static void test_destroy_waits_for_workers(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    send_text(fd, "GET /worker/slow HTTP/1.1\r\nHost: x\r\n\r\n");
    sem_wait(&f.worker_runs);
    loop_kit_do(&f.kit, do_stop, NULL);
    assert_true(f.worker_finished);
    assert_int_equal(read_all(fd, buf, sizeof buf), 0);
    close(fd);
}

static void test_cap_per_address(void **state)
{
    (void)state;
    int first = connect_to(f.port), second = connect_to(f.port);
    send_text(first, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    read_until(first, "\r\n\r\n", buf, sizeof buf);
    send_text(second, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    read_until(second, "\r\n\r\n", buf, sizeof buf);
    int third = connect_to(f.port);
    read_all(third, buf, sizeof buf);
    assert_starts(buf, "HTTP/1.1 503");
    close(third);
    close(second);
    close(first);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
    assert_starts(talk("GET /echo HTTP/1.1\r\n" CLOSE "\r\n"), "HTTP/1.1 200");
}

static void test_expect(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    send_text(fd, "PUT /echo HTTP/1.1\r\n" CLOSE "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    read_until(fd, "\r\n\r\n", buf, sizeof buf);
    assert_starts(buf, "HTTP/1.1 100");
    send_text(fd, "hello");
    read_all(fd, buf, sizeof buf);
    assert_has(buf, "\r\n\r\nhello");
    close(fd);
    assert_starts(talk("PUT /echo HTTP/1.1\r\n" CLOSE "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n"),
                  "HTTP/1.1 413");
}

static void check_gone(void *arg)
{
    *(bool *)arg = http_is_gone(f.waiting);
}

static void test_deferred(void **state)
{
    (void)state;
    bool gone = true;
    int fd = connect_to(f.port);
    send_text(fd, "GET /wait HTTP/1.1\r\n" CLOSE "\r\n");
    assert_true(loop_kit_wait(&f.kit, is_waiting, NULL));
    loop_kit_do(&f.kit, check_gone, &gone);
    assert_false(gone);
    loop_kit_do(&f.kit, answer_waiting, (void *)(uintptr_t) "late");
    read_all(fd, buf, sizeof buf);
    assert_has(buf, "\r\n\r\nlate");
    close(fd);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
    assert_int_equal(f.data_freed, 1);
}

static bool peer_gone(void *arg)
{
    bool gone = false;
    (void)arg;
    check_gone(&gone);
    return gone;
}

static void test_client_leaves(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    send_text(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(loop_kit_wait(&f.kit, is_waiting, NULL));
    close(fd);
    assert_true(loop_kit_wait(&f.kit, peer_gone, NULL));
    loop_kit_do(&f.kit, answer_waiting, (void *)(uintptr_t) "to nobody");
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
    assert_int_equal(f.data_freed, 1);
}

static void test_server_leaves(void **state)
{
    (void)state;
    bool gone = false;
    int fd = connect_to(f.port);
    send_text(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(loop_kit_wait(&f.kit, is_waiting, NULL));
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_do(&f.kit, check_gone, &gone);
    assert_true(gone);
    assert_int_equal(f.data_freed, 0);
    loop_kit_do(&f.kit, answer_waiting, (void *)(uintptr_t) "to nobody");
    assert_int_equal(f.data_freed, 1);
    assert_int_equal(read_all(fd, buf, sizeof buf), 0);
    close(fd);
}

/* Each of these is ended by the server within its deadline: read_all sees the end. */
static void test_deadlines(void **state)
{
    (void)state;
    static const char *const slow[] = {
        "",
        "GET /ec",
        "GET /echo HTTP/1.1\r\nHost: x\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel",
        "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", /* answered, then idle */
    };
    for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
        uint64_t start = clock_monotonic_ms(NULL);
        talk(slow[i]);
        uint64_t took = clock_monotonic_ms(NULL) - start;
        assert_in_range(took, 300, 5000);
    }
    /* A trickle does not help. */
    int fd = connect_to(f.port);
    uint64_t start = clock_monotonic_ms(NULL);
    send_text(fd, "GET /echo HTTP/1.1\r\nHost: x\r\nX: ");
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 50) == 0 && clock_monotonic_ms(NULL) - start < 5000)
        send(fd, "a", 1, MSG_NOSIGNAL);
    assert_in_range(clock_monotonic_ms(NULL) - start, 300, 3000);
    close(fd);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
}

static void test_connection_cap(void **state)
{
    (void)state;
    int fds[20];
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = connect_to(f.port);
        send_text(fds[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        read_until(fds[i], "\r\n\r\n", buf, sizeof buf);
    }
    int fd = connect_to(f.port);
    read_all(fd, buf, sizeof buf);
    assert_starts(buf, "HTTP/1.1 503");
    const char *body = strstr(buf, "\r\n\r\n") + 4;
    const char *length = strstr(buf, "Content-Length: ") + 16;
    assert_int_equal(strlen(body), strtoul(length, NULL, 10));
    close(fd);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    assert_true(loop_kit_wait(&f.kit, none_left, NULL));
    assert_starts(talk("GET /echo HTTP/1.1\r\n" CLOSE "\r\n"), "HTTP/1.1 200");
}

static const char *no_header(const void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "x-app-id") == 0 ? "app" : NULL;
}

static void test_peer_auth(void **state)
{
    (void)state;
    struct peer_auth_request part = {"POST", "/peer?a=b", "body", 4, no_header, NULL};
    cleanup_free char *value = peer_auth_sign(key, &part);
    char request[600];
    static const char form[] =
        "POST %s HTTP/1.1\r\n" CLOSE "X-Isthmus-Auth: %s\r\nX-App-Id: %s\r\nContent-Length: 4\r\n\r\n%s";
    snprintf(request, sizeof request, form, "/peer?a=b", value, "app", "body");
    assert_starts(talk(request), "HTTP/1.1 204");
    snprintf(request, sizeof request, form, "/peer?a=c", value, "app", "body");
    assert_starts(talk(request), "HTTP/1.1 401");
    assert_has(buf, "\"peer_auth\"");
    snprintf(request, sizeof request, form, "/peer?a=b", value, "app", "bodY");
    assert_starts(talk(request), "HTTP/1.1 401");
    snprintf(request, sizeof request, form, "/peer?a=b", value, "other", "body");
    assert_starts(talk(request), "HTTP/1.1 401");
    assert_starts(talk("POST /peer HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n"), "HTTP/1.1 401");
}

static bool is_upgraded(void *arg)
{
    (void)arg;
    return f.upgraded_fd != -2;
}

static void test_upgrade(void **state)
{
    (void)state;
    int fd = connect_to(f.port);
    send_text(
        fd,
        "GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly bytes");
    read_until(fd, "\r\n\r\n", buf, sizeof buf);
    assert_starts(buf, "HTTP/1.1 101");
    assert_has(buf, "Upgrade: websocket");
    assert_has(buf, "Sec-WebSocket-Accept: x");
    assert_true(loop_kit_wait(&f.kit, is_upgraded, NULL));
    assert_true(f.upgraded_fd >= 0);
    assert_string_equal(f.early, "early bytes");
    assert_true(loop_kit_wait(&f.kit, none_left, NULL)); /* the server has let go, the socket lives on */
    send_text(f.upgraded_fd, "over");
    assert_int_equal(read_until(fd, "over", buf, sizeof buf), 4);
    close(f.upgraded_fd);
    assert_int_equal(read_all(fd, buf, sizeof buf), 0);
    close(fd);
}

static bool two_finished(void *arg)
{
    (void)arg;
    return f.finished == 2;
}

static void test_access_log(void **state)
{
    (void)state;
    talk("GET /echo HTTP/1.1\r\n" CLOSE "\r\n");
    talk("GET /nothing HTTP/1.1\r\n" CLOSE "\r\n");
    assert_true(loop_kit_wait(&f.kit, two_finished, NULL));
    assert_int_equal(f.last_status, 404);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cap_per_address, setup_two_each, teardown),
        T(test_destroy_waits_for_workers),
        T(test_expect),
        T(test_answers),
        T(test_routes),
        T(test_mounts),
        T(test_json),
        T(test_workers),
        T(test_smuggling),
        T(test_limits),
        T(test_body_too_large),
        T(test_pipelining),
        T(test_deferred),
        T(test_client_leaves),
        T(test_server_leaves),
        T(test_deadlines),
        T(test_connection_cap),
        T(test_peer_auth),
        T(test_upgrade),
        T(test_access_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
