/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "ovd/tunnel/profile_priv.h"

static char directory[] = "/tmp/isthmus-keys-XXXXXX";

static void test_made_once(void **state)
{
    (void)state;
    struct host_keys first, second;
    struct stat st;
    char path[64];
    assert_int_equal(host_keys__load(directory, false, &first), -ENOENT);
    assert_int_equal(host_keys__load(directory, true, &first), 0);
    snprintf(path, sizeof path, "%s/ssh_host_rsa_key", directory);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(host_keys__load(directory, false, &second), 0);
    assert_int_equal(ssh_key_cmp(first.rsa, second.rsa, SSH_KEY_CMP_PRIVATE), 0);
    assert_int_equal(ssh_key_cmp(first.ed25519, second.ed25519, SSH_KEY_CMP_PRIVATE), 0);
    host_keys__free(&first);
    host_keys__free(&second);
}

static void test_bad_files(void **state)
{
    (void)state;
    struct host_keys keys;
    char rsa[64], ed25519[64];
    snprintf(rsa, sizeof rsa, "%s/ssh_host_rsa_key", directory);
    snprintf(ed25519, sizeof ed25519, "%s/ssh_host_ed25519_key", directory);
    assert_int_equal(chmod(rsa, 0640), 0);
    assert_int_equal(host_keys__load(directory, true, &keys), -EPERM);
    assert_int_equal(rename(ed25519, rsa), 0); /* a key, but of the other kind */
    assert_int_equal(host_keys__load(directory, true, &keys), -EINVAL);
    assert_int_equal(file_write(AT_FDCWD, rsa, "no key", 6, 0600), 0);
    assert_int_equal(host_keys__load(directory, true, &keys), -EINVAL);
    assert_int_equal(host_keys__load("/nowhere", true, &keys), -ENOENT);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return tree_remove(tmp, directory + strlen("/tmp/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_made_once), cmocka_unit_test(test_bad_files)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
