/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "pool/order.h"

#define ID "0123456789abcdef0123456789abcdef"

struct place {
    char path[64];
    int fd;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    (void)snprintf(p->path, sizeof p->path, "/tmp/isthmus-order-XXXXXX");
    assert_non_null(mkdtemp(p->path));
    p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    close(p->fd);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(p->path, '/') + 1), 0);
    free(p);
    return 0;
}

static void test_reads_what_it_wrote(void **state)
{
    const struct place *p = *state;
    char *argv[] = {"xterm", "-T", "a \"b\" ü", "", NULL};
    struct order order = {.session_id = ID,
                          .account = "webs01",
                          .run_as = "webs01",
                          .streamer_as = "webs01s",
                          .clipboard = "in:4096",
                          .argv = argv,
                          .sandbox = true,
                          .printing = true,
                          .width = 800,
                          .height = 600,
                          .max_width = 3840,
                          .max_height = 2160,
                          .start_timeout_ms = 20000,
                          .orphan_ms = 600000,
                          .log_level = "info",
                          .log_format = "json"};
    struct order read;
    assert_int_equal(order_write(&order, p->fd), 0);
    struct stat st;
    assert_int_equal(fstatat(p->fd, "order.json", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(order_read(p->fd, &read), 0);
    assert_string_equal(read.session_id, ID);
    assert_string_equal(read.streamer_as, "webs01s");
    assert_string_equal(read.clipboard, "in:4096");
    assert_string_equal(read.argv[2], "a \"b\" ü");
    assert_string_equal(read.argv[3], "");
    assert_null(read.argv[4]);
    assert_true(read.sandbox && read.printing && !read.desktop);
    assert_int_equal(read.max_height, 2160);
    assert_int_equal(read.orphan_ms, 600000);
    order_finish(&read);
}

static void test_refuses_others(void **state)
{
    const struct place *p = *state;
    static const char *const bad[] = {"", "{}", "[]", "{\"version\":2}", "{\"version\":1,\"sessionId\":7}"};
    struct order order;
    assert_int_equal(order_read(p->fd, &order), -ENOENT);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(file_write(p->fd, "order.json", bad[i], strlen(bad[i]), 0600), 0);
        assert_true(order_read(p->fd, &order) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_what_it_wrote, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_others, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
