/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/password.h"

static void test_hash_and_verify(void **state)
{
    (void)state;
    cleanup_free char *one = NULL;
    cleanup_free char *two = NULL;
    assert_int_equal(password_hash("correct horse \xc3\xa4", &one), 0);
    assert_int_equal(password_hash("correct horse \xc3\xa4", &two), 0);
    assert_string_not_equal(one, two); /* salted */
    assert_int_equal(password_verify(one, "correct horse \xc3\xa4"), 0);
    assert_int_equal(password_verify(one, "correct horse a"), -EACCES);
    assert_int_equal(password_verify(one, ""), -EACCES);
    assert_false(password_is_outdated(one));
}

static void test_lengths(void **state)
{
    (void)state;
    cleanup_free char *hash = NULL;
    cleanup_free char *text = xcalloc(1, PASSWORD_MAX + 2);
    assert_int_equal(password_hash("", &hash), -EINVAL);
    memset(text, 'a', PASSWORD_MAX + 1);
    assert_int_equal(password_hash(text, &hash), -EINVAL);
    text[PASSWORD_MAX] = '\0';
    assert_int_equal(password_hash(text, &hash), 0);
    text[PASSWORD_MAX - 1] = 'b'; /* the last byte counts */
    assert_int_equal(password_verify(hash, text), -EACCES);
    text[PASSWORD_MAX - 1] = 'a';
    assert_int_equal(password_verify(hash, text), 0);
    text[PASSWORD_MAX] = 'a';
    assert_int_equal(password_verify(hash, text), -EACCES);
}

static void test_foreign_hashes(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "x",
                         "$argon2id$",
                         "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
                         "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$",
                         "plain"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(password_verify(bad[i], "plain"), -EACCES);
}

struct visitor {
    struct password_gate *gate;
    int result;
};

static void *enter(void *arg)
{
    struct visitor *v = arg;
    v->result = password_gate_enter(v->gate);
    if (v->result == 0)
        password_gate_leave(v->gate);
    return NULL;
}

static unsigned waiting(struct password_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    unsigned n = gate->waiting;
    pthread_mutex_unlock(&gate->lock);
    return n;
}

static void test_gate(void **state)
{
    (void)state;
    struct password_gate gate;
    pthread_t thread;
    assert_int_equal(password_gate_init(&gate, 2, 1), 0);
    struct visitor v = {&gate, 1};
    assert_int_equal(password_gate_enter(&gate), 0);
    assert_int_equal(password_gate_enter(&gate), 0);
    assert_int_equal(pthread_create(&thread, NULL, enter, &v), 0);
    while (waiting(&gate) == 0)
        sched_yield();
    assert_int_equal(password_gate_enter(&gate), -EBUSY); /* two run, one waits */
    password_gate_leave(&gate);
    pthread_join(thread, NULL);
    assert_int_equal(v.result, 0);
    assert_int_equal(password_gate_enter(&gate), 0);
    password_gate_leave(&gate);
    password_gate_leave(&gate);
    password_gate_finish(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_and_verify),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_foreign_hashes),
        cmocka_unit_test(test_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
