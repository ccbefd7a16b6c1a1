// SPDX-License-Identifier: GPL-3.0-or-later
// The log files of the roles. Each role holds its file open for appending, and so do keepers and streamers,
// which outlive it; a file can therefore not be renamed away, only copied and emptied.
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/str.h"
#include "isthmus/all_priv.h"

#define LOG_FILES_MAX 8
#define LOG_SIZE_MAX (8 * 1024 * 1024)
#define TAIL_BYTES 16384

struct log_file {
    char name[32];
    int fd; // for reading and emptying
    int watch;
    off_t shown;
};

struct all_logs {
    struct loop_poll *poll;
    int inotify;
    bool echo;
    char *directory;
    struct log_file file[LOG_FILES_MAX];
    size_t count;
};

static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; // a log that cannot be written is no reason to stop anything
        data += n;
        len -= (size_t)n;
    }
}

static off_t copy_from(int from, off_t at, int to)
{
    char block[16384];
    for (;;) {
        ssize_t n = pread(from, block, sizeof block, at);
        if (n <= 0)
            return at;
        write_all(to, block, (size_t)n);
        at += n;
    }
}

static void rotate(const struct all_logs *logs, struct log_file *file)
{
    cleanup_free char *old = xasprintf("%s/%s.log.1", logs->directory, file->name);
    cleanup_close int fd = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        copy_from(file->fd, 0, fd);
    // Lines that come between the copy and this are lost: the price of files that nobody has to reopen.
    if (ftruncate(file->fd, 0) == 0)
        file->shown = 0;
}

static void look(struct all_logs *logs, struct log_file *file)
{
    if (logs->echo)
        file->shown = copy_from(file->fd, file->shown, STDERR_FILENO);
    struct stat st;
    if (fstat(file->fd, &st) == 0 && st.st_size > LOG_SIZE_MAX)
        rotate(logs, file);
}

static void on_change(void *arg, int ready)
{
    struct all_logs *logs = arg;
    (void)ready;
    // Which files changed does not matter much: there are three. The events only have to be taken away.
    char events[4096] __attribute__((aligned(8)));
    while (read(logs->inotify, events, sizeof events) > 0) {
    }
    for (size_t i = 0; i < logs->count; i++)
        look(logs, &logs->file[i]);
}

int all_logs_create(struct loop *loop, const char *state, bool echo, struct all_logs **ret_logs)
{
    struct all_logs *logs = xcalloc(1, sizeof *logs);
    logs->echo = echo;
    logs->directory = xasprintf("%s/log", state);
    logs->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int err = logs->inotify < 0
                  ? -errno
                  : loop_poll_create(loop, logs->inotify, LOOP_READ, on_change, logs, &logs->poll);
    if (err != 0) {
        all_logs_destroy(logs);
        return err;
    }
    *ret_logs = logs;
    return 0;
}

struct all_logs *all_logs_destroy(struct all_logs *logs)
{
    if (!logs)
        return NULL;
    loop_poll_destroy(logs->poll);
    for (size_t i = 0; i < logs->count; i++) {
        look(logs, &logs->file[i]);
        close(logs->file[i].fd);
    }
    if (logs->inotify >= 0)
        close(logs->inotify);
    free(logs->directory);
    free(logs);
    return NULL;
}

static int watch(struct all_logs *logs, const char *name, const char *path)
{
    for (size_t i = 0; i < logs->count; i++) {
        if (str_eq(logs->file[i].name, name))
            return 0;
    }
    if (logs->count == LOG_FILES_MAX)
        return -ENOSPC;
    struct log_file *file = &logs->file[logs->count];
    int err = str_copy(file->name, sizeof file->name, name);
    if (err != 0)
        return err;
    file->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file->fd < 0)
        return -errno;
    struct stat st;
    file->shown = fstat(file->fd, &st) == 0 ? st.st_size : 0; // earlier runs are not shown again
    file->watch = inotify_add_watch(logs->inotify, path, IN_MODIFY);
    logs->count++;
    return 0;
}

int all_logs_open(struct all_logs *logs, const char *name, int *ret_fd)
{
    cleanup_free char *path = xasprintf("%s/%s.log", logs->directory, name);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int err = watch(logs, name, path);
    if (err != 0) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

void all_logs_tail(const char *state, const char *name, unsigned lines)
{
    cleanup_free char *path = xasprintf("%s/log/%s.log", state, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return;
    char text[TAIL_BYTES];
    off_t from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
    ssize_t len = pread(fd, text, sizeof text, from);
    if (len <= 0)
        return;
    size_t at = (size_t)len;
    if (text[at - 1] == '\n')
        at--;
    while (at > 0 && (text[at - 1] != '\n' || --lines > 0))
        at--;
    write_all(STDERR_FILENO, text + at, (size_t)len - at);
}
