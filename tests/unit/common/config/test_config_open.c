/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* config_open, and what it wrote. */
static struct config *open_with(const char *dir, const char *file, char **ret_text)
{
    size_t len = 0;
    FILE *errors = open_memstream(ret_text, &len);
    assert_non_null(errors);
    struct config *config = config_open(dir, file, errors);
    assert_int_equal(fclose(errors), 0);
    return config;
}

static void expect_port(const char *dir, const char *file, int64_t port)
{
    char *text = NULL;
    struct config *config = open_with(dir, file, &text);
    assert_non_null(config);
    assert_string_equal(text, "");
    assert_int_equal(config_int(config, "gateway.port"), port);
    config_free(config);
    free(text);
}

static void expect_refusal(const char *dir, const char *file, const char *start)
{
    char *text = NULL;
    assert_null(open_with(dir, file, &text));
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("\"%s\" does not start with \"%s\"", text, start);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* told once */
    free(text);
}

static void test_which_file(void **state)
{
    char dir[] = "/tmp/isthmus-config-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(dir));
    cleanup_free char *standard = xasprintf("%s/app.config.xml", dir);
    cleanup_free char *other = xasprintf("%s/other.xml", dir);
    cleanup_free char *absent = xasprintf("%s: the file cannot be read: No such file or directory\n", other);
    cleanup_free char *wrong = xasprintf("%s:2: ", standard);

    expect_port(dir, NULL, 9000);
    expect_refusal(dir, other, absent);
    write_file(standard, "<configuration><gateway><port>9111</port></gateway></configuration>");
    write_file(other, "<configuration><gateway><port>9222</port></gateway></configuration>");
    expect_port(dir, NULL, 9111);
    expect_port(dir, other, 9222);
    write_file(standard, "<configuration>\n<nothing/></configuration>");
    expect_refusal(dir, NULL, wrong);
    expect_port(dir, other, 9222);
    (void)unlink(standard);
    (void)unlink(other);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_which_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
