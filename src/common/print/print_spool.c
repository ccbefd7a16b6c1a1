/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/print_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/str.h"

#define ENTRIES_MAX 4096 /* directory entries that are looked at */
#define SETTLE_MS                                                                                            \
    50 /* from a change to a look at the directory: a session cannot make us look more often                 \
        */

struct print_spool {
    int dir_fd, inotify_fd;
    struct loop_poll *poll;
    struct loop_timer *timer;
    bool waiting; /* the timer runs */
    int64_t last; /* time of the newest document that was told */
    void (*printed)(void *arg, const struct print_job *job);
    void *arg;
};

static int by_time(const void *a, const void *b)
{
    int64_t left = ((const struct print_job *)a)->time, right = ((const struct print_job *)b)->time;
    return left < right ? -1 : left > right;
}

/* A second name of a file, or somebody else's, might be a way to have us read what the session cannot. */
static bool acceptable(const struct stat *st, const struct stat *dir)
{
    return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == dir->st_uid &&
           st->st_size <= PRINT_JOB_MAX_BYTES;
}

static bool read_entry(int dir_fd, const struct stat *dir, const char *name, struct print_job *ret_job)
{
    struct stat st;
    if (print_name_parse(name, &ret_job->time, ret_job->title) < 0 ||
        fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !acceptable(&st, dir))
        return false;
    ret_job->bytes = (uint64_t)st.st_size;
    return true;
}

ssize_t print_list(int dir_fd, struct print_job *ret_jobs, size_t max)
{
    struct stat own;
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0)
        return -errno;
    DIR *dir = fstat(copy, &own) < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        int r = -errno;
        close(copy);
        return r;
    }
    const struct dirent *entry;
    size_t count = 0, seen = 0;
    while (count < max && seen++ < ENTRIES_MAX && (entry = readdir(dir)))
        count += read_entry(dir_fd, &own, entry->d_name, &ret_jobs[count]);
    closedir(dir);
    qsort(ret_jobs, count, sizeof *ret_jobs, by_time);
    return (ssize_t)count;
}

/* Room for a spool that is fuller than our own backend leaves it. */
static struct print_job *list(int dir_fd, ssize_t *ret_count)
{
    size_t max = (size_t)2 * PRINT_JOBS_MAX;
    struct print_job *jobs = xcalloc(max, sizeof *jobs);
    *ret_count = print_list(dir_fd, jobs, max);
    return jobs;
}

int print_find(int dir_fd, int64_t from, struct print_job *ret_job)
{
    ssize_t count;
    cleanup_free struct print_job *jobs = list(dir_fd, &count);
    for (ssize_t i = 0; i < count; i++) {
        if (jobs[i].time >= from) {
            *ret_job = jobs[i];
            return 0;
        }
    }
    return count < 0 ? (int)count : -ENOENT;
}

int print_open(int dir_fd, int64_t time, struct print_job *ret_job, int *ret_fd)
{
    struct print_job job;
    struct stat st, dir;
    char name[PRINT_NAME_LEN];
    int r = print_find(dir_fd, time, &job);
    if (r < 0)
        return r;
    if (job.time != time || print_name_build(job.time, job.title, name) < 0)
        return -ENOENT;
    /* Not blocking: it may have become a pipe since. */
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? -ENOENT : -errno;
    if (fstat(fd, &st) < 0 || fstat(dir_fd, &dir) < 0 || !acceptable(&st, &dir)) {
        close(fd);
        return -ENOENT;
    }
    job.bytes = (uint64_t)st.st_size;
    *ret_job = job;
    *ret_fd = fd;
    return 0;
}

static void on_settled(void *arg)
{
    struct print_spool *s = arg;
    struct print_job job;
    s->waiting = false;
    for (int i = 0; i < PRINT_JOBS_MAX && print_find(s->dir_fd, s->last + 1, &job) == 0; i++) {
        s->last = job.time;
        s->printed(s->arg, &job);
    }
}

static void on_change(void *arg, int ready)
{
    struct print_spool *s = arg;
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    (void)ready;
    while (read(s->inotify_fd, events, sizeof events) > 0)
        continue;
    if (!s->waiting)
        loop_timer_start(s->timer, SETTLE_MS, 0);
    s->waiting = true;
}

static int open_watch(struct print_spool *s, const char *path)
{
    s->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (s->dir_fd < 0)
        return -errno;
    s->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (s->inotify_fd < 0)
        return -errno;
    cleanup_free char *dir = xasprintf("/proc/self/fd/%d", s->dir_fd);
    return inotify_add_watch(s->inotify_fd, dir, IN_MOVED_TO | IN_ONLYDIR) < 0 ? -errno : 0;
}

static int64_t newest(int dir_fd)
{
    ssize_t count;
    cleanup_free struct print_job *jobs = list(dir_fd, &count);
    return count > 0 ? jobs[count - 1].time : 0;
}

int print_spool_create(struct loop *loop, const char *path,
                       void (*printed)(void *arg, const struct print_job *job), void *arg,
                       struct print_spool **ret_spool)
{
    struct print_spool *s = xcalloc(1, sizeof *s);
    *s = (struct print_spool){.dir_fd = -1, .inotify_fd = -1, .printed = printed, .arg = arg};
    int r = open_watch(s, path);
    if (r >= 0)
        r = loop_timer_create(loop, on_settled, s, &s->timer);
    if (r >= 0)
        r = loop_poll_create(loop, s->inotify_fd, LOOP_READ, on_change, s, &s->poll);
    if (r < 0) {
        print_spool_destroy(s);
        return r;
    }
    s->last = newest(s->dir_fd);
    *ret_spool = s;
    return 0;
}

struct print_spool *print_spool_destroy(struct print_spool *spool)
{
    if (!spool)
        return NULL;
    loop_poll_destroy(spool->poll);
    loop_timer_destroy(spool->timer);
    if (spool->inotify_fd >= 0)
        close(spool->inotify_fd);
    if (spool->dir_fd >= 0)
        close(spool->dir_fd);
    free(spool);
    return NULL;
}

int print_spool_dir(const struct print_spool *spool)
{
    return spool->dir_fd;
}
