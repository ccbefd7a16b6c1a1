/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "ovd/tunnel/credentials_priv.h"

static const unsigned ports[] = {5900, 5901};

static const char *session_of(const struct tunnel_credentials *table, const char *user, const char *password)
{
    const struct credential *found =
        credentials__check(table, user, (const uint8_t *)password, strlen(password));
    return found ? found->session : NULL;
}

static void test_names(void **state)
{
    (void)state;
    const char *const good[] = {"SSH0", "SSH7", "SSH42", "SSH999", "SSH9999"};
    const char *const bad[] = {"",      "SSH",   "SSH00", "SSH01", "SSH10000", "ssh1", "SSH-1",
                               "SSH1 ", " SSH1", "SSH1x", "VNC1",  "dummy",    "root"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(credentials__is_user(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(credentials__is_user(bad[i]));
}

static void test_check(void **state)
{
    (void)state;
    struct tunnel_credentials *table = credentials__create();
    assert_null(session_of(table, "", ""));
    assert_null(session_of(table, "SSH1", "aaaaaaaa"));
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaaaaaa", ports, 2), 0);
    assert_int_equal(credentials__add(table, "s2", "SSH11", "bbbbbbbb", ports, 1), 0);
    assert_string_equal(session_of(table, "SSH1", "aaaaaaaa"), "s1");
    assert_string_equal(session_of(table, "SSH11", "bbbbbbbb"), "s2");
    assert_null(session_of(table, "SSH1", "bbbbbbbb"));
    assert_null(session_of(table, "SSH1", "aaaaaaa"));
    assert_null(session_of(table, "SSH1", "aaaaaaaaa"));
    assert_null(session_of(table, "SSH", "aaaaaaaa"));
    assert_null(session_of(table, "SSH1 and much more", "aaaaaaaa"));
    assert_null(session_of(table, "", "aaaaaaaa"));
    assert_null(session_of(table, "SSH1", ""));
    credentials__remove(table, "s1");
    credentials__remove(table, "s1");
    assert_null(session_of(table, "SSH1", "aaaaaaaa"));
    assert_string_equal(session_of(table, "SSH11", "bbbbbbbb"), "s2");
    credentials__destroy(table);
}

static void test_add(void **state)
{
    (void)state;
    struct tunnel_credentials *table = credentials__create();
    const unsigned odd[] = {5900, 65536}, none[] = {0};
    char session[80], user[16];
    memset(session, 'x', sizeof session);
    session[79] = '\0';
    assert_int_equal(credentials__add(table, "s1", "dummy", "aaaaaaaa", ports, 2), -EINVAL);
    assert_int_equal(credentials__add(table, "", "SSH1", "aaaaaaaa", ports, 2), -EINVAL);
    assert_int_equal(credentials__add(table, session, "SSH1", "aaaaaaaa", ports, 2), -EINVAL);
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaa\0aaa", ports, 2), -EINVAL);
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaaaaaa", odd, 2), -EINVAL);
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaaaaaa", none, 1), -EINVAL);
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaaaaaa", ports, TUNNEL_PORTS_MAX + 1), -EINVAL);
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaaaaaa", NULL, 0), 0);
    assert_int_equal(credentials__add(table, "s1", "SSH2", "aaaaaaaa", ports, 2), -EEXIST);
    assert_int_equal(credentials__add(table, "s2", "SSH1", "aaaaaaaa", ports, 2), -EEXIST);
    credentials__remove(table, "s1");
    for (int i = 0; i < CREDENTIALS_MAX; i++) {
        snprintf(session, sizeof session, "session%d", i);
        snprintf(user, sizeof user, "SSH%d", i);
        assert_int_equal(credentials__add(table, session, user, "aaaaaaaa", ports, 2), 0);
    }
    credentials__destroy(table);
}

static void test_ports(void **state)
{
    (void)state;
    struct tunnel_credentials *table = credentials__create();
    assert_int_equal(credentials__add(table, "s1", "SSH1", "aaaaaaaa", ports, 2), 0);
    assert_true(credentials__has_port(table, "s1", 5901));
    assert_false(credentials__has_port(table, "s1", 5902));
    assert_false(credentials__has_port(table, "s2", 5900));
    assert_int_equal(credentials__set_ports(table, "s1", ports, 1), 0);
    assert_false(credentials__has_port(table, "s1", 5901));
    assert_int_equal(credentials__set_ports(table, "s1", NULL, 0), 0);
    assert_false(credentials__has_port(table, "s1", 5900));
    assert_int_equal(credentials__set_ports(table, "s2", ports, 1), -ENOENT);
    assert_int_equal(credentials__set_ports(table, "s1", ports, TUNNEL_PORTS_MAX + 1), -EINVAL);
    credentials__destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
