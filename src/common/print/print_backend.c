/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/print_backend.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"
#include "print/print_spool.h"

#define UNFINISHED ".unfinished" /* cupsd prints one job at a time */
#define MAGIC "%PDF-"
#define BLOCK 65536

enum {
    BACKEND_OK = 0,
    BACKEND_FAILED = 1,
    BACKEND_CANCEL = 5
}; /* CANCEL: the job is gone, the printer goes on */

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        data += MAX(n, 0);
        len -= (size_t)MAX(n, 0);
    }
    return 0;
}

/* Until the block is full or the input ends: its beginning is looked at as one. */
static ssize_t read_block(int fd, uint8_t *block)
{
    size_t len = 0;
    ssize_t n = 1;
    while (len < BLOCK && n != 0) {
        n = read(fd, block + len, BLOCK - len);
        if (n < 0 && errno != EINTR)
            return -errno;
        len += (size_t)MAX(n, 0);
    }
    return (ssize_t)len;
}

static int copy(int in_fd, int out_fd, int64_t max, int64_t *ret_size)
{
    cleanup_free uint8_t *block = xcalloc(1, BLOCK);
    int64_t size = 0;
    ssize_t n;
    int r = 0;
    while (r == 0 && (n = read_block(in_fd, block)) != 0) {
        if (n < 0)
            return (int)n;
        if (size == 0 && (n < (ssize_t)strlen(MAGIC) || memcmp(block, MAGIC, strlen(MAGIC)) != 0))
            return -EBADMSG;
        size += n;
        r = size > max ? -EFBIG : write_all(out_fd, block, (size_t)n);
    }
    *ret_size = size;
    return r < 0 ? r : size == 0 ? -EBADMSG : 0;
}

/* The oldest go until one more of size bytes fits. */
static void make_room(int dir_fd, int64_t size, const struct print_limits *limits)
{
    size_t max = 4 * limits->jobs, first = 0;
    cleanup_free struct print_job *jobs = xcalloc(max, sizeof *jobs);
    ssize_t count = print_list(dir_fd, jobs, max);
    for (ssize_t i = 0; i < count; i++)
        size += (int64_t)jobs[i].bytes;
    while (count > (ssize_t)first && ((size_t)count - first >= limits->jobs || size > limits->spool_bytes)) {
        char name[PRINT_NAME_LEN];
        if (print_name_build(jobs[first].time, jobs[first].title, name) == 0)
            (void)unlinkat(dir_fd, name, 0);
        size -= (int64_t)jobs[first++].bytes;
    }
}

/* The time is what a document is asked for by, so it is given once. */
static int publish(int dir_fd, const char *title, int64_t now, int64_t *ret_time)
{
    char clean[PRINT_TITLE_LEN], name[PRINT_NAME_LEN];
    struct print_job job;
    int64_t time = now;
    while (print_find(dir_fd, time, &job) == 0)
        time = job.time + 1;
    print_title_clean(title, clean);
    int r = print_name_build(time, clean, name);
    if (r < 0)
        return r;
    if (renameat2(dir_fd, UNFINISHED, dir_fd, name, RENAME_NOREPLACE) < 0)
        return -errno;
    *ret_time = time;
    return 0;
}

int print_store(int dir_fd, int in_fd, const char *title, int64_t now, const struct print_limits *limits,
                int64_t *ret_time)
{
    (void)unlinkat(dir_fd, UNFINISHED, 0); /* of a job that was cancelled */
    cleanup_close int fd =
        openat(dir_fd, UNFINISHED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    int64_t size = 0;
    int r = fchmod(fd, 0640) < 0 ? -errno : copy(in_fd, fd, limits->job_bytes, &size);
    if (r >= 0) {
        make_room(dir_fd, size, limits);
        r = publish(dir_fd, title, now, ret_time);
    }
    if (r < 0)
        (void)unlinkat(dir_fd, UNFINISHED, 0);
    return r;
}

bool print_backend_called(const char *argv0)
{
    return str_starts_with(argv0, PRINT_BACKEND_SCHEME ":");
}

int print_backend_main(int argc, char **argv)
{
    static const struct print_limits limits = {PRINT_JOBS_MAX, PRINT_JOB_MAX_BYTES, PRINT_SPOOL_MAX_BYTES};
    if (argc != 6 && argc != 7)
        return BACKEND_FAILED;
    const char *spool = argv[0] + strlen(PRINT_BACKEND_SCHEME ":");
    cleanup_close int dir_fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    cleanup_close int in_fd =
        argc == 7 ? open(argv[6], O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (dir_fd < 0 || in_fd < 0) {
        (void)fprintf(stderr, "ERROR: the spool or the document cannot be opened: %s\n", strerror(errno));
        return BACKEND_FAILED;
    }
    int64_t time;
    int r = print_store(dir_fd, in_fd, argv[3], clock_wall_s(NULL), &limits, &time);
    if (r < 0)
        (void)fprintf(stderr, "ERROR: the document cannot be stored: %s\n", strerror(-r));
    return r < 0 ? BACKEND_CANCEL : BACKEND_OK;
}
