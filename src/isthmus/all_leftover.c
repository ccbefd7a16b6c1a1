// SPDX-License-Identifier: GPL-3.0-or-later
// What is left when the roles have stopped: sessions whose host was dead at that moment. Nothing may stay
// behind.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "isthmus/all_priv.h"

#define KILL_WAIT_MS 5000
#define STEP_MS 20

static pid_t parent_of(const char *pid)
{
    cleanup_free char *path = xasprintf("/proc/%s/stat", pid);
    cleanup_free char *text = NULL;
    size_t len;
    if (file_read(AT_FDCWD, path, 4096, &text, &len) != 0)
        return 0;
    const char *after = strrchr(text, ')'); // the command's name may hold anything, spaces and brackets too
    int parent;
    if (!after || sscanf(after, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static unsigned signal_children(int signum)
{
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    unsigned count = 0;
    for (const struct dirent *entry; (entry = readdir(proc));) {
        int64_t pid;
        if (str_to_int(entry->d_name, 1, INT32_MAX, &pid) != 0 || parent_of(entry->d_name) != getpid())
            continue;
        kill((pid_t)pid, signum);
        count++;
    }
    closedir(proc);
    return count;
}

/* True when no child is left. */
static bool reap(void)
{
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0 || (pid < 0 && errno == EINTR))
            continue;
        return pid < 0;
    }
}

static bool reap_until(uint64_t deadline, int signum)
{
    while (!reap()) {
        if (clock_monotonic_ms(NULL) >= deadline)
            return false;
        (void)poll(NULL, 0, STEP_MS);
        if (signum == SIGKILL) // grandchildren become children when their parents die
            signal_children(signum);
    }
    return true;
}

unsigned leftover_end(unsigned grace_ms)
{
    if (reap())
        return 0;
    unsigned count = signal_children(SIGTERM);
    if (!reap_until(clock_monotonic_ms(NULL) + grace_ms, SIGTERM)) {
        signal_children(SIGKILL);
        reap_until(clock_monotonic_ms(NULL) + KILL_WAIT_MS, SIGKILL);
    }
    return count;
}
