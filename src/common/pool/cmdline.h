/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of an application as an administrator writes them in one line, without any shell. */
#ifndef ISTHMUS_POOL_CMDLINE_H
#define ISTHMUS_POOL_CMDLINE_H

#include "base/util.h"

#define CMDLINE_ARGS_MAX 256

/* Splits exe and the line into an argument vector: white space separates, '…' is literal, "…" knows \" and
 * \\, a backslash outside quotes takes the next character as it is. Only after that {SESSION_ID} and
 * {USERNAME} are replaced, so that whatever a user is called stays inside one element. -EINVAL for an open
 * quote, -E2BIG past CMDLINE_ARGS_MAX. Free with cmdline_free. */
int cmdline_build(const char *exe, const char *line, const char *session_id, const char *username,
                  char ***ret_argv);
/* The same for a line that names the program too; argument, when not NULL or empty, is one more element at
 * the end, taken as it is. -EINVAL also for a line without a program. */
int cmdline_split(const char *line, const char *argument, const char *session_id, const char *username,
                  char ***ret_argv);
char **cmdline_free(char **argv); /* NULL-safe; returns NULL */

#endif
