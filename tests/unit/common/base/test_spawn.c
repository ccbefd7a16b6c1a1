/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/spawn.h"

/* Runs a command whose standard output is a pipe and returns what it wrote. */
static const char *output_of(struct spawn_options *options, const char *script, int *ret_status)
{
    static char text[4096];
    char *argv[] = {"/bin/sh", "-c", (char *)script, NULL};
    struct spawn_fd fds[8];
    size_t len = 0;
    int pipe_fds[2];
    pid_t pid = 0;
    ssize_t n;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    for (size_t i = 0; i < options->fd_count; i++)
        fds[i] = options->fds[i];
    fds[options->fd_count] = (struct spawn_fd){pipe_fds[1], 1};
    options->fds = fds;
    options->fd_count++;
    options->argv = argv;
    assert_int_equal(spawn(options, &pid), 0);
    close(pipe_fds[1]);
    while ((n = read(pipe_fds[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, ret_status, 0), pid);
    return text;
}

static void test_errors_come_back(void **state)
{
    char *argv[] = {"isthmus-no-such-program", NULL}, *none[] = {NULL}, *shell[] = {"/bin/true", NULL};
    const struct spawn_fd twice[] = {{0, 5}, {1, 5}}, closed[] = {{1000, 3}}, negative[] = {{-1, 3}};
    pid_t pid = -7;
    (void)state;

    assert_int_equal(spawn(&(struct spawn_options){.argv = argv}, &pid), -ENOENT);
    assert_int_equal(spawn(&(struct spawn_options){.argv = argv, .path = "/etc/passwd"}, &pid), -EACCES);
    assert_int_equal(spawn(&(struct spawn_options){.argv = none}, &pid), -EINVAL);
    assert_int_equal(spawn(&(struct spawn_options){.argv = shell, .cwd = "/nonexistent"}, &pid), -ENOENT);
    assert_int_equal(spawn(&(struct spawn_options){.argv = shell, .fds = twice, .fd_count = 2}, &pid),
                     -EINVAL);
    assert_int_equal(spawn(&(struct spawn_options){.argv = shell, .fds = closed, .fd_count = 1}, &pid),
                     -EBADF);
    assert_int_equal(spawn(&(struct spawn_options){.argv = shell, .fds = negative, .fd_count = 1}, &pid),
                     -EBADF);
    assert_int_equal(spawn(&(struct spawn_options){.argv = shell, .user = "isthmus-no-such-user"}, &pid),
                     -ENOENT);
    assert_int_equal(pid, -7);
    /* A child that never became anything leaves no zombie. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_only_listed_descriptors(void **state)
{
    int leak = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    struct spawn_options options = {0};
    int status = -1;
    (void)state;

    assert_true(leak >= 0);
    /* The shell itself opens none; ls has one more for the directory. */
    assert_string_equal(
        output_of(&options,
                  "cd /proc/self/fd; for f in [0-9]*; do test -e $f && echo -n $f.; done; "
                  "test /proc/self/fd/0 -ef /dev/null && test /proc/self/fd/2 -ef /dev/null && echo null",
                  &status),
        "0.1.2.null\n");
    assert_int_equal(status, 0);
    close(leak);
}

/* Two descriptors that want each other's number, and one that already has its own. */
static void test_descriptors_swap(void **state)
{
    struct spawn_options options = {0};
    struct spawn_fd fds[3];
    int a[2], b[2], c[2], status = -1;
    (void)state;

    assert_int_equal(pipe2(a, O_CLOEXEC), 0);
    assert_int_equal(pipe2(b, O_CLOEXEC), 0);
    assert_int_equal(pipe2(c, O_CLOEXEC), 0);
    assert_int_equal(write(a[1], "from-a\n", 7), 7);
    assert_int_equal(write(b[1], "from-b\n", 7), 7);
    assert_int_equal(write(c[1], "from-c\n", 7), 7);
    assert_true(a[0] < 10 && b[0] < 10 && c[0] < 10);
    fds[0] = (struct spawn_fd){a[0], b[0]};
    fds[1] = (struct spawn_fd){b[0], a[0]};
    fds[2] = (struct spawn_fd){c[0], c[0]};
    options.fds = fds;
    options.fd_count = 3;
    cleanup_free char *script =
        xasprintf("read x <&%d; read y <&%d; read z <&%d; echo $x $y $z", a[0], b[0], c[0]);
    assert_string_equal(output_of(&options, script, &status), "from-b from-a from-c\n");
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
        close(c[i]);
    }
}

static void test_environment_directory_session(void **state)
{
    char *envp[] = {"ONLY=this", NULL};
    struct spawn_options options = {.envp = envp, .cwd = "/usr", .new_session = true, .no_new_privs = true};
    int status = -1;
    (void)state;

    assert_string_equal(
        output_of(&options, "echo $ONLY:$HOME:; cd -P .; pwd; grep NoNewPrivs: /proc/self/status", &status),
        "this::\n/usr\nNoNewPrivs:\t1\n");
    options = (struct spawn_options){.new_session = true};
    const char *got = output_of(&options, "read a b c d e sid f < /proc/self/stat; echo $a $sid", &status);
    int pid = 0, sid = 1;
    assert_int_equal(sscanf(got, "%d %d", &pid, &sid), 2);
    assert_int_equal(pid, sid);
}

static void test_signals_are_default(void **state)
{
    struct spawn_options options = {0};
    sigset_t set, before;
    int status = -1;
    (void)state;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGPIPE, SIG_IGN);
    assert_string_equal(output_of(&options, "sed -nE '/^Sig(Blk|Ign|Cgt)/p' /proc/self/status", &status),
                        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
    /* And the caller's own mask is as it was. */
    sigprocmask(SIG_SETMASK, &before, &set);
    assert_true(sigismember(&set, SIGTERM));
    assert_false(sigismember(&set, SIGINT));
    signal(SIGPIPE, SIG_DFL);
}

static void test_path_search_and_descriptor_exec(void **state)
{
    char *argv[] = {"true", NULL};
    int exe = open("/bin/false", O_PATH | O_CLOEXEC), status = -1;
    pid_t pid = 0;
    (void)state;

    assert_int_equal(spawn(&(struct spawn_options){.argv = argv}, &pid), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(spawn(&(struct spawn_options){.argv = argv, .exe_fd = exe}, &pid), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(exe);
}

static void test_other_account(void **state)
{
    struct spawn_options options = {.user = "nobody"};
    gid_t extra = 4711;
    int status = -1;
    (void)state;

    if (geteuid() != 0) {
        char *argv[] = {"/bin/true", NULL};
        pid_t pid;

        options.argv = argv;
        assert_int_equal(spawn(&options, &pid), -EPERM);
        return;
    }
    assert_int_equal(setgroups(1, &extra), 0);
    cleanup_free char *want = xasprintf("Uid:\t%1$d\t%1$d\t%1$d\t%1$d\nGid:\t%2$d\t%2$d\t%2$d\t%2$d\n",
                                        getpwnam("nobody")->pw_uid, getpwnam("nobody")->pw_gid);
    assert_string_equal(output_of(&options, "grep -E '^(Uid|Gid)' /proc/self/status", &status), want);
    options = (struct spawn_options){.user = "nobody"};
    assert_null(strstr(output_of(&options, "grep Groups /proc/self/status", &status), "4711"));
}

/* A process in between starts the child with a death signal and dies: the child has to go too. The pipe shows
 * it. */
static void test_death_signal(void **state)
{
    int life[2];
    pid_t middle;
    char byte;
    (void)state;

    assert_int_equal(pipe2(life, O_CLOEXEC), 0);
    middle = fork();
    assert_true(middle >= 0);
    if (middle == 0) {
        char *argv[] = {"/bin/sleep", "1000", NULL};
        const struct spawn_fd fds[] = {{life[1], 3}};
        struct spawn_options options = {.argv = argv, .fds = fds, .fd_count = 1, .death_signal = SIGKILL};
        pid_t pid;

        if (geteuid() == 0)
            options.user = "nobody";
        _exit(spawn(&options, &pid) == 0 ? 0 : 1);
    }
    close(life[1]);
    int status = -1;
    assert_int_equal(waitpid(middle, &status, 0), middle);
    assert_int_equal(status, 0);
    assert_int_equal(read(life[0], &byte, 1), 0);
    close(life[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_come_back),    cmocka_unit_test(test_only_listed_descriptors),
        cmocka_unit_test(test_descriptors_swap),    cmocka_unit_test(test_environment_directory_session),
        cmocka_unit_test(test_signals_are_default), cmocka_unit_test(test_path_search_and_descriptor_exec),
        cmocka_unit_test(test_other_account),       cmocka_unit_test(test_death_signal),
    };

    /* A folder of PATH that an ordinary user may not search would turn "not found" into "forbidden". */
    setenv("PATH", "/usr/bin:/bin", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
