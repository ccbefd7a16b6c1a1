/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of text between the processes of a session: words split by one space, one line without newline a
 * message of a SOCK_SEQPACKET socket, at most one descriptor beside it. What the words mean is said in
 * keeper_line.h and display_line.h. */
#ifndef ISTHMUS_POOL_LINE_H
#define ISTHMUS_POOL_LINE_H

#include "base/util.h"

/* Cuts the next word off *at, which is NULL after the last one; NULL when there is none or it is empty. */
char *line_word(char **at);
/* The next word as a decimal number: 0, -EINVAL, -ERANGE. */
int line_number(char **at, int64_t min, int64_t max, int64_t *ret_value);

/* One message; passed_fd goes along when not negative and stays the caller's. Never blocks: -EAGAIN. */
int line_send(int fd, const char *text, size_t len, int passed_fd);
/* One message of less than size bytes, with a NUL at its end: 0, -EAGAIN, -EPIPE at the end, -EINVAL for one
 * that is longer or has a NUL in it. *ret_fd is the descriptor that came along, or -1; none stays open after
 * an error. */
int line_receive(int fd, char *ret_text, size_t size, int *ret_fd);

#endif
