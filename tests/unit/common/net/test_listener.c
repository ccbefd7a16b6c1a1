/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/net/loop_kit.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "net/listener.h"

struct fixture {
    struct loop_kit kit;
    struct listener *listener;
    struct connector *connector;
    const char *host;
    unsigned port;
    char path[64];
    int accepted;
    int connected;
    bool destroy_inside;
};

static struct fixture f;

static void on_connection(void *arg, int fd, const char *peer)
{
    (void)arg;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    (void)!write(fd, peer, strlen(peer));
    close(fd);
    f.accepted++;
    if (f.destroy_inside)
        f.listener = listener_destroy(f.listener);
}

static void do_listen(void *arg)
{
    (void)arg;
    int rc = f.path[0] ? listener_create_unix(f.kit.loop, f.path, 0620, on_connection, NULL, &f.listener)
                       : listener_create(f.kit.loop, f.host, f.port, on_connection, NULL, &f.listener);
    assert_int_equal(rc, 0);
    f.port = listener_port(f.listener);
}

static void do_stop(void *arg)
{
    (void)arg;
    f.listener = listener_destroy(f.listener);
    f.connector = connector_destroy(f.connector);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.connected = 1;
    loop_kit_start(&f.kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_kit_do(&f.kit, do_stop, NULL);
    loop_kit_stop(&f.kit);
    return 0;
}

static void assert_peer(int fd, const char *peer)
{
    char buf[100];
    read_all(fd, buf, sizeof buf);
    assert_string_equal(buf, peer);
    close(fd);
}

static void test_both_families(void **state)
{
    (void)state;
    f.host = "";
    loop_kit_do(&f.kit, do_listen, NULL);
    assert_peer(connect_to(f.port), "127.0.0.1");
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    v6.sin6_port = htons((uint16_t)f.port);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&v6, sizeof v6) == 0)
        assert_peer(fd, "::1");
    else if (fd >= 0)
        close(fd); /* a machine without IPv6 */
}

static void test_one_address(void **state)
{
    (void)state;
    f.host = "127.0.0.1";
    loop_kit_do(&f.kit, do_listen, NULL);
    assert_peer(connect_to(f.port), "127.0.0.1");
    struct listener *second;
    assert_int_equal(listener_create(f.kit.loop, "127.0.0.1", f.port, on_connection, NULL, &second),
                     -EADDRINUSE);
    assert_int_equal(listener_create(f.kit.loop, "no.such.host.invalid", 0, on_connection, NULL, &second),
                     -EADDRNOTAVAIL);
    assert_int_equal(listener_create(f.kit.loop, "", 70000, on_connection, NULL, &second), -EINVAL);
}

static void test_destroy_inside(void **state)
{
    (void)state;
    f.host = "127.0.0.1";
    f.destroy_inside = true;
    loop_kit_do(&f.kit, do_listen, NULL);
    assert_peer(connect_to(f.port), "127.0.0.1");
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_timeouts(fd);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_unix(void **state)
{
    (void)state;
    struct stat st;
    char directory[] = "/tmp/isthmus-net-XXXXXX";
    assert_non_null(mkdtemp(directory));
    snprintf(f.path, sizeof f.path, "%s/s", directory);
    for (int i = 0; i < 2; i++) { /* the second one replaces the first one's socket */
        loop_kit_do(&f.kit, do_listen, NULL);
        assert_int_equal(stat(f.path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0620);
        assert_peer(connect_unix(f.path), "unix");
        loop_kit_do(&f.kit, do_stop, NULL);
        assert_int_equal(stat(f.path, &st), -1);
    }
    rmdir(directory);
}

static bool accepted_all(void *arg)
{
    return f.accepted == *(int *)arg;
}

/* No descriptor is left: accepting pauses, and goes on when there are some again. */
static void test_shortage(void **state)
{
    (void)state;
    struct rlimit old, low;
    f.host = "127.0.0.1";
    loop_kit_do(&f.kit, do_listen, NULL);
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &low);
    for (int i = 0; i < 4; i++)
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&address, sizeof address), 0);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    poll(NULL, 0, 500); /* nothing can be awaited here: the point is that nothing happens */
    getrusage(RUSAGE_SELF, &after);
    setrlimit(RLIMIT_NOFILE, &old);
    long used =
        (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
            1000000 +
        after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    assert_in_range(used, 0, 250000); /* it did not spin */
    int four = 4;
    assert_true(loop_kit_wait(&f.kit, accepted_all, &four));
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void on_connected(void *arg, int fd_or_error)
{
    if (fd_or_error >= 0)
        close(fd_or_error);
    if (arg)
        f.connector = connector_destroy(f.connector);
    f.connected = fd_or_error >= 0 ? 0 : fd_or_error;
}

static void do_connect(void *arg)
{
    assert_int_equal(connector_create(f.kit.loop, f.host, f.port, 2000, on_connected, arg, &f.connector), 0);
    assert_int_equal(f.connected, 1);
}

static bool connected(void *arg)
{
    (void)arg;
    return f.connected != 1;
}

static void test_connect(void **state)
{
    (void)state;
    f.host = "127.0.0.1";
    loop_kit_do(&f.kit, do_listen, NULL);
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        f.host = hosts[i];
        f.connected = 1;
        loop_kit_do(&f.kit, do_connect, &f);
        assert_true(loop_kit_wait(&f.kit, connected, NULL));
        assert_int_equal(f.connected, 0);
    }
}

static void test_connect_fails(void **state)
{
    (void)state;
    f.host = "127.0.0.1";
    loop_kit_do(&f.kit, do_listen, NULL);
    loop_kit_do(&f.kit, do_stop, NULL); /* now nobody listens there */
    loop_kit_do(&f.kit, do_connect, NULL);
    assert_true(loop_kit_wait(&f.kit, connected, NULL));
    assert_int_equal(f.connected, -ECONNREFUSED);
    loop_kit_do(&f.kit, do_stop, NULL);
    f.connected = 1;
    f.host = "no.such.host.invalid";
    loop_kit_do(&f.kit, do_connect, &f);
    assert_true(loop_kit_wait(&f.kit, connected, NULL));
    assert_true(f.connected == -EHOSTUNREACH || f.connected == -ETIMEDOUT);
}

static void do_connect_and_cancel(void *arg)
{
    (void)arg;
    do_connect(NULL);
    f.connector = connector_destroy(f.connector);
}

static void test_cancel(void **state)
{
    (void)state;
    f.port = 1;
    f.host = "localhost"; /* a lookup on a worker that comes back to nobody */
    loop_kit_do(&f.kit, do_connect_and_cancel, NULL);
    f.host = "127.0.0.1";
    loop_kit_do(&f.kit, do_connect_and_cancel, NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_both_families), T(test_one_address), T(test_destroy_inside), T(test_unix),
        T(test_shortage),      T(test_connect),     T(test_connect_fails),  T(test_cancel),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    return rc;
}
