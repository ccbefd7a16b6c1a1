/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text in a descriptor: what is too long for a line, or for an argument, goes to another process in one. */
#ifndef ISTHMUS_POOL_TEXT_FD_H
#define ISTHMUS_POOL_TEXT_FD_H

#include "base/util.h"

/* A new descriptor of a memory file that cannot be changed any more, to be read from its start; or an
 * error. */
int text_fd_make(const void *text, size_t len);
/* All of it, wherever it was read to, with a NUL behind; the caller frees. -EFBIG past max bytes, -EINVAL for
 * what is no file: never waits for its content. */
int text_fd_read(int fd, size_t max, char **ret_text, size_t *ret_len);

#endif
