/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last link of CUPS's chain: takes the finished PDF of a job and puts it into the session's spool. It
 * runs inside the sandbox, as the session's account. */
#ifndef ISTHMUS_PRINT_PRINT_BACKEND_H
#define ISTHMUS_PRINT_PRINT_BACKEND_H

#include "base/util.h"

#define PRINT_BACKEND_SCHEME "isthmus-pdf" /* "isthmus-pdf:/spool/directory" is the printer's address */

struct print_limits {
    size_t jobs;
    int64_t job_bytes, spool_bytes;
};

/* Reads a PDF from in_fd and stores it as the newest document, with time now or, when that is taken, the next
 * free second; older documents go as limits demand. -EBADMSG: no PDF; -EFBIG; nothing is left behind then. */
int print_store(int dir_fd, int in_fd, const char *title, int64_t now, const struct print_limits *limits,
                int64_t *ret_time);

/* As cupsd calls it: argv[0] is the printer's address, the rest job, user, title, copies, options and maybe a
 * file. Returns what CUPS expects of a backend. */
bool print_backend_called(const char *argv0);
int print_backend_main(int argc, char **argv);

#endif
