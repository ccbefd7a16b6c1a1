/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/display_files.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/str.h"

#define SOCKETS "/tmp/.X11-unix"

/* Whether connecting is refused, as it is when the server is gone. */
static bool is_dead(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && str_copy(address.sun_path, sizeof address.sun_path, path) == 0 &&
           connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno == ECONNREFUSED;
}

void display_files_remove(int display, uid_t uid)
{
    struct stat st;
    cleanup_free char *path = xasprintf(SOCKETS "/X%d", display);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == uid && is_dead(path))
        (void)unlink(path);
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
