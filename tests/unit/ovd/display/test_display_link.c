/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line to the session host, against a host made of the same words. */
#include "common/net/loop_kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/str.h"
#include "ovd/display/display_link.h"
#include "ovd/display/host_kit.h"

struct state {
    struct loop_kit loop;
    struct host_kit host;
    struct display_link *link;
    /* the loop's thread writes and reads these */
    struct display_line line;
    int fd;
    unsigned lines, lost;
};

static struct state s;

static void on_line(void *arg, const struct display_line *line, int fd)
{
    (void)arg;
    s.line = *line;
    s.fd = fd;
    s.lines++;
}

static void on_lost(void *arg)
{
    (void)arg;
    s.lost++;
}

static void open_link(void *path)
{
    static const struct display_link_events events = {on_line, on_lost};

    assert_int_equal(display_link_create(s.loop.loop, path, &events, NULL, &s.link), 0);
}

static void close_link(void *arg)
{
    (void)arg;
    display_link_destroy(s.link);
}

static void start(void)
{
    memset(&s, 0, sizeof(s));
    s.fd = -1;
    host_kit_start(&s.host);
    loop_kit_start(&s.loop);
    loop_kit_do(&s.loop, open_link, s.host.path);
}

static void stop(void)
{
    loop_kit_do(&s.loop, close_link, NULL);
    loop_kit_stop(&s.loop);
    host_kit_stop(&s.host);
}

static bool lines_are(void *count)
{
    return s.lines == *(const unsigned *)count;
}

static void await_lines(unsigned count)
{
    assert_true(loop_kit_wait(&s.loop, lines_are, &count));
}

static void tell(void *arg)
{
    const unsigned *count = arg;

    for (unsigned i = 0; i < *count; i++)
        display_link_tell(s.link, i % 2 ? DISPLAY_LINE_LEFT : DISPLAY_LINE_JOINED, i % 4 < 2 ? "" : "abcde",
                          "owner");
}

static void test_words(void **state)
{
    unsigned count = 3;
    int pair[2];
    char byte;

    (void)state;
    start();
    host_kit_accept(&s.host);
    host_kit_say(&s.host, "HELLO 1");
    await_lines(1);
    assert_int_equal(s.line.verb, DISPLAY_LINE_HELLO);
    host_kit_say(&s.host, "a later version's word");
    host_kit_say(&s.host, "PARTICIPANT owner active 6262616131306463");
    await_lines(2);
    assert_string_equal(s.line.password, "bbaa10dc");
    assert_int_equal(s.fd, -1);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    host_kit_client(&s.host, "abcde", pair[1]);
    await_lines(3);
    assert_string_equal(s.line.instance, "abcde");
    assert_int_equal(write(s.fd, "x", 1), 1);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    close(s.fd);
    close(pair[0]);

    loop_kit_do(&s.loop, tell, &count);
    host_kit_hear(&s.host, "JOINED - owner");
    host_kit_hear(&s.host, "LEFT - owner");
    host_kit_hear(&s.host, "JOINED abcde owner");
    stop();
}

/* A descriptor where none belongs, or none where one does: nothing happens, and nothing stays open. */
static void test_wrong_descriptors(void **state)
{
    int pair[2];
    char byte;

    (void)state;
    start();
    host_kit_accept(&s.host);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    set_timeouts(pair[0]);
    host_kit_pass(&s.host, "HELLO 1", pair[1]);
    host_kit_say(&s.host, "CLIENT -");
    host_kit_say(&s.host, "LISTED");
    await_lines(1);
    assert_int_equal(s.line.verb, DISPLAY_LINE_LISTED);
    assert_int_equal(read(pair[0], &byte, 1), 0);
    close(pair[0]);
    stop();
}

static bool is_lost(void *arg)
{
    (void)arg;
    return s.lost == 1;
}

static void test_back_off(void **state)
{
    unsigned count = 1;

    (void)state;
    start();
    host_kit_accept(&s.host);
    host_kit_say(&s.host, "HELLO 1");
    await_lines(1);
    host_kit_close(&s.host);
    assert_true(loop_kit_wait(&s.loop, is_lost, NULL));
    loop_kit_do(&s.loop, tell, &count); /* harmless while it is away */
    host_kit_listen(&s.host);
    host_kit_accept(&s.host);
    host_kit_say(&s.host, "HELLO 1");
    await_lines(2);
    loop_kit_do(&s.loop, tell, &count);
    host_kit_hear(&s.host, "JOINED - owner");
    assert_int_equal(s.lost, 1);
    stop();
}

/* A host that is slow gets everything; one that never reads is left. */
static void test_slow_host(void **state)
{
    unsigned count = 2000;

    (void)state;
    start();
    host_kit_accept(&s.host);
    host_kit_say(&s.host, "HELLO 1");
    await_lines(1);
    loop_kit_do(&s.loop, tell, &count);
    for (unsigned i = 0; i < count; i++)
        host_kit_hear(&s.host, i % 2   ? (i % 4 < 2 ? "LEFT - owner" : "LEFT abcde owner")
                               : i % 4 ? "JOINED abcde owner"
                                       : "JOINED - owner");
    count = 20000;
    loop_kit_do(&s.loop, tell, &count);
    assert_true(loop_kit_wait(&s.loop, is_lost, NULL));
    stop();
}

static void test_long_path(void **state)
{
    char name[100], path[256];

    (void)state;
    memset(&s, 0, sizeof(s));
    memset(name, 'd', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    host_kit_start(&s.host);
    snprintf(path, sizeof(path), "%s/%s", s.host.dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/%s/rfb.sock", s.host.dir, name);
    assert_int_equal(symlink("../rfb.sock", path), 0);
    loop_kit_start(&s.loop);
    loop_kit_do(&s.loop, open_link, path);
    host_kit_accept(&s.host);
    host_kit_say(&s.host, "HELLO 1");
    await_lines(1);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),     cmocka_unit_test(test_wrong_descriptors),
        cmocka_unit_test(test_back_off),  cmocka_unit_test(test_slow_host),
        cmocka_unit_test(test_long_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
