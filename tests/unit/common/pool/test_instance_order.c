/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pool/instance_order.h"
#include "pool/text_fd.h"

static void test_there_and_back(void **state)
{
    (void)state;
    char program[] = "prog", first[] = "a \"b\"\n", second[] = "";
    char *argv[] = {program, first, second, NULL};
    struct instance_order order = {.argv = argv, .width = 640, .height = 480}, same = {0};
    cleanup_close int fd = instance_order_make(&order);
    assert_true(fd >= 0);
    assert_int_equal(instance_order_read(fd, &same), 0);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(same.argv[i], argv[i]);
    assert_null(same.argv[3]);
    assert_int_equal(same.width, 640);
    assert_int_equal(same.height, 480);
    instance_order_finish(&same);
    instance_order_finish(&same);
}

static void test_what_cannot_be_said(void **state)
{
    (void)state;
    char program[] = "prog", bad[] = "\xff";
    char *argv[] = {program, bad, NULL};
    struct instance_order order = {.argv = argv, .width = 640, .height = 480};
    assert_int_equal(instance_order_make(&order), -EINVAL);
}

static void test_nonsense(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"argv\":[],\"width\":1,\"height\":1}",
                                      "{\"argv\":[1],\"width\":1,\"height\":1}",
                                      "{\"argv\":\"a\",\"width\":1,\"height\":1}",
                                      "{\"argv\":[\"a\"],\"width\":0,\"height\":1}",
                                      "{\"argv\":[\"a\"],\"width\":1,\"height\":32768}",
                                      "{\"argv\":[\"a\"],\"width\":1}"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct instance_order order = {0};
        cleanup_close int fd = text_fd_make(bad[i], strlen(bad[i]));
        if (instance_order_read(fd, &order) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_null(order.argv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_cannot_be_said),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
