/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be right before the first session: said in a sentence at start instead of found out by the first
 * user. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/spawn.h"
#include "pool/cmdline.h"
#include "pool/keeper_priv.h"
#include "pool/pool_priv.h"
#include "pool/slotdir.h"

int pool_check_paths(const struct pool *pool, char **ret_cause)
{
    cleanup_free char *longest = xasprintf("%s/slots/2000%s", pool->state_dir, SLOTDIR_LONGEST);
    if (strlen(longest) < sizeof(((struct sockaddr_un *)0)->sun_path))
        return 0;
    *ret_cause = xasprintf(
        "the path of the state directory %s is too long for Unix sockets: at most %zu characters",
        pool->state_dir,
        sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - (strlen(longest) - strlen(pool->state_dir)));
    return -EPERM;
}

int pool_check_account(const struct pool *pool, const struct account *account, char **ret_cause)
{
    cleanup_free char *slots = xasprintf("%s/slots", pool->state_dir);
    cleanup_free char *closed = NULL;
    if (account_can_enter(account, slots, &closed) == 0)
        return 0;
    *ret_cause =
        xasprintf("the session account %s may not enter %s: chmod o+x %s, or choose another state directory",
                  account->name, closed, closed);
    return -EPERM;
}

/* The last line of what a program wrote, without its end of line. */
static char *last_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

/* Runs the same namespaces and mounts as a session, with /bin/true inside. */
int pool_check_sandbox(const struct account *account, char **ret_cause)
{
    static const char *const argv[] = {"bwrap",
                                       "--unshare-user",
                                       "--unshare-pid",
                                       "--unshare-ipc",
                                       "--unshare-uts",
                                       "--unshare-cgroup-try",
                                       "--die-with-parent",
                                       "--new-session",
                                       "--as-pid-1",
                                       "--ro-bind",
                                       "/",
                                       "/",
                                       "--proc",
                                       "/proc",
                                       "--dev",
                                       "/dev",
                                       "--tmpfs",
                                       "/tmp",
                                       "/bin/true",
                                       NULL};
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    struct spawn_fd fds[] = {{pipe_fds[1], 2}};
    struct spawn_options options = {.argv = (char *const *)(uintptr_t)argv,
                                    .fds = fds,
                                    .fd_count = 1,
                                    .cwd = "/",
                                    .no_new_privs = true,
                                    .user = account->shared ? NULL : account->name};
    pid_t pid;
    int r = spawn(&options, &pid);
    close(pipe_fds[1]);
    char said[1024] = "";
    size_t len = 0;
    ssize_t n;
    while (r >= 0 && len < sizeof said - 1 && (n = read(pipe_fds[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(pipe_fds[0]);
    int status = 0;
    if (r >= 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return 0;
    *ret_cause = xasprintf("sessions cannot be isolated: %s. Allow unprivileged user namespaces, or give up "
                           "isolation with --no-sandbox",
                           r == -ENOENT ? "bubblewrap (bwrap) is not installed"
                           : r < 0      ? strerror(-r)
                                        : last_line(said));
    return -EPERM;
}
