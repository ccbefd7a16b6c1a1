/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session can see: the arguments of bubblewrap and the environment. The network is shared with the
 * host: which hosts a session may reach is a policy of its own (security.network) and is to be enforced by
 * address, not by taking the network away. Until then the abstract sockets of the machine are in reach too;
 * in one-account mode that includes those of the user's own desktop, which its own access control has to
 * guard. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/str.h"
#include "pool/cmdline.h"
#include "pool/keeper_priv.h"

#define VECTOR_MAX 256

struct vector {
    char **item;
    size_t count;
};

static void add(struct vector *v, const char *text)
{
    if (v->count < VECTOR_MAX)
        v->item[v->count++] = xstrdup(text);
}

static void add2(struct vector *v, const char *a, const char *b)
{
    add(v, a);
    add(v, b);
}

static void add3(struct vector *v, const char *a, const char *b, const char *c)
{
    add2(v, a, b);
    add(v, c);
}

static void add_number(struct vector *v, const char *option, int number, const char *dest)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", number);
    add3(v, option, text, dest);
}

/* The programs of the machine, read-only. A merged /usr shows as symbolic links, which are copied as such. */
static void add_programs(struct vector *v)
{
    static const char *const roots[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    add3(v, "--ro-bind", "/usr", "/usr");
    add3(v, "--ro-bind", "/etc", "/etc");
    add3(v, "--ro-bind-try", "/opt", "/opt");
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        char target[256];
        ssize_t len = readlink(roots[i], target, sizeof target - 1);
        if (len > 0) {
            target[len] = '\0';
            add3(v, "--symlink", target, roots[i]);
        } else {
            add3(v, "--ro-bind-try", roots[i], roots[i]);
        }
    }
}

/* In one-account mode the session has the rights to read the state directory with its keys: it must not be
 * inside what is shown. */
static void hide_state(struct vector *v, const struct keeper *k)
{
    static const char *const shown[] = {"/usr/", "/etc/", "/opt/"};
    cleanup_free char *state = xstrdup(k->dir);
    for (int i = 0; i < 2; i++) { /* without "/slots/NN" */
        char *slash = strrchr(state, '/');
        if (slash)
            *slash = '\0';
    }
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
        if (str_starts_with(state, shown[i]))
            add2(v, "--tmpfs", state);
    }
}

/* Fresh directories, so that nothing of other sessions or of the host's services is in sight. */
static void add_private(struct vector *v, const struct keeper *k)
{
    cleanup_free char *runtime = xasprintf("/run/user/%u", (unsigned)k->account.uid);
    add2(v, "--proc", "/proc");
    add2(v, "--dev", "/dev");
    add2(v, "--tmpfs", "/tmp");
    add2(v, "--tmpfs", "/run");
    add2(v, "--tmpfs", "/var");
    add2(v, "--tmpfs", "/home");
    add2(v, "--dir", "/var/tmp");
    add3(v, "--symlink", "/run", "/var/run");
    add3(v, "--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig");
    add3(v, "--ro-bind-try", "/var/lib/dbus", "/var/lib/dbus");
    add3(v, "--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve");
    add2(v, "--perms", "0700");
    add2(v, "--dir", runtime);
}

