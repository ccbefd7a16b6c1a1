/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "ovd/message/form.h"

static void expect(struct form *form, const char *name, const char *value)
{
    const char *found = form_get(form, name);
    if (!str_eq(found, value))
        fail_msg("%s is \"%s\", not \"%s\"", name, found ? found : "(absent)", value ? value : "(absent)");
}

static int urlencoded(struct form *form, const char *text)
{
    return form_read_urlencoded(form, text, strlen(text));
}

static void test_urlencoded(void **state)
{
    struct form form = {0};
    (void)state;
    assert_int_equal(urlencoded(&form, "a=1&b=x+y%2Bz&&empty=&bare&a=2&%C3%A9=%e2%82%ac&odd=50%&odder=%4"),
                     0);
    expect(&form, "a", "2"); /* the last one, as in PHP */
    expect(&form, "b", "x y+z");
    expect(&form, "empty", "");
    expect(&form, "bare", "");
    expect(&form, "\xc3\xa9", "\xe2\x82\xac");
    expect(&form, "odd", "50%");
    expect(&form, "odder", "%4");
    expect(&form, "c", NULL);
    form_finish(&form);
    assert_int_equal(form.count, 0);
}

static void test_what_is_no_text(void **state)
{
    struct form form = {0};
    (void)state;
    assert_int_equal(urlencoded(&form, "good=1&a=%00"), -EINVAL);
    expect(&form, "good", "1");
    assert_int_equal(urlencoded(&form, "a=%ff"), -EINVAL);
    assert_int_equal(urlencoded(&form, "a%0A=1"), -EINVAL);
    form_finish(&form);
}

static void test_limits(void **state)
{
    struct form form = {0};
    char long_value[FORM_VALUE_MAX + 4], long_name[FORM_NAME_MAX + 4];
    (void)state;
    memset(long_value, 'x', sizeof(long_value));
    long_value[0] = 'a';
    long_value[1] = '=';
    assert_int_equal(form_read_urlencoded(&form, long_value, FORM_VALUE_MAX + 2), 0);
    assert_int_equal(form_read_urlencoded(&form, long_value, FORM_VALUE_MAX + 3), -EMSGSIZE);
    memset(long_name, 'n', sizeof(long_name));
    assert_int_equal(form_read_urlencoded(&form, long_name, FORM_NAME_MAX), 0);
    assert_int_equal(form_read_urlencoded(&form, long_name, FORM_NAME_MAX + 1), -EMSGSIZE);
    while (form.count < FORM_FIELDS_MAX)
        assert_int_equal(urlencoded(&form, "a=b"), 0);
    assert_int_equal(urlencoded(&form, "a=b"), -EMSGSIZE);
    form_finish(&form);
}

static void test_cookies(void **state)
{
    struct form form = {0};
    (void)state;
    assert_int_equal(form_read_cookies(&form, "PHPSESSID=abc; lang=fr;broken;  =x; q=\"a=b\""), 0);
    expect(&form, "PHPSESSID", "abc");
    expect(&form, "lang", "fr");
    expect(&form, "q", "\"a=b\"");
    assert_int_equal(form.count, 3);
    form_finish(&form);
}

#define TYPE "multipart/form-data; charset=x; boundary="
#define PART(name, value) "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n--B"

static int multipart(struct form *form, const char *type, const char *text)
{
    return form_read_multipart(form, type, text, strlen(text));
}

static void test_multipart(void **state)
{
    static const char file[] = "\r\nContent-Type: text/xml\r\ncontent-disposition: form-data; name=\"xml\";"
                               " filename=\"a.xml\"\r\n\r\n<a/>\r\n--B";
    struct form form = {0};
    cleanup_free char *body = xasprintf("preamble\r\n--B%s%s%s%s--\r\n", PART("login", "a"),
                                        PART("text", "x\r\ny--B"), file, PART("e", ""));
    (void)state;
    assert_int_equal(multipart(&form, TYPE "B", body), 0);
    assert_int_equal(form.count, 3); /* the file is left out */
    expect(&form, "login", "a");
    expect(&form, "text", "x\r\ny--B");
    expect(&form, "e", "");
    form_finish(&form);
    assert_int_equal(multipart(&form, TYPE "\"B\"", "--B" PART("a", "1") "--"), 0);
    expect(&form, "a", "1");
    form_finish(&form);
}

static void test_broken_multipart(void **state)
{
    static const char *const bodies[] = {"",
                                         "--",
                                         "--B",
                                         "--Bx",
                                         "--B\r\n",
                                         "--B" PART("a", "1"),
                                         "--B\r\nno head\r\n--B--",
                                         "--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--",
                                         "--A\r\nx\r\n--A--"};
    struct form form = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
        assert_int_equal(multipart(&form, TYPE "B", bodies[i]), -EINVAL);
    assert_int_equal(multipart(&form, "multipart/form-data", "--B--"), -EINVAL);
    assert_int_equal(multipart(&form, TYPE, "----"), -EINVAL);
    form_finish(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urlencoded), cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_multipart),  cmocka_unit_test(test_broken_multipart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
