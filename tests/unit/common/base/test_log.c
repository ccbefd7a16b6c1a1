/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/log.h"

static int log_pipe[2];

static int setup(void **state)
{
    (void)state;
    return pipe2(log_pipe, O_CLOEXEC | O_NONBLOCK);
}

static int teardown(void **state)
{
    (void)state;
    log_set_fd(STDERR_FILENO);
    close(log_pipe[0]);
    close(log_pipe[1]);
    return 0;
}

/* What came out after the 20 characters of time and a space, in the text format. */
static const char *logged(char *space, size_t size)
{
    ssize_t n = read(log_pipe[0], space, size - 1);

    space[n > 0 ? n : 0] = '\0';
    return space;
}

static void test_text_is_one_line(void **state)
{
    char space[8192];
    (void)state;

    log_init("gateway", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_set_fd(log_pipe[1]);
    log_event(LOG_LEVEL_WARN, "s1\n", "user %s",
              "eve\n2026-01-01T00:00:00Z info gateway all fine\x1b[2J\xff\xc2\x9b\\");
    assert_string_equal(logged(space, sizeof(space)) + 20,
                        " warn gateway [s1\\n] user eve\\n2026-01-01T00:00:00Z info gateway all "
                        "fine\\u001b[2J\\xff\\u009b\\\\\n");
    log_info("plain \xc3\xa9\t1");
    assert_string_equal(logged(space, sizeof(space)) + 20, " info gateway plain \xc3\xa9\\t1\n");
}

static void test_json_is_json(void **state)
{
    char space[8192];
    (void)state;

    log_init("host", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_set_fd(log_pipe[1]);
    log_event(LOG_LEVEL_ERROR, "s\"1", "a\"b\\c\nd\xff\x01");
    logged(space, sizeof(space));
    assert_non_null(strstr(space, ",\"level\":\"error\",\"component\":\"host\",\"session\":\"s\\\"1\","
                                  "\"text\":\"a\\\"b\\\\c\\nd\\\\xff\\u0001\"}\n"));
    assert_int_equal(strncmp(space, "{\"time\":\"20", 11), 0);
}

static void test_level_and_length(void **state)
{
    static char big[20000];
    char space[32768];
    (void)state;

    log_init("a-name-that-is-longer-than-any-role-of-this-product-and-does-not-fit-in-the-field",
             LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
    log_set_fd(log_pipe[1]);
    errno = EBADMSG;
    log_info("quiet");
    assert_string_equal(logged(space, sizeof(space)), "");
    memset(big, '\x01', sizeof(big) - 1);
    errno = EBADMSG;
    log_warn("%s", big);
    assert_int_equal(errno, EBADMSG);
    logged(space, sizeof(space));
    assert_in_range(strlen(space), 20000, 30000);
    assert_string_equal(space + strlen(space) - 10, "\\u0001...\n");
    assert_non_null(strstr(space, " warn isthmus "));
}

static void test_level_words(void **state)
{
    enum log_level level = LOG_LEVEL_ERROR;
    (void)state;

    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("DEBUG", &level), -EINVAL);
    assert_int_equal(log_level_parse("", &level), -EINVAL);
    assert_int_equal(log_level_parse(NULL, &level), -EINVAL);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_is_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_is_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_and_length, setup, teardown),
        cmocka_unit_test(test_level_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
