/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/paths.h"

#include <limits.h>

/* Relative to the directory of the binary: a build tree, an installation, and the tests of a build tree,
 * whose binaries lie one folder deeper. */
static const char *const places[] = {"", "../share/isthmus/", "../"};

int paths_asset(const char *name, char **ret_path)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *slash;

    if (len < 0)
        return -errno;
    exe[len] = '\0';
    slash = strrchr(exe, '/');
    if (!slash || !*name || strchr(name, '/') || name[0] == '.')
        return -EINVAL;
    slash[1] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char *path = xasprintf("%s%s%s", exe, places[i], name);

        if (access(path, F_OK) == 0) {
            *ret_path = path;
            return 0;
        }
        free(path);
    }
    return -ENOENT;
}
