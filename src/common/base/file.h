/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files and descriptors. Everything that works below a directory descriptor follows no symbolic link in any
 * part of the path and refuses absolute paths and "..". A path with AT_FDCWD is the operator's own and is
 * taken as it is. */
#ifndef ISTHMUS_BASE_FILE_H
#define ISTHMUS_BASE_FILE_H

#include <sys/stat.h>

#include "base/util.h"

int fd_set_nonblock(int fd);
/* Lets this process have so many descriptors, or as many as the system allows: the usual 1024 is for programs
 * that call select. */
int fd_limit_raise(unsigned wanted);
/* Whole file below dirfd (AT_FDCWD allowed) as a NUL-terminated block the caller frees; -EFBIG past max
 * bytes. */
int file_read(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len);
/* Writes a temporary file beside it, syncs, renames: after a crash the old or the new content is there, never
 * a mixture. */
int file_write(int dirfd, const char *path, const void *data, size_t len, mode_t mode);
/* Exclusive advisory lock on path, which is created with mode 0600: a descriptor that holds the lock until it
 * is closed (or the process dies), -EWOULDBLOCK when somebody else has it. */
int file_lock(const char *path, int *ret_fd);
/* mkdir -p of one path, each missing part with mode; an existing directory is fine and keeps its mode. */
int dir_make(const char *path, mode_t mode);
/* Removes name below dirfd and everything in it; symbolic links are removed, not followed. Absent is success.
 */
int tree_remove(int dirfd, const char *name);
/* Copies the content of directory from (regular files, directories, symbolic links as links; nothing else)
 * into the existing directory to, owned by uid:gid ((uid_t)-1 leaves the owner). */
int tree_copy(const char *from, const char *to, uid_t uid, gid_t gid);

#endif
