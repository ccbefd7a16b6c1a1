/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The printed documents of a session: a directory that the session itself may write, so every name, type and
 * size in it is a stranger's. It goes with the session's directory. */
#ifndef ISTHMUS_PRINT_PRINT_SPOOL_H
#define ISTHMUS_PRINT_PRINT_SPOOL_H

#include "loop/loop.h"
#include "print/print_name.h"

#define PRINT_JOBS_MAX 200                           /* documents kept; the oldest go */
#define PRINT_JOB_MAX_BYTES (256LL * 1024 * 1024)    /* of one document */
#define PRINT_SPOOL_MAX_BYTES (1024LL * 1024 * 1024) /* of all that are kept */

struct print_job {
    int64_t time;
    char title[PRINT_TITLE_LEN]; /* "My-doc.pdf" */
    uint64_t bytes;
};

/* The finished documents in the order of their names, at most max of them; the number, or -errno. Needs no
 * loop: dir_fd is an open directory. Links, foreign owners' files and whatever has no proper name are not
 * there. */
ssize_t print_list(int dir_fd, struct print_job *ret_jobs, size_t max);
/* The first document in the order of names with time >= from; -ENOENT. */
int print_find(int dir_fd, int64_t from, struct print_job *ret_job);
/* Opens the document with exactly this time for reading; -ENOENT. The caller closes ret_fd. */
int print_open(int dir_fd, int64_t time, struct print_job *ret_job, int *ret_fd);

struct print_spool;

/* Watches a spool and calls printed() once for each document that appears from now on, in the order of their
 * times. -ENOENT when path is no directory. */
int print_spool_create(struct loop *loop, const char *path,
                       void (*printed)(void *arg, const struct print_job *job), void *arg,
                       struct print_spool **ret_spool);
struct print_spool *print_spool_destroy(struct print_spool *spool); /* NULL-safe; returns NULL */
/* The directory, lent, for the functions above. */
int print_spool_dir(const struct print_spool *spool);

#endif
