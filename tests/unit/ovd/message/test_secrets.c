/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identifiers and passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "ovd/message/ids.h"
#include "ovd/message/password.h"

#define RANDOM "abcdefghijKLMNOPQRST09"

static void test_ids_made(void **state)
{
    char id[OVD_ID_SIZE], other[OVD_ID_SIZE], instance[OVD_INSTANCE_ID_SIZE];
    (void)state;

    ovd_id_make(1795230122, id);
    ovd_id_make(1795230122, other);
    assert_int_equal(strlen(id), 32);
    assert_true(str_starts_with(id, "1795230122"));
    assert_string_not_equal(id, other);
    assert_true(ovd_id_is_ours(id) && ovd_id_is_valid(id));
    ovd_id_make(0, id);
    assert_int_equal(strlen(id), 23);
    assert_true(ovd_id_is_ours(id));
    ovd_id_make(-5, id);
    assert_true(ovd_id_is_ours(id));
    ovd_id_make(INT64_MAX, id);
    assert_true(ovd_id_is_ours(id));
    ovd_instance_id_make(instance);
    assert_int_equal(strlen(instance), 5);
    assert_true(ovd_id_is_valid(instance));
}

/* Each of the 62 characters turns up, and none else. */
static void test_ids_use_every_letter(void **state)
{
    unsigned seen[256] = {0}, kinds = 0;
    (void)state;

    for (int i = 0; i < 500; i++) {
        char id[OVD_ID_SIZE];

        ovd_id_make(1, id);
        assert_true(ovd_id_is_ours(id));
        for (const char *c = id + 1; *c; c++)
            kinds += seen[(unsigned char)*c]++ == 0;
    }
    assert_int_equal(kinds, 62);
}

static void test_ids_checked(void **state)
{
    static const char *const good[] = {"1" RANDOM, "1795230122" RANDOM, "9223372036854775807" RANDOM};
    static const char *const bad[] = {"",
                                      RANDOM,
                                      "0795230122" RANDOM,
                                      "x795230122" RANDOM,
                                      "17952301x2" RANDOM,
                                      "1795230122zRL5O",
                                      "1795230122" RANDOM "/",
                                      "1795230122" RANDOM "12345678901234567890",
                                      "../../../../../../../../../etc/passwd"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(ovd_id_is_ours(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(ovd_id_is_ours(bad[i]));
    assert_false(ovd_id_is_ours(NULL));
    assert_true(ovd_id_is_valid("1795230122zRL5O"));
    assert_false(ovd_id_is_valid(NULL));
    assert_false(ovd_id_is_valid(""));
    assert_false(ovd_id_is_valid(".."));
    assert_false(ovd_id_is_valid("a\n"));
    assert_false(ovd_id_is_valid(RANDOM RANDOM RANDOM));
}

static void test_ssh_passwords(void **state)
{
    static const char *const bad[] = {"", "1234567", "123456789", "1234 678", "1234\t678", "12345\xc3\xa9z"};
    char hex[OVD_PASSWORD_HEX_SIZE], plain[OVD_PASSWORD_SIZE];
    (void)state;

    assert_int_equal(ovd_ssh_password_to_hex("c72ef265", hex), 0);
    assert_string_equal(hex, "6337326566323635");
    assert_int_equal(ovd_ssh_password_from_hex(hex, plain), 0);
    assert_string_equal(plain, "c72ef265");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(ovd_ssh_password_to_hex(bad[i], hex), -EINVAL);
    assert_int_equal(ovd_ssh_password_from_hex("", plain), -EINVAL);
    assert_int_equal(ovd_ssh_password_from_hex("633732656632363", plain), -EINVAL);
    assert_int_equal(ovd_ssh_password_from_hex("63373265663236350", plain), -EINVAL);
    assert_int_equal(ovd_ssh_password_from_hex("6337326566323600", plain), -EINVAL);
    assert_string_equal(plain, "c72ef265");
}

static void test_vnc_passwords(void **state)
{
    char hex[OVD_PASSWORD_HEX_SIZE], plain[OVD_PASSWORD_SIZE];
    (void)state;

    assert_int_equal(ovd_vnc_password_to_hex("12345678", hex), 0);
    assert_string_equal(hex, "f0e43164f6c2e373");
    assert_int_equal(ovd_vnc_password_from_hex(hex, plain), 0);
    assert_string_equal(plain, "12345678");
    assert_int_equal(ovd_vnc_password_to_hex("abc", hex), 0);
    assert_string_equal(hex, "9c0a172d3482e122");
    assert_int_equal(ovd_vnc_password_from_hex(hex, plain), 0);
    assert_string_equal(plain, "abc");
    assert_int_equal(ovd_vnc_password_to_hex("", hex), -EINVAL);
    assert_int_equal(ovd_vnc_password_to_hex("123456789", hex), -EINVAL);
    assert_int_equal(ovd_vnc_password_from_hex("9c0a", plain), -EINVAL);
    assert_int_equal(ovd_vnc_password_from_hex("zzzzzzzzzzzzzzzz", plain), -EINVAL);
    assert_string_equal(plain, "abc");
}

static void test_passwords_made(void **state)
{
    char one[OVD_PASSWORD_SIZE], two[OVD_PASSWORD_SIZE], hex[OVD_PASSWORD_HEX_SIZE];
    (void)state;

    ovd_password_make(one);
    ovd_password_make(two);
    assert_string_not_equal(one, two);
    assert_int_equal(ovd_ssh_password_to_hex(one, hex), 0);
    assert_int_equal(ovd_vnc_password_to_hex(two, hex), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_made),      cmocka_unit_test(test_ids_use_every_letter),
        cmocka_unit_test(test_ids_checked),   cmocka_unit_test(test_ssh_passwords),
        cmocka_unit_test(test_vnc_passwords), cmocka_unit_test(test_passwords_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
