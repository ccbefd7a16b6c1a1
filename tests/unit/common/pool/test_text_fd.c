/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>

#include "pool/text_fd.h"

static void test_there_and_back(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    cleanup_close int fd = text_fd_make("one\ntwo", 7);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    for (int i = 0; i < 2; i++) { /* as often as one likes: each reader starts at the start */
        assert_int_equal(text_fd_read(fd, 7, &text, &len), 0);
        assert_int_equal(len, 7);
        assert_string_equal(text, "one\ntwo");
        free(text);
    }
    assert_int_equal(text_fd_read(fd, 6, &text, &len), -EFBIG);
    /* Whoever gets it cannot change what the next one reads. */
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    cleanup_close int empty = text_fd_make("", 0);
    assert_int_equal(text_fd_read(empty, 7, &text, &len), 0);
    assert_string_equal(text, "");
    free(text);
}

/* What would keep its reader waiting is refused. */
static void test_no_file(void **state)
{
    (void)state;
    int ends[2];
    char *text = NULL;
    size_t len;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(text_fd_read(ends[0], 7, &text, &len), -EINVAL);
    assert_int_equal(text_fd_read(-1, 7, &text, &len), -EBADF);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
