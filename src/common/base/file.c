/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/file_priv.h"
#include "base/str.h"

int fd_set_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

int fd_limit_raise(unsigned wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_cur >= wanted)
        return 0;
    limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)wanted);
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

int file__write_all(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Opens the directory that holds path and points ret_name at the last part. Below a directory descriptor
 * every part is opened without following links and ".." is refused; a path of the working directory comes
 * from the operator and is walked as it is. */
static int open_parent(int dirfd, const char *path, int *ret_fd, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char part[NAME_MAX + 1];
    int fd;

    if (*name == '\0' || str_eq(name, ".") || str_eq(name, ".."))
        return -EINVAL;
    if (dirfd == AT_FDCWD) {
        cleanup_free char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : xstrdup(".");

        fd = dir ? open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            return -errno;
        *ret_fd = fd;
        *ret_name = name;
        return 0;
    }
    if (path[0] == '/')
        return -EINVAL;
    fd = openat(dirfd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    for (; fd >= 0 && path != name; path += strspn(path, "/")) {
        size_t len = strcspn(path, "/");
        int next;

        if (len > NAME_MAX || (len == 2 && path[0] == '.' && path[1] == '.')) {
            close(fd);
            return -EINVAL;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        next = openat(fd, part, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        close(fd);
        fd = next;
        path += len;
    }
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    *ret_name = name;
    return 0;
}

static int read_all(int fd, size_t max, struct buf *out)
{
    for (;;) {
        uint8_t chunk[16384];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        if (out->len + (size_t)n > max)
            return -EFBIG;
        r = buf_append(out, chunk, (size_t)n);
        if (r < 0)
            return r;
    }
}

int file_read(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len)
{
    cleanup_close int parent = -1;
    cleanup_close int fd = -1;
    const char *name = path;
    struct stat st;
    struct buf out;
    int r;

    r = open_parent(dirfd, path, &parent, &name);
    if (r < 0)
        return r;
    /* O_NONBLOCK: a fifo in the place of the file must not hang us. */
    fd = openat(parent, name,
                O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (dirfd == AT_FDCWD ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if (st.st_size > 0 && (uint64_t)st.st_size > max)
        return -EFBIG;
    buf_init(&out, SIZE_MAX / 4);
    r = read_all(fd, max, &out);
    if (r < 0) {
        buf_finish(&out);
        return r;
    }
    *ret_len = out.len;
    *ret_data = buf_steal_str(&out);
    return 0;
}

/* A name that no other writer of this machine uses now; a leftover of a dead process with the same number is
 * removed. */
static int open_temporary(int parent, const char *name, char *temporary, size_t size)
{
    static atomic_uint counter;
    int fd, len;

    len = snprintf(temporary, size, ".%.200s.%ld.%u", name, (long)getpid(), atomic_fetch_add(&counter, 1));
    if (len < 0 || (size_t)len >= size)
        return -ENAMETOOLONG;
    fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST && unlinkat(parent, temporary, 0) == 0)
        fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

int file_write(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
    char temporary[NAME_MAX + 1];
    cleanup_close int parent = -1;
    cleanup_close int fd = -1;
    const char *name = path;
    int r;

    r = open_parent(dirfd, path, &parent, &name);
    if (r < 0)
        return r;
    fd = open_temporary(parent, name, temporary, sizeof(temporary));
    if (fd < 0)
        return fd;
    r = file__write_all(fd, data, len);
    /* fchmod and not the mode of open: the umask must not decide who reads a file of ours. */
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || renameat(parent, temporary, parent, name) < 0))
        r = -errno;
    if (r < 0) {
        unlinkat(parent, temporary, 0);
        return r;
    }
    return fsync(parent) < 0 ? -errno : 0;
}

int file_lock(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int dir_make(const char *path, mode_t mode)
{
    cleanup_free char *copy = xstrdup(path);
    struct stat st;

    if (*path == '\0')
        return -ENOENT;
    for (char *at = copy + 1; at[-1]; at++) {
        char kept = *at;

        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        if (mkdir(copy, mode) == 0) {
            if (chmod(copy, mode) < 0) /* past the umask */
                return -errno;
        } else if (errno != EEXIST) {
            return -errno;
        }
        *at = kept;
    }
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
