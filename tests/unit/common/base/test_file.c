/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"

static char base[64];
static int base_fd;

static int setup(void **state)
{
    (void)state;
    snprintf(base, sizeof(base), "/tmp/isthmus-file-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    base_fd = open(base, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    return base_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    int tmp = open("/tmp", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    int r = tree_remove(tmp, base + 5);

    (void)state;
    close(tmp);
    close(base_fd);
    return r;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(file_write(base_fd, name, text, strlen(text), 0644), 0);
}

static bool exists(const char *name)
{
    struct stat st;

    return fstatat(base_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void expect_content(const char *name, const char *want)
{
    cleanup_free char *data = NULL;
    size_t len = 0;

    assert_int_equal(file_read(base_fd, name, 1000, &data, &len), 0);
    assert_int_equal(len, strlen(want));
    assert_string_equal(data, want);
}

static void test_read_and_write(void **state)
{
    char *data = NULL;
    struct stat st;
    size_t len = 0;
    (void)state;

    umask(077);
    assert_int_equal(mkdirat(base_fd, "d", 0700), 0);
    assert_int_equal(file_write(base_fd, "d/f", "one", 3, 0640), 0);
    expect_content("d/f", "one");
    assert_int_equal(file_write(base_fd, "d/f", "", 0, 0600), 0);
    expect_content("d/f", "");
    assert_int_equal(file_write(base_fd, "d//f", "12345", 5, 0644), 0);
    assert_int_equal(fstatat(base_fd, "d/f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(file_read(base_fd, "d/f", 4, &data, &len), -EFBIG);
    assert_int_equal(file_read(base_fd, "d", 4, &data, &len), -EISDIR);
    assert_int_equal(file_read(base_fd, "none", 4, &data, &len), -ENOENT);
    assert_int_equal(file_read(base_fd, "none/f", 4, &data, &len), -ENOENT);
    assert_int_equal(file_read(base_fd, "", 4, &data, &len), -EINVAL);
    assert_null(data);
    assert_int_equal(unlinkat(base_fd, "d/f", 0), 0);
    assert_int_equal(unlinkat(base_fd, "d", AT_REMOVEDIR), 0); /* no temporary file stayed behind */
}

/* A file without a size (as in /proc) still ends at max. */
static void test_read_without_size(void **state)
{
    cleanup_free char *data = NULL;
    size_t len = 0;
    (void)state;

    assert_int_equal(file_read(AT_FDCWD, "/proc/self/maps", 1 << 24, &data, &len), 0);
    assert_true(len > 0 && data[len] == '\0');
    assert_int_equal(file_read(AT_FDCWD, "/proc/self/maps", 100, &data, &len), -EFBIG);
    assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 100, &data, &len), -EINVAL);
}

static void test_links_and_escapes(void **state)
{
    char *data = NULL;
    size_t len = 0;
    (void)state;

    put("target", "secret");
    assert_int_equal(symlinkat("target", base_fd, "link"), 0);
    assert_int_equal(mkdirat(base_fd, "dir", 0700), 0);
    assert_int_equal(symlinkat("dir", base_fd, "dirlink"), 0);
    put("dir/f", "x");
    assert_int_equal(file_read(base_fd, "link", 100, &data, &len), -ELOOP);
    assert_int_equal(file_read(base_fd, "dirlink/f", 100, &data, &len), -ENOTDIR);
    assert_int_equal(file_read(base_fd, "dir/../target", 100, &data, &len), -EINVAL);
    assert_int_equal(file_read(base_fd, "..", 100, &data, &len), -EINVAL);
    assert_int_equal(file_read(base_fd, "/etc/passwd", 100, &data, &len), -EINVAL);
    assert_int_equal(file_write(base_fd, "dirlink/f", "y", 1, 0600), -ENOTDIR);
    /* Writing over a link replaces the link and leaves its target alone. */
    put("link", "new");
    expect_content("target", "secret");
    expect_content("link", "new");
    assert_int_equal(mkfifoat(base_fd, "fifo", 0600), 0);
    assert_int_equal(file_read(base_fd, "fifo", 100, &data, &len), -EINVAL);
    assert_null(data);
}

static void test_lock(void **state)
{
    cleanup_free char *path = xasprintf("%s/lock", base);
    int first = -1, second = -1;
    (void)state;

    assert_int_equal(file_lock(path, &first), 0);
    assert_int_equal(file_lock(path, &second), -EWOULDBLOCK);
    close(first);
    assert_int_equal(file_lock(path, &second), 0);
    close(second);
    assert_int_equal(symlinkat("lock", base_fd, "locklink"), 0);
    free(path);
    path = xasprintf("%s/locklink", base);
    assert_int_equal(file_lock(path, &first), -ELOOP);
}

static void test_dir_make(void **state)
{
    cleanup_free char *path = xasprintf("%s/a//b/c/", base);
    cleanup_free char *file = xasprintf("%s/file/x", base);
    cleanup_free char *plain = xasprintf("%s/file", base);
    struct stat st;
    (void)state;

    umask(077);
    assert_int_equal(dir_make(path, 0711), 0);
    assert_int_equal(fstatat(base_fd, "a/b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    assert_int_equal(dir_make(path, 0700), 0);
    assert_int_equal(fstatat(base_fd, "a/b/c", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    put("file", "");
    assert_int_equal(dir_make(file, 0700), -ENOTDIR);
    assert_int_equal(dir_make(plain, 0700), -ENOTDIR);
    assert_int_equal(dir_make("", 0700), -ENOENT);
    assert_int_equal(dir_make("/", 0700), 0);
}

static void test_remove_spares_what_links_point_to(void **state)
{
    (void)state;
    assert_int_equal(mkdirat(base_fd, "keep", 0700), 0);
    put("keep/f", "kept");
    assert_int_equal(mkdirat(base_fd, "gone", 0700), 0);
    assert_int_equal(symlinkat("../keep", base_fd, "gone/link"), 0);
    assert_int_equal(mkdirat(base_fd, "gone/ro", 0700), 0);
    put("gone/ro/f", "x");
    assert_int_equal(mkfifoat(base_fd, "gone/fifo", 0), 0);
    assert_int_equal(fchmodat(base_fd, "gone/ro", 0, 0), 0);
    assert_int_equal(tree_remove(base_fd, "gone"), 0);
    assert_false(exists("gone"));
    expect_content("keep/f", "kept");
    assert_int_equal(symlinkat("keep", base_fd, "l"), 0);
    assert_int_equal(tree_remove(base_fd, "l"), 0);
    assert_false(exists("l"));
    expect_content("keep/f", "kept");
    assert_int_equal(tree_remove(base_fd, "absent"), 0);
    assert_int_equal(tree_remove(base_fd, "keep/f"), -EINVAL);
    assert_int_equal(tree_remove(base_fd, ".."), -EINVAL);
    assert_int_equal(tree_remove(base_fd, "."), -EINVAL);
    assert_int_equal(tree_remove(base_fd, ""), -EINVAL);
}

/* Deeper than there are descriptors, and deeper than a path may be long. */
static void test_remove_deep(void **state)
{
    int fd = dup(base_fd);
    (void)state;

    for (int i = 0; i < 3000; i++) {
        int next;

        assert_int_equal(mkdirat(fd, "deep", 0700), 0);
        if (i % 500 == 0)
            assert_int_equal(mkdirat(fd, ".removing.0", 0700), 0);
        next = openat(fd, "deep", O_DIRECTORY | O_RDONLY);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_int_equal(tree_remove(base_fd, "deep"), 0);
    assert_false(exists("deep"));
}

static void test_copy(void **state)
{
    cleanup_free char *from = xasprintf("%s/from", base);
    cleanup_free char *to = xasprintf("%s/to", base);
    char target[32] = "";
    struct stat st;
    (void)state;

    assert_int_equal(mkdirat(base_fd, "from", 0700), 0);
    assert_int_equal(mkdirat(base_fd, "from/sub", 0700), 0);
    assert_int_equal(fchmodat(base_fd, "from/sub", 0750, 0), 0);
    put("from/sub/f", "content");
    assert_int_equal(fchmodat(base_fd, "from/sub/f", 04755, 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", base_fd, "from/link"), 0);
    assert_int_equal(mkfifoat(base_fd, "from/fifo", 0600), 0);
    assert_int_equal(tree_copy(from, to, (uid_t)-1, (gid_t)-1), -ENOENT);
    assert_int_equal(mkdirat(base_fd, "to", 0700), 0);
    /* A hostile target: the file's name is a link out of the tree. */
    put("victim", "untouched");
    assert_int_equal(mkdirat(base_fd, "to/sub", 0700), 0);
    assert_int_equal(symlinkat("../../victim", base_fd, "to/sub/f"), 0);
    assert_int_equal(tree_copy(from, to, getuid(), getgid()), 0);
    expect_content("to/sub/f", "content");
    expect_content("victim", "untouched");
    assert_int_equal(fstatat(base_fd, "to/sub/f", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0755); /* never a set-uid bit */
    assert_int_equal(fstatat(base_fd, "to/sub", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(readlinkat(base_fd, "to/link", target, sizeof(target)), 11);
    assert_string_equal(target, "/etc/passwd");
    assert_false(exists("to/fifo"));
    /* A directory's name that is a link out of the tree. */
    assert_int_equal(tree_remove(base_fd, "to"), 0);
    assert_int_equal(mkdirat(base_fd, "to", 0700), 0);
    assert_int_equal(mkdirat(base_fd, "outside", 0700), 0);
    assert_int_equal(symlinkat("../outside", base_fd, "to/sub"), 0);
    assert_true(tree_copy(from, to, (uid_t)-1, (gid_t)-1) < 0);
    assert_false(exists("outside/f"));
}

static void test_nonblock(void **state)
{
    int fds[2];
    char byte;
    (void)state;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fd_set_nonblock(fds[0]), 0);
    assert_int_equal(read(fds[0], &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(fd_set_nonblock(fds[0]), -EBADF);
}

static void test_limit(void **state)
{
    struct rlimit before, after;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(fd_limit_raise(16), 0); /* never lowers */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_true(after.rlim_cur == before.rlim_cur && after.rlim_max == before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, before.rlim_max}), 0);
    assert_int_equal(fd_limit_raise(128), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_true(after.rlim_cur == MIN((rlim_t)128, before.rlim_max));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_write),    cmocka_unit_test(test_read_without_size),
        cmocka_unit_test(test_links_and_escapes), cmocka_unit_test(test_lock),
        cmocka_unit_test(test_dir_make),          cmocka_unit_test(test_remove_spares_what_links_point_to),
        cmocka_unit_test(test_remove_deep),       cmocka_unit_test(test_copy),
        cmocka_unit_test(test_nonblock),          cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
