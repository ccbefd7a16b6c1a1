/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/print_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void test_titles(void **state)
{
    static const struct {
        const char *title, *clean;
    } cases[] = {
        {"report", "report.pdf"},
        {"My doc", "Mydoc.pdf"},
        {"My-doc.pdf", "My-doc.pdf"},
        {"a.pdf.pdf", "a.pdf"},
        {"", "document.pdf"},
        {"   ", "document.pdf"},
        {"...", "document.pdf"},
        {".pdf", "pdf.pdf"},
        {"../../etc/passwd", "etcpasswd.pdf"},
        {"C:\\windows\\(1)[2]{3}<4>", "C:windows1234.pdf"},
        {"a\r\nSet-Cookie: x=1;b", "aSet-Cookie:x=1b.pdf"},
        {"\"quoted\" 'it', 100%", "quotedit100.pdf"},
        {"gr\xc3\xbc\xc3\x9f"
         "e",
         "gr\xc3\xbc\xc3\x9f"
         "e.pdf"},
        {"bad\xff\xfe\xc3", "bad.pdf"},
        {"x\xe2\x80\xae"
         "fdp.exe",
         "xfdp.exe.pdf"},
        {"n\xc2\xa0o\xe3\x80\x80\xef\xbb\xbf!\x7f\x1b[31m", "no!31m.pdf"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char clean[PRINT_TITLE_LEN], again[PRINT_TITLE_LEN];
        print_title_clean(cases[i].title, clean);
        assert_string_equal(clean, cases[i].clean);
        print_title_clean(clean, again);
        assert_string_equal(again, clean);
    }
}

static void test_long_titles_end_at_a_character(void **state)
{
    char title[4000] = "", clean[PRINT_TITLE_LEN];
    (void)state;
    for (size_t i = 0; i + 3 < sizeof title; i += 3)
        memcpy(title + i, "\xe2\x82\xac", 4);
    print_title_clean(title, clean);
    assert_true(strlen(clean) > 100 && strlen(clean) < PRINT_TITLE_LEN);
    assert_true(str_is_utf8(clean, strlen(clean), true));
    assert_true(str_ends_with(clean, "\xe2\x82\xac.pdf"));
}

static void test_names(void **state)
{
    char name[PRINT_NAME_LEN], title[PRINT_TITLE_LEN];
    int64_t time;
    (void)state;
    assert_int_equal(print_name_build(1795230325, "My-doc.pdf", name), 0);
    assert_string_equal(name, "1795230325-My-doc.pdf");
    assert_int_equal(print_name_parse(name, &time, title), 0);
    assert_int_equal(time, 1795230325);
    assert_string_equal(title, "My-doc.pdf");
    assert_int_equal(print_name_build(PRINT_TIME_MAX + 1, "a.pdf", name), -ERANGE);
    assert_int_equal(print_name_build(-1, "a.pdf", name), -ERANGE);
}

static void test_names_of_strangers(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "..",
                                      ".unfinished",
                                      "1795230325",
                                      "1795230325-",
                                      "1795230325-a",
                                      "1795230325-a b.pdf",
                                      "1795230325-a\".pdf",
                                      "1795230325-.a.pdf",
                                      "1795230325-a.pdf.pdf",
                                      "1795230325-a\n.pdf",
                                      "1795230325-\xff.pdf",
                                      "01795230325-a.pdf",
                                      "17952303250-a.pdf",
                                      "+795230325-a.pdf",
                                      " 1-a.pdf",
                                      "-1-a.pdf",
                                      "1x-a.pdf"};
    char title[PRINT_TITLE_LEN];
    int64_t time;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(print_name_parse(bad[i], &time, title), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_long_titles_end_at_a_character),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
