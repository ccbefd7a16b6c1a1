/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"
#include "pool/display_line.h"

static int parse(const char *text, struct display_line *line)
{
    return display_line_parse(text, strlen(text), line);
}

static void test_words(void **state)
{
    (void)state;
    struct display_line line;
    assert_int_equal(parse("HELLO 1", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_HELLO);
    assert_int_equal(line.version, 1);
    assert_int_equal(parse("PARTICIPANT owner active 3a20ff", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_PARTICIPANT);
    assert_string_equal(line.participant, "owner");
    assert_false(line.view_only);
    assert_string_equal(line.password, ": \xff");
    assert_int_equal(parse("PARTICIPANT a-_9 passive 6162636465666768", &line), 0);
    assert_true(line.view_only);
    assert_string_equal(line.password, "abcdefgh");
    assert_false(line.one_display);
    assert_int_equal(parse("PARTICIPANT guest passive 61 a1B2c", &line), 0);
    assert_true(line.one_display);
    assert_string_equal(line.instance, "a1B2c");
    assert_int_equal(parse("PARTICIPANT guest passive 61 -", &line), 0);
    assert_true(line.one_display);
    assert_string_equal(line.instance, "");
    assert_int_equal(parse("REMOVE owner", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_REMOVE);
    assert_string_equal(line.password, "");
    assert_int_equal(parse("INSTANCE a1B2c 103", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_INSTANCE);
    assert_string_equal(line.instance, "a1B2c");
    assert_int_equal(line.display, 103);
    assert_int_equal(parse("GONE a1B2c", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_GONE);
    assert_int_equal(parse("CLIENT -", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_CLIENT);
    assert_string_equal(line.instance, "");
    assert_int_equal(parse("JOINED - owner", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_JOINED);
    assert_int_equal(parse("LEFT a1B2c owner", &line), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_LEFT);
    assert_string_equal(line.instance, "a1B2c");
    assert_string_equal(line.participant, "owner");
}

static void test_nonsense(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "HELLO",
                                      "HELLO 0",
                                      "HELLO 1 ",
                                      "HELLO  1",
                                      " HELLO 1",
                                      "hello 1",
                                      "BYE",
                                      "PARTICIPANT owner active",
                                      "PARTICIPANT owner active ",
                                      "PARTICIPANT owner active 6",
                                      "PARTICIPANT owner active 6g",
                                      "PARTICIPANT owner active 6100",
                                      "PARTICIPANT owner active 616263646566676869",
                                      "PARTICIPANT owner both 61",
                                      "PARTICIPANT o.wner active 61",
                                      "PARTICIPANT 012345678901234567890123456789012 active 61",
                                      "PARTICIPANT owner active 61 ",
                                      "PARTICIPANT owner active 61 a/b",
                                      "PARTICIPANT owner active 61 x y",
                                      "PARTICIPANT owner active 61 01234567890123456",
                                      "REMOVE",
                                      "INSTANCE - 3",
                                      "INSTANCE a",
                                      "INSTANCE a 65536",
                                      "INSTANCE a -1",
                                      "INSTANCE a/b 3",
                                      "INSTANCE 01234567890123456 3",
                                      "GONE -",
                                      "CLIENT",
                                      "CLIENT a b",
                                      "JOINED -",
                                      "LEFT owner"};
    struct display_line line;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (parse(bad[i], &line) != -EINVAL)
            fail_msg("\"%s\" was taken", bad[i]);
    }
    assert_int_equal(display_line_parse("GONE a\0b", 8, &line), -EINVAL);
    char longer[DISPLAY_LINE_MAX + 10];
    memset(longer, 'A', sizeof longer);
    assert_int_equal(display_line_parse(longer, sizeof longer, &line), -EINVAL);
}

/* What is built says the same when it is read; what cannot be said is not built. */
static void test_built(void **state)
{
    (void)state;
    static const char *const lines[] = {"HELLO 1",
                                        "PARTICIPANT owner active 3a20ff",
                                        "PARTICIPANT guest passive 6162636465666768",
                                        "PARTICIPANT guest passive 61 a1B2c",
                                        "PARTICIPANT guest active 61 -",
                                        "REMOVE guest",
                                        "INSTANCE a1B2c 103",
                                        "GONE a1B2c",
                                        "CLIENT -",
                                        "CLIENT a1B2c",
                                        "JOINED - owner",
                                        "LEFT a1B2c guest"};
    struct display_line line;
    char text[DISPLAY_LINE_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(parse(lines[i], &line), 0);
        assert_int_equal(display_line_build(&line, text), strlen(lines[i]));
        assert_string_equal(text, lines[i]);
    }
    struct display_line bad = {.verb = DISPLAY_LINE_REMOVE, .participant = "a b"};
    assert_int_equal(display_line_build(&bad, text), -EINVAL);
    bad = (struct display_line){.verb = DISPLAY_LINE_PARTICIPANT, .participant = "owner"};
    assert_int_equal(display_line_build(&bad, text), -EINVAL);
    bad = (struct display_line){.verb = DISPLAY_LINE_GONE};
    assert_int_equal(display_line_build(&bad, text), -EINVAL);
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void send_raw(int fd, const char *text, const int *passed, unsigned count)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), passed, count * sizeof(int));
    assert_int_equal(sendmsg(fd, &message, 0), strlen(text));
}

static void test_over_a_socket(void **state)
{
    (void)state;
    int pair[2], passed = -1;
    struct display_line client = {.verb = DISPLAY_LINE_CLIENT, .instance = "a1B2c"}, line;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(display_line_receive(pair[1], &line, &passed), -EAGAIN);
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(display_line_send(pair[0], &client, -1), -EINVAL);
    assert_int_equal(display_line_send(pair[0], &client, null), 0);
    assert_int_equal(display_line_receive(pair[1], &line, &passed), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_CLIENT);
    assert_string_equal(line.instance, "a1B2c");
    assert_true(passed >= 0);
    assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
    close(passed);
    struct display_line gone = {.verb = DISPLAY_LINE_GONE, .instance = "a1B2c"};
    assert_int_equal(display_line_send(pair[0], &gone, null), -EINVAL);
    assert_int_equal(display_line_send(pair[0], &gone, -1), 0);
    assert_int_equal(display_line_receive(pair[1], &line, &passed), 0);
    assert_int_equal(passed, -1);
    close(pair[0]);
    assert_int_equal(display_line_receive(pair[1], &line, &passed), -EPIPE);
    close(pair[1]);
}

/* Whatever the other end sends along, nothing stays open that nobody asked for. */
static void test_descriptors_do_not_leak(void **state)
{
    (void)state;
    int pair[2], passed = -1;
    struct display_line line;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int four[] = {null, null, null, null};
    char longer[DISPLAY_LINE_MAX + 1];
    memset(longer, 'A', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    static const char *const bad[] = {"GONE a", "NONSENSE", "CLIENT"};
    unsigned before = open_descriptors();
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        send_raw(pair[0], bad[i], four, 1);
        assert_int_equal(display_line_receive(pair[1], &line, &passed), -EINVAL);
        assert_int_equal(passed, -1);
    }
    send_raw(pair[0], longer, four, 1);
    assert_int_equal(display_line_receive(pair[1], &line, &passed), -EINVAL);
    /* One of several is taken, the others are closed. */
    send_raw(pair[0], "CLIENT -", four, 4);
    assert_int_equal(display_line_receive(pair[1], &line, &passed), 0);
    assert_int_equal(open_descriptors(), before + 1);
    close(passed);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_built),
        cmocka_unit_test(test_over_a_socket),
        cmocka_unit_test(test_descriptors_do_not_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
