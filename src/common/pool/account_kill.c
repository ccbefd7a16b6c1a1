/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "Nothing of this session runs any more", made true and checked in /proc. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "pool/account.h"

#define KILL_PATIENCE_MS 10000
#define ENVIRON_MAX (256 * 1024)

/* kill(-1) as the account reaches even a process that forks faster than anybody can list. The child of this
 * possibly threaded process uses nothing but system calls. */
static void kill_uid(uid_t uid)
{
    if (uid == 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        if (syscall(SYS_setresuid, uid, uid, uid) == 0)
            (void)kill(-1, SIGKILL);
        _exit(0);
    }
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

static bool is_zombie(int proc)
{
    cleanup_free char *stat = NULL;
    size_t len;
    if (file_read(proc, "stat", 4096, &stat, &len) < 0)
        return true; /* gone already */
    const char *after = strrchr(stat, ')');
    return !after || !after[1] || after[2] == 'Z' || after[2] == 'X';
}

static bool has_marker(int proc, const char *slot_dir)
{
    cleanup_free char *environ_data = NULL;
    size_t len;
    if (file_read(proc, "environ", ENVIRON_MAX, &environ_data, &len) < 0)
        return false;
    cleanup_free char *marker = xasprintf("%s=%s", ACCOUNT_MARKER, slot_dir);
    for (size_t at = 0; at < len; at += strlen(environ_data + at) + 1) {
        if (str_eq(environ_data + at, marker))
            return true;
    }
    return false;
}

static bool belongs(const struct account *account, int proc, const char *slot_dir)
{
    struct stat st;
    if (fstat(proc, &st) < 0)
        return false;
    if (account->shared)
        return st.st_uid == account->uid && has_marker(proc, slot_dir) && !is_zombie(proc);
    /* The directory of a process that may not be traced belongs to root: its status has the real owner. */
    if (st.st_uid != 0)
        return (st.st_uid == account->uid || st.st_uid == account->streamer_uid) && !is_zombie(proc);
    cleanup_free char *status = NULL;
    size_t len;
    unsigned uid = 0;
    if (file_read(proc, "status", 16384, &status, &len) < 0)
        return false;
    const char *line = strstr(status, "\nUid:");
    if (!line || sscanf(line, "\nUid: %u", &uid) != 1 || uid == 0)
        return false;
    return (uid == account->uid || uid == account->streamer_uid) && !is_zombie(proc);
}

/* Kills what it finds and says how many there were. */
static int kill_found(const struct account *account, const char *slot_dir)
{
    DIR *all = opendir("/proc");
    if (!all)
        return -errno;
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(all))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        cleanup_close int proc = openat(dirfd(all), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (proc < 0 || pid == getpid() || !belongs(account, proc, slot_dir))
            continue;
        count++;
        (void)kill(pid, SIGKILL);
    }
    closedir(all);
    return count;
}

int account_kill(const struct account *account, const char *slot_dir)
{
    uint64_t deadline = clock_monotonic_ms(NULL) + KILL_PATIENCE_MS;
    for (;;) {
        if (!account->shared) {
            kill_uid(account->uid);
            kill_uid(account->streamer_uid);
        }
        int left = kill_found(account, slot_dir);
        if (left <= 0)
            return left;
        if (clock_monotonic_ms(NULL) > deadline)
            return -ETIMEDOUT;
        struct timespec t = {.tv_nsec = 5000000};
        nanosleep(&t, NULL);
    }
}
