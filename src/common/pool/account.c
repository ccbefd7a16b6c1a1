/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/spawn.h"
#include "base/str.h"

#define USERADD_TRIES 40 /* of 50 ms: useradd gives up at once when another one holds the password file */

bool account_base_valid(const char *base)
{
    return base[0] >= 'a' && base[0] <= 'z' &&
           str_is_token(base, "abcdefghijklmnopqrstuvwxyz0123456789_-", 20);
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* 0, -ENOENT, or -EPERM for an account that a person can log in to. */
static int look_up(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    int r = getpwnam_r(name, &entry, room, sizeof room, &found);
    if (!found)
        return r && r != ENOENT && r != ESRCH ? -r : -ENOENT;
    if (entry.pw_uid == 0 ||
        !(str_ends_with(entry.pw_shell, "/nologin") || str_ends_with(entry.pw_shell, "/false")))
        return -EPERM;
    *ret_uid = entry.pw_uid;
    *ret_gid = entry.pw_gid;
    return 0;
}

static bool group_exists(const char *name)
{
    char room[4096];
    struct group entry, *found = NULL;
    return getgrnam_r(name, &entry, room, sizeof room, &found) == 0 && found;
}

static void run_useradd(const char *name, const char *group)
{
    cleanup_free char *home = xasprintf("/home/%s", name);
    bool own_group = str_eq(name, group) && !group_exists(group);
    const char *argv[] = {"useradd",
                          "--system",
                          "--no-create-home",
                          "--home-dir",
                          home,
                          "--shell",
                          "/usr/sbin/nologin",
                          "--comment",
                          "Isthmus session",
                          own_group ? "--user-group" : "--gid",
                          own_group ? name : group,
                          own_group ? NULL : name,
                          NULL};
    /* by path: the one that su leaves to root may lack /usr/sbin */
    struct spawn_options options = {.path = "/usr/sbin/useradd", .argv = (char *const *)(uintptr_t)argv};
    pid_t pid;
    if (spawn(&options, &pid) == 0)
        (void)waitpid(pid, NULL, 0); /* whether it worked is seen in the password file */
}

/* group: primary group; the account's own name makes one of that name. */
static int ensure(const char *name, const char *group, uid_t *ret_uid, gid_t *ret_gid, char **ret_cause)
{
    int r = look_up(name, ret_uid, ret_gid);
    for (int i = 0; r == -ENOENT && i < USERADD_TRIES; i++) {
        run_useradd(name, group);
        r = look_up(name, ret_uid, ret_gid);
        if (r == -ENOENT)
            pause_ms(50);
    }
    if (r == -EPERM)
        *ret_cause =
            xasprintf("the account %s has a login shell and seems to belong to a person; choose another "
                      "webstreamSettings.serverSessionUsername",
                      name);
    else if (r < 0)
        *ret_cause = xasprintf("the account %s could not be created with useradd", name);
    return r < 0 ? -EPERM : 0;
}

static int lock_name(const char *name, int *ret_fd)
{
    cleanup_free char *path = xasprintf("%s/%s.lock", ACCOUNT_LOCKS, name);
    return file_lock(path, ret_fd);
}

static int claim_number(const char *base, unsigned number, struct account *account, char **ret_cause)
{
    (void)snprintf(account->name, sizeof account->name, "%s%02u", base, number);
    (void)snprintf(account->streamer_name, sizeof account->streamer_name, "%s%02us", base, number);
    int r = lock_name(account->name, &account->lock_fd);
    if (r < 0)
        return r;
    gid_t streamer_gid = 0;
    r = ensure(account->name, account->name, &account->uid, &account->gid, ret_cause);
    if (r >= 0)
        r = ensure(account->streamer_name, account->name, &account->streamer_uid, &streamer_gid, ret_cause);
    if (r >= 0 && streamer_gid != account->gid) {
        *ret_cause = xasprintf("the account %s must have the primary group of %s", account->streamer_name,
                               account->name);
        r = -EPERM;
    }
    if (r < 0)
        account_release(account);
    return r;
}

int account_claim(const char *base, unsigned wanted, struct account *ret_account, char **ret_cause)
{
    struct account account = {.lock_fd = -1, .uid = geteuid(), .streamer_uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0) {
        account.shared = true;
        (void)snprintf(account.name, sizeof account.name, "%s%02u", base, wanted);
        *ret_account = account;
        return 0;
    }
    if (dir_make("/run/isthmus", 0755) < 0 || dir_make(ACCOUNT_LOCKS, 0700) < 0) {
        *ret_cause = xasprintf("%s cannot be created", ACCOUNT_LOCKS);
        return -EPERM;
    }
    for (unsigned i = 0; i <= 999; i++) {
        int r = claim_number(base, i ? i : wanted, &account, ret_cause);
        if (r == -EWOULDBLOCK)
            continue;
        if (r < 0 && !*ret_cause)
            *ret_cause = xasprintf("the lock of account %s cannot be taken: %s", account.name, strerror(-r));
        if (r >= 0)
            *ret_account = account;
        return r < 0 ? -EPERM : 0;
    }
    *ret_cause = xasprintf("all accounts %s01 to %s999 are claimed by other instances", base, base);
    return -EPERM;
}

int account_adopt(const char *name, int lock_fd, struct account *ret_account)
{
    struct account account = {
        .lock_fd = lock_fd, .uid = geteuid(), .streamer_uid = geteuid(), .gid = getegid()};
    int r = str_copy(account.name, sizeof account.name, name);
    if (r < 0)
        return r;
    if (geteuid() != 0) {
        account.shared = true;
    } else {
        gid_t streamer_gid;
        (void)snprintf(account.streamer_name, sizeof account.streamer_name, "%.*ss", ACCOUNT_NAME_LEN - 2,
                       name);
        r = look_up(name, &account.uid, &account.gid);
        if (r >= 0)
            r = look_up(account.streamer_name, &account.streamer_uid, &streamer_gid);
        if (r < 0)
            return r;
    }
    *ret_account = account;
    return 0;
}

int account_claim_name(const char *name, struct account *ret_account)
{
    int lock_fd = -1;
    int r = geteuid() == 0 ? lock_name(name, &lock_fd) : 0;
    if (r < 0)
        return r;
    r = account_adopt(name, lock_fd, ret_account);
    if (r < 0 && lock_fd >= 0)
        close(lock_fd);
    return r;
}

void account_release(struct account *account)
{
    if (account->lock_fd >= 0)
        close(account->lock_fd);
    account->lock_fd = -1;
}

/* Checks with the account's own rights: the file system ids belong to this thread alone. */
int account_can_enter(const struct account *account, const char *path, char **ret_dir)
{
    cleanup_free char *part = xstrdup(path);
    size_t len = strlen(part);
    int death_signal = 0; /* the kernel forgets it when ids change */
    (void)prctl(PR_GET_PDEATHSIG, &death_signal);
    uid_t uid = (uid_t)setfsuid(account->uid);
    gid_t gid = (gid_t)setfsgid(account->gid);
    int r = 0;
    for (size_t i = 1; r == 0 && i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        cleanup_free char *inside = xasprintf("%s/.", part);
        struct stat st;
        if (stat(inside, &st) < 0 && errno == EACCES) {
            *ret_dir = xstrdup(part);
            r = -EACCES;
        }
        part[i] = kept;
    }
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    (void)prctl(PR_SET_PDEATHSIG, death_signal);
    return r;
}
