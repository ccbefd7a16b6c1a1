/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/net/loop_kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "http/http_static.h"
#include "net/listener.h"

static struct {
    struct loop_kit kit;
    struct http_server *server;
    struct listener *listener;
    unsigned port;
    char directory[64];
} f;

static void on_file(struct http_request *r, void *ctx)
{
    (void)ctx;
    char root[100];
    snprintf(root, sizeof root, "%s/web", f.directory);
    http_static_answer(r, root, http_param(r, "*"));
}

static const struct http_route routes[] = {
    {"GET", "/*", HTTP_ON_LOOP, 0, 0, on_file},
    {NULL, NULL, HTTP_ON_LOOP, 0, 0, NULL},
};

static void on_connection(void *arg, int fd, const char *peer)
{
    (void)arg;
    http_server_add(f.server, fd, peer, NULL);
}

static void do_start(void *arg)
{
    (void)arg;
    struct http_server_options options = {.loop = f.kit.loop, .routes = routes};
    assert_int_equal(http_server_create(&options, &f.server), 0);
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", 0, on_connection, NULL, &f.listener), 0);
    f.port = listener_port(f.listener);
}

static void do_stop(void *arg)
{
    (void)arg;
    listener_destroy(f.listener);
    http_server_destroy(f.server);
}

static void put(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", f.directory, name);
    assert_int_equal(file_write(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static int setup(void **state)
{
    (void)state;
    char path[200], target[200];
    memset(&f, 0, sizeof f);
    assert_int_equal(str_copy(f.directory, sizeof(f.directory), "/tmp/isthmus-static-XXXXXX"), 0);
    assert_non_null(mkdtemp(f.directory));
    snprintf(path, sizeof path, "%s/web/sub", f.directory);
    assert_int_equal(dir_make(path, 0755), 0);
    put("web/index.html", "<p>index");
    put("web/app.mjs", "export {}");
    put("web/sub/index.html", "<p>sub");
    put("web/sub/.hidden", "hidden");
    put("web/data.bin", "data");
    put("secret.txt", "secret");
    snprintf(path, sizeof path, "%s/web/link.txt", f.directory);
    assert_int_equal(symlink("../secret.txt", path), 0);
    snprintf(path, sizeof path, "%s/web/out", f.directory);
    snprintf(target, sizeof target, "%s", f.directory);
    assert_int_equal(symlink(target, path), 0);
    loop_kit_start(&f.kit);
    loop_kit_do(&f.kit, do_start, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    cleanup_close int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, f.directory + strlen("/tmp/")), 0);
    return 0;
}

static char buf[20000];

static unsigned get(const char *path, const char *extra)
{
    char request[600];
    int fd = connect_to(f.port);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", path,
             extra);
    send_text(fd, request);
    read_all(fd, buf, sizeof buf);
    close(fd);
    return (unsigned)strtoul(buf + 9, NULL, 10);
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(get("/", ""), 200);
    assert_non_null(strstr(buf, "\r\n\r\n<p>index"));
    assert_non_null(strstr(buf, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(buf, "Cache-Control: no-cache\r\n"));
    assert_non_null(strstr(buf, "X-Content-Type-Options: nosniff\r\n"));
    assert_int_equal(get("/app.mjs", ""), 200);
    assert_non_null(strstr(buf, "Content-Type: text/javascript"));
    assert_int_equal(get("/sub/", ""), 200);
    assert_non_null(strstr(buf, "<p>sub"));
    assert_int_equal(get("/data.bin", ""), 200);
    assert_non_null(strstr(buf, "application/octet-stream"));
}

static void test_etag(void **state)
{
    (void)state;
    char extra[200], tag[80];
    assert_int_equal(get("/", ""), 200);
    const char *found = strstr(buf, "ETag: ");
    assert_non_null(found);
    found += 6;
    snprintf(tag, sizeof tag, "%.*s", (int)strcspn(found, "\r"), found);
    snprintf(extra, sizeof extra, "If-None-Match: \"x\", W/%s\r\n", tag);
    assert_int_equal(get("/", extra), 304);
    assert_int_equal(get("/", "If-None-Match: *\r\n"), 304);
    assert_int_equal(get("/", "If-None-Match: \"x\"\r\n"), 200);
    put("web/index.html", "<p>changed");
    assert_int_equal(get("/", extra), 200);
}

static void test_confinement(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "/link.txt",
        "/out/secret.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub/../../secret.txt",
        "/sub/.hidden",
        "/.git/config",
        "/sub",
        "/none",
        "/index.html/",
        "/%2e%2e%2fsecret.txt",
        "//etc/passwd",
        "/sub//index.html",
        "/%2fetc%2fpasswd",
        "/..%5csecret.txt",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unsigned status = get(bad[i], "");
        if (status != 404)
            fail_msg("%s: %u", bad[i], status);
        assert_null(strstr(buf, "secret\n"));
    }
    assert_int_equal(get("/index.html%00.js", ""), 400);
    assert_int_equal(get("/%c0%ae%c0%ae/secret.txt", ""), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_etag, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confinement, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
