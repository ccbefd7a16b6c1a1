/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "display/control_msg.h"

static char error[JSON_ERROR_LEN];

static int parse(const char *text, struct control_message *m)
{
    return control_parse(text, strlen(text), m, error);
}

static void test_good(void **state)
{
    struct control_message m;

    (void)state;
    assert_int_equal(parse("{\"type\":\"pointer\",\"x\":-5,\"y\":70000,\"buttons\":3}", &m), 0);
    assert_int_equal(m.type, CONTROL_POINTER);
    assert_int_equal(m.x, -5);
    assert_int_equal(m.buttons, 3);
    control_message_finish(&m);
    assert_int_equal(
        parse("{\"type\":\"key\",\"code\":\"KeyA\",\"key\":\"ä\",\"down\":true,\"other\":[]}", &m), 0);
    assert_string_equal(m.key, "ä");
    assert_true(m.down);
    control_message_finish(&m);
    assert_int_equal(parse("{\"type\":\"text\",\"text\":\"a\\n\\tb\"}", &m), 0);
    assert_string_equal(m.text, "a\n\tb");
    control_message_finish(&m);
    assert_int_equal(parse("{\"type\":\"wheel\",\"x\":1,\"y\":2,\"dx\":0,\"dy\":-120}", &m), 0);
    assert_int_equal(m.dy, -120);
    control_message_finish(&m);
    assert_int_equal(parse("{\"type\":\"resize\",\"width\":1280,\"height\":800,\"scale\":2}", &m), 0);
    assert_int_equal(m.height, 800);
    control_message_finish(&m);
    assert_int_equal(parse("{\"type\":\"ping\",\"t\":1.5}", &m), 0);
    assert_true(m.t > 1.4 && m.t < 1.6);
    control_message_finish(&m);
    assert_int_equal(parse("{\"type\":\"releaseKeys\"}", &m), 0);
    control_message_finish(&m);
}

static void test_absurd(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{",
        "{\"type\":1}",
        "{\"type\":\"nothing\"}",
        "{\"type\":\"pointer\"}",
        "{\"type\":\"pointer\",\"x\":1,\"y\":1,\"buttons\":32}",
        "{\"type\":\"pointer\",\"x\":1e9,\"y\":1,\"buttons\":0}",
        "{\"type\":\"pointer\",\"x\":99999999999,\"y\":1,\"buttons\":0}",
        "{\"type\":\"wheel\",\"x\":1,\"y\":1,\"dx\":0,\"dy\":12001}",
        "{\"type\":\"key\",\"code\":\"KeyA\",\"key\":\"a\"}",
        "{\"type\":\"key\",\"code\":\"KeyA\",\"key\":\"a\",\"down\":1}",
        "{\"type\":\"key\",\"code\":\"KeyAKeyAKeyAKeyAKeyAKeyAKeyAKeyAX\",\"key\":\"a\",\"down\":true}",
        "{\"type\":\"text\",\"text\":\"a\\u0000b\"}",
        "{\"type\":\"text\"}",
        "{\"type\":\"resize\",\"width\":199,\"height\":800}",
        "{\"type\":\"resize\",\"width\":7681,\"height\":800}",
        "{\"type\":\"resize\",\"width\":-1,\"height\":800}",
        "{\"type\":\"ping\",\"t\":\"1\"}",
        "{\"type\":\"ping\",\"t\":1}{}",
    };
    struct control_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        error[0] = '\0';
        if (parse(bad[i], &m) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
        assert_true(error[0] != '\0');
    }
}

static void test_long_text(void **state)
{
    char *text = xasprintf("{\"type\":\"text\",\"text\":\"%*s\"}", CONTROL_MAX_TEXT, "x");
    char *longer = xasprintf("{\"type\":\"text\",\"text\":\"%*s\"}", CONTROL_MAX_TEXT + 1, "x");
    struct control_message m;

    (void)state;
    assert_int_equal(parse(text, &m), 0);
    control_message_finish(&m);
    assert_int_equal(parse(longer, &m), -EINVAL);
    free(text);
    free(longer);
}

static void check(char *text, const char *want)
{
    assert_string_equal(text, want);
    free(text);
}

static void test_answers(void **state)
{
    (void)state;
    check(control_pong(1234567890123.0), "{\"type\":\"pong\",\"t\":1234567890123}");
    check(control_resized(5, 6), "{\"type\":\"resized\",\"width\":5,\"height\":6}");
    check(control_ended("exit"), "{\"type\":\"ended\",\"reason\":\"exit\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_absurd),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
