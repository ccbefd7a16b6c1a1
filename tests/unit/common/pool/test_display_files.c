/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "pool/display_files.h"

#define NUMBER_FIRST 65100 /* sessions' displays are below */

/* A listening socket at a display's path that is free; its number in ret_number. */
static int listen_somewhere(struct sockaddr_un *address, int *ret_number)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address->sun_family = AF_UNIX;
    for (int number = NUMBER_FIRST; number < 65536; number++) {
        (void)snprintf(address->sun_path, sizeof address->sun_path, "/tmp/.X11-unix/X%d", number);
        if (bind(fd, (struct sockaddr *)address, sizeof *address) == 0) {
            assert_int_equal(listen(fd, 1), 0);
            *ret_number = number;
            return fd;
        }
        assert_int_equal(errno, EADDRINUSE);
    }
    fail_msg("no number is free");
    return -1;
}

/* Somebody who has no other displays on this machine, where that can be had. */
static uid_t somebody(const char *path)
{
    uid_t uid = geteuid() == 0 ? 1234567 : geteuid();
    assert_int_equal(lchown(path, uid, (gid_t)-1), 0);
    return uid;
}

static void test_remove(void **state)
{
    (void)state;
    struct sockaddr_un address;
    int number;
    (void)mkdir("/tmp/.X11-unix", 01777);
    int fd = listen_somewhere(&address, &number);
    uid_t uid = somebody(address.sun_path);
    display_files_remove(number, uid);
    assert_int_equal(access(address.sun_path, F_OK), 0); /* somebody listens */
    close(fd);
    display_files_remove(number, uid + 1);
    assert_int_equal(access(address.sun_path, F_OK), 0); /* another's */
    display_files_remove(-1, uid);
    display_files_remove(number, uid);
    assert_int_not_equal(access(address.sun_path, F_OK), 0);
    display_files_remove(number, uid);
}

static void test_remove_all(void **state)
{
    (void)state;
    struct sockaddr_un dead, alive;
    int number;
    close(listen_somewhere(&dead, &number));
    int fd = listen_somewhere(&alive, &number);
    uid_t uid = somebody(dead.sun_path);
    (void)somebody(alive.sun_path);
    display_files_remove_all(uid);
    assert_int_not_equal(access(dead.sun_path, F_OK), 0);
    assert_int_equal(access(alive.sun_path, F_OK), 0);
    assert_int_equal(unlink(alive.sun_path), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_remove_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
