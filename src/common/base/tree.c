/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Removing and copying whole trees (file.h). The trees are strangers' homes: arbitrarily deep, full of links,
 * with directories that forbid their own removal. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "base/file_priv.h"
#include "base/str.h"

#define TREE_DEPTH 32 /* descriptors held at a time: one per level */

struct removal {
    int top;        /* the directory that is being emptied */
    unsigned moved; /* serial number of directories that were lifted into it */
    bool again;     /* one was lifted: read top once more */
};

static bool is_dots(const char *name)
{
    return str_eq(name, ".") || str_eq(name, "..");
}

/* Opens a directory for emptying, giving it the rights for that first when its owner took them away. */
static int open_for_removal(int dirfd, const char *name)
{
    cleanup_close int handle = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char link[64];
    struct stat st;
    int fd;

    if (handle < 0 || fstat(handle, &st) < 0)
        return -errno;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", handle);
    if ((st.st_mode & S_IRWXU) != S_IRWXU && chmod(link, S_IRWXU) < 0 && errno != ENOENT)
        return -errno;
    fd = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int empty_dir(struct removal *removal, int fd, int depth);

/* A directory too deep to descend into goes to the top, where the next round finds it near: depth costs no
 * descriptors. */
static int lift(struct removal *removal, int dirfd, const char *name)
{
    char target[64];

    for (;;) {
        snprintf(target, sizeof(target), ".removing.%u", removal->moved++);
        if (renameat2(dirfd, name, removal->top, target, RENAME_NOREPLACE) == 0) {
            removal->again = true;
            return 0;
        }
        if (errno != EEXIST || removal->moved == 0)
            return -errno;
    }
}

static int remove_entry(struct removal *removal, int dirfd, const char *name, int depth)
{
    int fd, r;

    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    fd = open_for_removal(dirfd, name);
    if (fd == -ENOTDIR || fd == -ELOOP)
        return -EPERM;
    if (fd < 0)
        return fd;
    if (depth >= TREE_DEPTH) {
        close(fd);
        return lift(removal, dirfd, name);
    }
    r = empty_dir(removal, fd, depth + 1);
    if (r < 0)
        return r;
    return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Takes over fd. */
static int empty_dir(struct removal *removal, int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (!dir) {
        r = -errno;
        close(fd);
        return r;
    }
    while (r == 0 && (errno = 0, entry = readdir(dir))) {
        if (!is_dots(entry->d_name))
            r = remove_entry(removal, fd, entry->d_name, depth);
    }
    if (r == 0 && errno != 0)
        r = -errno;
    closedir(dir);
    return r;
}

int tree_remove(int dirfd, const char *name)
{
    struct removal removal = {.top = -1};
    int r = 0;

    if (*name == '\0' || strchr(name, '/') || is_dots(name))
        return -EINVAL;
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    removal.top = open_for_removal(dirfd, name);
    if (removal.top < 0)
        return removal.top;
    do {
        int fd = openat(removal.top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        removal.again = false;
        r = fd < 0 ? -errno : empty_dir(&removal, fd, 0);
    } while (r == 0 && removal.again);
    close(removal.top);
    if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = -errno;
    return r;
}

struct copy {
    uid_t uid;
    gid_t gid;
};

static int copy_bytes(int in, int out)
{
    for (;;) {
        char chunk[65536];
        ssize_t n = read(in, chunk, sizeof(chunk));
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        r = file__write_all(out, chunk, (size_t)n);
        if (r < 0)
            return r;
    }
}

/* The old file is unlinked and a new one made exclusively: nothing is ever written through a link that lies
 * in the target. */
static int copy_file(const struct copy *copy, int from, int to, const char *name, mode_t mode)
{
    cleanup_close int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    cleanup_close int out = -1;
    int r;

    if (in < 0 || (unlinkat(to, name, 0) < 0 && errno != ENOENT))
        return -errno;
    out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        return -errno;
    r = copy_bytes(in, out);
    if (r < 0)
        return r;
    if (fchown(out, copy->uid, copy->gid) < 0 || fchmod(out, mode & 0777) < 0)
        return -errno;
    return 0;
}

static int copy_link(const struct copy *copy, int from, int to, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(from, name, target, sizeof(target));

    if (len < 0)
        return -errno;
    if ((size_t)len >= sizeof(target))
        return -ENAMETOOLONG;
    target[len] = '\0';
    if ((unlinkat(to, name, 0) < 0 && errno != ENOENT) || symlinkat(target, to, name) < 0 ||
        fchownat(to, name, copy->uid, copy->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

static int copy_dir(const struct copy *copy, int from, int to, int depth);

static int copy_subdir(const struct copy *copy, int from, int to, const char *name, mode_t mode, int depth)
{
    cleanup_close int out = -1;
    int in, r;

    if (depth >= TREE_DEPTH)
        return -ELOOP;
    if (mkdirat(to, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out < 0 || in < 0) {
        r = -errno;
        if (in >= 0)
            close(in);
        return r;
    }
    r = copy_dir(copy, in, out, depth + 1);
    if (r == 0 && (fchown(out, copy->uid, copy->gid) < 0 || fchmod(out, mode & 0777) < 0))
        r = -errno;
    return r;
}

static int copy_entry(const struct copy *copy, int from, int to, const char *name, int depth)
{
    struct stat st;

    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return copy_subdir(copy, from, to, name, st.st_mode, depth);
    if (S_ISREG(st.st_mode))
        return copy_file(copy, from, to, name, st.st_mode);
    if (S_ISLNK(st.st_mode))
        return copy_link(copy, from, to, name);
    return 0;
}

/* Takes over from. */
static int copy_dir(const struct copy *copy, int from, int to, int depth)
{
    DIR *dir = fdopendir(from);
    struct dirent *entry;
    int r = 0;

    if (!dir) {
        r = -errno;
        close(from);
        return r;
    }
    while (r == 0 && (errno = 0, entry = readdir(dir))) {
        if (!is_dots(entry->d_name))
            r = copy_entry(copy, from, to, entry->d_name, depth);
    }
    if (r == 0 && errno != 0)
        r = -errno;
    closedir(dir);
    return r;
}

int tree_copy(const char *from, const char *to, uid_t uid, gid_t gid)
{
    struct copy copy = {.uid = uid, .gid = gid};
    cleanup_close int out = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int in;

    if (out < 0)
        return -errno;
    in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return in < 0 ? -errno : copy_dir(&copy, in, out, 0);
}
