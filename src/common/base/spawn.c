/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SPAWN_FD_MAX 64    /* descriptors handed over */
#define SPAWN_GROUP_MAX 64 /* supplementary groups of an account */

extern char **environ;

/* Who the child becomes. Looked up before the fork: the account database allocates and locks. */
struct identity {
    bool change;
    uid_t uid;
    gid_t gid;
    gid_t groups[SPAWN_GROUP_MAX];
    size_t group_count;
};

static int identity_find(const char *user, struct identity *ret_identity)
{
    int count = SPAWN_GROUP_MAX;
    char store[16384];
    struct passwd pw, *found = NULL;
    int r = getpwnam_r(user, &pw, store, sizeof(store), &found);

    if (r != 0)
        return -r;
    if (!found)
        return -ENOENT;
    if (getgrouplist(user, pw.pw_gid, ret_identity->groups, &count) < 0)
        return -E2BIG;
    ret_identity->change = true;
    ret_identity->uid = pw.pw_uid;
    ret_identity->gid = pw.pw_gid;
    ret_identity->group_count = (size_t)count;
    return 0;
}

/* From here to the exec only calls that are safe in the forked copy of a threaded process. */

static int child_signals(void)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &by_default, NULL); /* fails for KILL, STOP and libc's own: those are right already */
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

static int mark_all_cloexec(void)
{
    long limit;

    if (syscall(SYS_close_range, 0u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return 0;
    limit = sysconf(_SC_OPEN_MAX);
    for (int fd = 0; fd < limit; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

/* Moves *fd to a free number at or above floor, out of the way of the numbers the child wants. */
static int move_up(int *fd, int floor)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, floor);

    if (moved < 0)
        return -errno;
    *fd = moved;
    return 0;
}

/* Standard descriptors that nobody asked for become /dev/null: a file opened later must not land on them. */
static int child_standard_fds(const bool taken[3])
{
    int null;

    if (taken[0] && taken[1] && taken[2])
        return 0;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    for (int fd = 0; fd < 3; fd++) {
        if (taken[fd])
            continue;
        if (null == fd ? fcntl(fd, F_SETFD, 0) < 0 : dup2(null, fd) < 0)
            return -errno;
    }
    return 0;
}

/* First every source goes above all targets, then to its place: no order of the list can overwrite a source
 * that is still needed. */
static int child_fds(const struct spawn_options *options, int *error_fd, int *exe_fd)
{
    bool taken[3] = {false, false, false};
    int from[SPAWN_FD_MAX];
    int floor = 3, r;

    for (size_t i = 0; i < options->fd_count; i++)
        floor = MAX(floor, options->fds[i].child + 1);
    r = move_up(error_fd, floor);
    if (r == 0 && *exe_fd > 0)
        r = move_up(exe_fd, floor);
    for (size_t i = 0; r == 0 && i < options->fd_count; i++) {
        from[i] = options->fds[i].parent;
        r = move_up(&from[i], floor);
    }
    if (r == 0)
        r = mark_all_cloexec();
    for (size_t i = 0; r == 0 && i < options->fd_count; i++) {
        int to = options->fds[i].child;

        if (dup2(from[i], to) < 0)
            r = -errno;
        else if (to < 3)
            taken[to] = true;
    }
    return r < 0 ? r : child_standard_fds(taken);
}

static int child_identity(const struct identity *identity)
{
    if (!identity->change)
        return 0;
    if (setgroups(identity->group_count, identity->groups) < 0 ||
        setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) < 0)
        return -errno;
    return 0;
}

/* After the change of identity, which clears the setting. The parent may have died before it was made. */
static int child_death_signal(int signum, pid_t parent)
{
    if (signum == 0)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, signum) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

static int child_exec(const struct spawn_options *options, const struct identity *identity, pid_t parent,
                      int *error_fd)
{
    char *const *envp = options->envp ? options->envp : environ;
    int exe_fd = options->exe_fd;
    int r = child_fds(options, error_fd, &exe_fd);

    if (r == 0 && options->new_session && setsid() < 0)
        r = -errno;
    if (r == 0)
        r = child_identity(identity);
    if (r == 0)
        r = child_death_signal(options->death_signal, parent);
    if (r == 0 && options->cwd && chdir(options->cwd) < 0)
        r = -errno;
    if (r == 0 && options->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        r = -errno;
    if (r == 0)
        r = child_signals();
    if (r < 0)
        return r;
    if (exe_fd > 0)
        syscall(SYS_execveat, exe_fd, "", options->argv, envp, AT_EMPTY_PATH);
    else if (options->path)
        execve(options->path, options->argv, envp);
    else
        execvpe(options->argv[0], options->argv, envp);
    return -errno;
}

static void child_main(const struct spawn_options *options, const struct identity *identity, pid_t parent,
                       int error_fd)
{
    int r = child_exec(options, identity, parent, &error_fd);
    ssize_t n;

    do {
        n = write(error_fd, &r, sizeof(r));
    } while (n < 0 && errno == EINTR);
    _exit(127);
}

/* The pipe closes without a word when the exec succeeded. */
static int await_exec(int fd)
{
    int result = 0;
    ssize_t n;

    do {
        n = read(fd, &result, sizeof(result));
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    return n == sizeof(result) ? result : -EIO;
}

static int check(const struct spawn_options *options)
{
    if (!options->argv || !options->argv[0] || options->fd_count > SPAWN_FD_MAX)
        return -EINVAL;
    for (size_t i = 0; i < options->fd_count; i++) {
        if (options->fds[i].parent < 0 || options->fds[i].child < 0)
            return -EBADF;
        for (size_t j = 0; j < i; j++) {
            if (options->fds[i].child == options->fds[j].child)
                return -EINVAL;
        }
    }
    return 0;
}

int spawn(const struct spawn_options *options, pid_t *ret_pid)
{
    struct identity identity = {0};
    pid_t self = getpid(), pid;
    sigset_t all, before;
    int pipe_fds[2];
    int r = check(options);

    if (r == 0 && options->user)
        r = identity_find(options->user, &identity);
    if (r < 0)
        return r;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    /* With all signals blocked no handler of ours can run in the child, where it would act on shared
     * descriptors. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        child_main(options, &identity, self, pipe_fds[1]);
    r = pid < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(pipe_fds[1]);
    if (r == 0) {
        r = await_exec(pipe_fds[0]);
        if (r < 0) {
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        }
    }
    close(pipe_fds[0]);
    if (r == 0)
        *ret_pid = pid;
    return r;
}
