/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/file.h"
#include "base/secret.h"

static void expect_hex(const uint8_t hash[SECRET_HASH_LEN], const char *want)
{
    char text[65];

    hex_encode(hash, SECRET_HASH_LEN, text);
    assert_string_equal(text, want);
}

/* FIPS 180-2 and RFC 4231 (test cases 1 and 6). */
static void test_known_answers(void **state)
{
    uint8_t hash[SECRET_HASH_LEN], key[131];
    (void)state;

    secret_sha256("abc", 3, hash);
    expect_hex(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    secret_sha256("", 0, hash);
    expect_hex(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    memset(key, 0x0b, 20);
    secret_hmac_sha256(key, 20, "Hi There", 8, hash);
    expect_hex(hash, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0xaa, sizeof(key));
    secret_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, hash);
    expect_hex(hash, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_random(void **state)
{
    char a[SECRET_ID_LEN], b[SECRET_ID_LEN];
    cleanup_free char *p = secret_random_password();
    cleanup_free char *q = secret_random_password();
    (void)state;

    secret_random_id(a);
    secret_random_id(b);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(p), 23);
    assert_int_equal(strspn(p, "abcdefghjkmnpqrstuvwxyz23456789-"), 23);
    assert_string_not_equal(p, q);
}

static void test_equal_and_wipe(void **state)
{
    char data[] = "secret";
    (void)state;

    assert_true(secret_equal("abc", "abc", 3));
    assert_false(secret_equal("abc", "abd", 3));
    assert_true(secret_equal("abc", "abd", 2));
    assert_true(secret_equal("a", "b", 0));
    secret_wipe(data, sizeof(data));
    assert_memory_equal(data, "\0\0\0\0\0\0", 7);
}

static void test_key_file(void **state)
{
    char dir[] = "/tmp/isthmus-secret-XXXXXX";
    cleanup_free char *path = NULL;
    uint8_t first[32], second[32];
    struct stat st;
    (void)state;

    assert_non_null(mkdtemp(dir));
    path = xasprintf("%s/key", dir);
    assert_int_equal(secret_load_key(path, first), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 65);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(secret_load_key(path, second), 0);
    assert_memory_equal(first, second, 32);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(secret_load_key(path, second), -EPERM);
    assert_int_equal(file_write(AT_FDCWD, path, "short\n", 6, 0600), 0);
    assert_int_equal(secret_load_key(path, second), -EINVAL);
    assert_int_equal(file_write(AT_FDCWD, path, "", 0, 0600), 0);
    assert_int_equal(secret_load_key(path, second), -EINVAL);
    assert_int_equal(secret_load_key("/nonexistent/key", second), -ENOENT);
    assert_int_equal(tree_remove(AT_FDCWD, "/"), -EINVAL);
    unlink(path);
    assert_int_equal(rmdir(dir), 0); /* no temporary file stayed behind */
}

/* Passwords as RFB servers keep them in their password files. */
static void test_vnc_form(void **state)
{
    static const struct {
        const char *plain, *hidden;
    } cases[] = {
        {"12345678", "f0e43164f6c2e373"},
        {"abc\0\0\0\0\0", "9c0a172d3482e122"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t hidden[SECRET_VNC_LEN], plain[SECRET_VNC_LEN];
        char text[2 * SECRET_VNC_LEN + 1];

        secret_vnc_obfuscate((const uint8_t *)cases[i].plain, hidden);
        hex_encode(hidden, sizeof(hidden), text);
        assert_string_equal(text, cases[i].hidden);
        secret_vnc_reveal(hidden, plain);
        assert_memory_equal(plain, cases[i].plain, sizeof(plain));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_equal_and_wipe), cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_vnc_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
