// SPDX-License-Identifier: GPL-3.0-or-later
// Where the state directory is, and the configuration in it.
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>

#include "isthmus/isthmus_priv.h"

char *state_default(void)
{
    if (geteuid() == 0)
        return xstrdup("/var/lib/isthmus");
    const char *xdg = getenv("XDG_STATE_HOME");
    if (xdg && xdg[0] == '/')
        return xasprintf("%s/isthmus", xdg);
    const char *home = getenv("HOME");
    if (!home || home[0] != '/') {
        const struct passwd *pw = getpwuid(geteuid());
        home = pw ? pw->pw_dir : NULL;
    }
    if (!home || home[0] != '/')
        return NULL;
    return xasprintf("%s/.local/state/isthmus", home);
}

int state_config(const char *state, const char *file, struct config **ret_config)
{
    *ret_config = config_open(state, file, stderr);
    return *ret_config ? EXIT_OK : EXIT_CONFIG;
}

char *state_store_url(const struct config *config, const char *state)
{
    const char *url = config_str(config, "isthmus.store");
    return url[0] ? xstrdup(url) : xasprintf("sqlite:%s/db/main.sqlite", state);
}

char *self_path(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        return xstrdup("isthmus");
    path[len] = '\0';
    return xstrdup(path);
}
