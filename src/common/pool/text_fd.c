/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/text_fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

int text_fd_make(const void *text, size_t len)
{
    int fd = memfd_create("isthmus", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
        close(fd);
        return -EIO;
    }
    return fd;
}

int text_fd_read(int fd, size_t max, char **ret_text, size_t *ret_len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (st.st_size < 0 || (size_t)st.st_size > max)
        return -EFBIG;
    size_t len = (size_t)st.st_size, got = 0;
    cleanup_free char *text = calloc(1, len + 1);
    if (!text)
        return -ENOMEM;
    while (got < len) {
        ssize_t n = pread(fd, text + got, len - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        got += (size_t)n;
    }
    *ret_text = text;
    *ret_len = len;
    text = NULL;
    return 0;
}
