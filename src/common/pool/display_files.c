/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/display_files.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/str.h"

#define SOCKETS "/tmp/.X11-unix"

static void remove_own(const char *path, uid_t uid)
{
    struct stat st;
    if (lstat(path, &st) == 0 && (S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode)) && st.st_uid == uid)
        (void)unlink(path);
}

void display_files_remove(int display, uid_t uid)
{
    cleanup_free char *socket_path = xasprintf(SOCKETS "/X%d", display);
    cleanup_free char *lock_path = xasprintf("/tmp/.X%d-lock", display);
    remove_own(socket_path, uid);
    remove_own(lock_path, uid);
}

void display_files_remove_all(uid_t uid)
{
    DIR *dir = opendir(SOCKETS);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int64_t number;
        if (*entry->d_name == 'X' && str_to_int(entry->d_name + 1, 0, 65535, &number) == 0)
            display_files_remove((int)number, uid);
    }
    if (dir)
        closedir(dir);
}
