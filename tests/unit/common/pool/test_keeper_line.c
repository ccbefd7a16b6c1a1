/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"
#include "pool/keeper_line.h"

#define ID "0123456789abcdef0123456789abcdef"

static int parse(const char *text, struct keeper_line *line)
{
    return keeper_line_parse(text, strlen(text), line);
}

static void test_words(void **state)
{
    (void)state;
    struct keeper_line line;
    assert_int_equal(parse("KEEPER 2 " ID " webs01 -1 0 3", &line), 0);
    assert_int_equal(line.verb, KEEPER_HELLO);
    assert_int_equal(line.version, 2);
    assert_int_equal(line.instances, 3);
    assert_string_equal(line.session_id, ID);
    assert_string_equal(line.account, "webs01");
    assert_int_equal(line.display, -1);
    assert_int_equal(parse("READY 100", &line), 0);
    assert_int_equal(line.display, 100);
    assert_int_equal(parse("STREAMER 4711", &line), 0);
    assert_int_equal(line.streamer, 4711);
    assert_int_equal(parse("ENDED no_window", &line), 0);
    assert_string_equal(line.reason, "no_window");
    assert_int_equal(parse("STOP kill", &line), 0);
    assert_int_equal(line.verb, KEEPER_STOP);
    assert_int_equal(parse("STATUS", &line), 0);
    assert_int_equal(parse("INSTANCE a1B2c 101", &line), 0);
    assert_int_equal(line.verb, KEEPER_INSTANCE);
    assert_string_equal(line.instance, "a1B2c");
    assert_int_equal(line.display, 101);
    assert_int_equal(parse("INSTANCE a1B2c -1", &line), 0);
    assert_int_equal(line.display, -1);
    assert_int_equal(parse("GONE a1B2c exit", &line), 0);
    assert_int_equal(line.verb, KEEPER_GONE);
    assert_string_equal(line.reason, "exit");
    assert_int_equal(parse("RUN a1B2c", &line), 0);
    assert_int_equal(line.verb, KEEPER_RUN);
    assert_int_equal(parse("CLOSE a1B2c", &line), 0);
    assert_int_equal(line.verb, KEEPER_CLOSE);
    assert_int_equal(parse("MESSAGE", &line), 0);
    assert_int_equal(line.verb, KEEPER_MESSAGE);
}

static void test_nonsense(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "HELLO",
                                      "KEEPER",
                                      "KEEPER 2 short webs01 -1 0 0",
                                      "KEEPER 2 " ID " webs01 -2 0 0",
                                      "KEEPER 2 " ID " webs01 5",
                                      "KEEPER 2 " ID " webs01 5 0",
                                      "KEEPER 2 " ID " webs01 5 0 33",
                                      "KEEPER 2 " ID " a-name-that-is-longer-than-any-account 5 0 0",
                                      "INSTANCE",
                                      "INSTANCE a/b 1",
                                      "INSTANCE 01234567890123456 1",
                                      "INSTANCE a -2",
                                      "INSTANCE a",
                                      "GONE a",
                                      "GONE a Bad",
                                      "RUN",
                                      "RUN a b",
                                      "CLOSE ..",
                                      "MESSAGE hello",
                                      "READY",
                                      "READY 65536",
                                      "READY 1 2",
                                      "STREAMER 0",
                                      "ENDED",
                                      "ENDED Bad",
                                      "ENDED a b",
                                      "STOP aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                      "STATUS now"};
    struct keeper_line line;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(parse(bad[i], &line), -EINVAL);
    assert_int_equal(keeper_line_parse("STATUS\0", 7, &line), -EINVAL);
    char longer[KEEPER_LINE_MAX + 10];
    memset(longer, 'A', sizeof longer);
    assert_int_equal(keeper_line_parse(longer, sizeof longer, &line), -EINVAL);
}

/* What is sent is what is received, with a descriptor beside it. */
static void test_over_a_socket(void **state)
{
    (void)state;
    int pair[2], passed = -1;
    struct keeper_line hello = {.verb = KEEPER_HELLO, .display = 7, .streamer = 42}, line;
    (void)str_copy(hello.session_id, sizeof hello.session_id, ID);
    (void)str_copy(hello.account, sizeof hello.account, "webs01");
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(keeper_line_receive(pair[1], &line, &passed), -EAGAIN);
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(keeper_line_send(pair[0], &hello, null), 0);
    assert_int_equal(keeper_line_receive(pair[1], &line, &passed), 0);
    assert_string_equal(line.account, "webs01");
    assert_int_equal(line.streamer, 42);
    assert_true(passed >= 0);
    assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
    close(passed);
    /* Nonsense with a descriptor leaks nothing. */
    assert_int_equal(send(pair[0], "HELLO", 5, 0), 5);
    assert_int_equal(keeper_line_receive(pair[1], &line, &passed), -EINVAL);
    assert_int_equal(passed, -1);
    close(pair[0]);
    assert_int_equal(keeper_line_receive(pair[1], &line, &passed), -EPIPE);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_over_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