char **keeper_bwrap_argv(const struct keeper *k)
{
    struct vector v = {.item = xcalloc(VECTOR_MAX + 1, sizeof(char *))};
    static const char *const fixed[] = {
        "bwrap",         "--unshare-user",       "--unshare-pid",     "--unshare-ipc",
        "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session",
        "--as-pid-1"};
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        add(&v, fixed[i]);
    add_programs(&v);
    hide_state(&v, k);
    add_private(&v, k);
    add_number(&v, "--ro-bind-data", KEEPER_CHILD_PASSWD_FD, "/etc/passwd");
    add_number(&v, "--ro-bind-data", KEEPER_CHILD_GROUP_FD, "/etc/group");
    add2(&v, "--perms", "0600");
    add_number(&v, "--file", KEEPER_CHILD_AUTH_FD, "/run/isthmus/xauthority");
    cleanup_free char *home = xasprintf("%s/home", k->dir);
    cleanup_free char *inside = xasprintf("/home/%s", k->order.account);
    cleanup_free char *x11 = xasprintf("%s/x11", k->session_dir);
    add3(&v, "--bind", home, inside);
    add3(&v, "--bind", x11, "/tmp/.X11-unix");
    cleanup_free char *print = xasprintf("%s/print", k->session_dir);
    if (k->order.printing)
        add3(&v, "--bind", print, KEEPER_INSIDE_SPOOL);
    add2(&v, "--chdir", inside);
    return v.item;
}

static void add_variable(struct vector *v, const char *name, const char *value)
{
    cleanup_free char *text = xasprintf("%s=%s", name, value);
    add(v, text);
}

char **keeper_session_env(const struct keeper *k)
{
    struct vector v = {.item = xcalloc(VECTOR_MAX + 1, sizeof(char *))};
    cleanup_free char *home =
        k->order.sandbox ? xasprintf("/home/%s", k->order.account) : xasprintf("%s/home", k->dir);
    cleanup_free char *auth =
        k->order.sandbox ? xstrdup("/run/isthmus/xauthority") : xasprintf("%s/xauthority", k->session_dir);
    cleanup_free char *runtime =
        k->order.sandbox ? xasprintf("/run/user/%u", (unsigned)k->account.uid) : xasprintf("%s/.run", home);
    const char *language = getenv("LANG");
    const char *zone = getenv("TZ");
    add_variable(&v, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games");
    add_variable(&v, "HOME", home);
    add_variable(&v, "USER", k->order.account);
    add_variable(&v, "LOGNAME", k->order.account);
    add_variable(&v, "SHELL", "/bin/bash");
    add_variable(&v, "LANG",
                 language && *language && !str_eq(language, "C") && !str_eq(language, "POSIX") ? language
                                                                                               : "C.UTF-8");
    if (zone)
        add_variable(&v, "TZ", zone);
    add_variable(&v, "XAUTHORITY", auth);
    add_variable(&v, "XDG_RUNTIME_DIR", runtime);
    add_variable(&v, "XDG_SESSION_TYPE", "x11");
    add_variable(&v, "XDG_DATA_DIRS", "/usr/local/share:/usr/share");
    add_variable(&v, "XDG_CONFIG_DIRS", "/etc/xdg");
    add_variable(&v, "XDG_CURRENT_DESKTOP", k->order.desktop ? "ICEWM" : "Openbox");
    cleanup_free char *resources = xasprintf("%s/.Xresources", home);
    add_variable(&v, "XENVIRONMENT", resources);
    add_variable(&v, "GDK_BACKEND", "x11");
    add_variable(&v, "GSETTINGS_BACKEND",
                 "keyfile"); /* settings in the home; no message bus is needed for them */
    add_variable(&v, "NO_AT_BRIDGE",
                 "1"); /* no accessibility bus in a session: GTK would look for it and complain */
    add_variable(&v, "ISTHMUS_SESSION_ID", k->order.session_id);
    add_variable(&v, ACCOUNT_MARKER, k->dir);
    return v.item;
}

char *keeper_passwd(const struct keeper *k)
{
    return xasprintf("root:x:0:0:root:/root:/usr/sbin/nologin\n"
                     "%s:x:%u:%u:%s:/home/%s:/bin/bash\n"
                     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
                     k->order.account, (unsigned)k->account.uid, (unsigned)k->account.gid, k->order.account,
                     k->order.account);
}

char *keeper_group(const struct keeper *k)
{
    return xasprintf("root:x:0:\n%s:x:%u:\nnogroup:x:65534:\n", k->order.account, (unsigned)k->account.gid);
}
