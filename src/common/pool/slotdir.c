/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/slotdir.h"

#include <fcntl.h>

#include "base/file.h"

static int open_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

/* A new directory with exactly this owner and mode, whatever the umask. */
static int make_dir(int at, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
    if (mkdirat(at, name, 0700) < 0)
        return -errno;
    cleanup_close int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (geteuid() == 0 && fchown(fd, uid, gid) < 0)
        return -errno;
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int open_slot(const char *slot_dir)
{
    int r = dir_make(slot_dir, 0711);
    return r < 0 ? r : open_dir(slot_dir);
}

static int build_home(int slot, const char *slot_dir, const char *skeleton, const struct account *account)
{
    int r = tree_remove(slot, "home");
    if (r >= 0)
        r = make_dir(slot, "home", account->uid, account->gid, 0700);
    if (r < 0)
        return r;
    cleanup_free char *home = xasprintf("%s/home", slot_dir);
    return tree_copy(skeleton, home, account->shared ? (uid_t)-1 : account->uid,
                     account->shared ? (gid_t)-1 : account->gid);
}

int slotdir_build_home(const char *slot_dir, const char *skeleton, const struct account *account)
{
    cleanup_close int slot = open_slot(slot_dir);
    return slot < 0 ? slot : build_home(slot, slot_dir, skeleton, account);
}

int slotdir_build(const char *slot_dir, const char *skeleton, const struct account *account)
{
    cleanup_close int slot = open_slot(slot_dir);
    if (slot < 0)
        return slot;
    int r = tree_remove(slot, "session");
    if (r >= 0)
        r = make_dir(slot, "session", geteuid(), account->gid, account->shared ? 0700 : 0710);
    if (r < 0)
        return r;
    cleanup_close int session = openat(slot, "session", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (session < 0)
        return -errno;
    r = make_dir(session, "x11", account->uid, account->gid, account->shared ? 0700 : 0770);
    if (r >= 0)
        r = make_dir(session, "print", account->uid, account->gid, account->shared ? 0700 : 0750);
    return r < 0 ? r : build_home(slot, slot_dir, skeleton, account);
}

int slotdir_clean(const char *slot_dir)
{
    cleanup_close int slot = open_dir(slot_dir);
    if (slot < 0)
        return slot == -ENOENT ? 0 : slot;
    int r = tree_remove(slot, "session");
    int r2 = tree_remove(slot, "home");
    return r < 0 ? r : r2;
}
