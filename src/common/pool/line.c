/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/line.h"

#include <sys/socket.h>

#include "base/str.h"

/* Room for one descriptor and no more: the kernel closes those that do not fit. CMSG_SPACE would leave room
 * for a second one, which nobody would close. */
#define ONE_DESCRIPTOR CMSG_LEN(sizeof(int))

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

char *line_word(char **at)
{
    char *word = *at;
    if (!word)
        return NULL;
    char *space = strchr(word, ' ');
    *at = space ? space + 1 : NULL;
    if (space)
        *space = '\0';
    return *word ? word : NULL;
}

int line_number(char **at, int64_t min, int64_t max, int64_t *ret_value)
{
    const char *word = line_word(at);
    return word ? str_to_int(word, min, max, ret_value) : -EINVAL;
}

int line_send(int fd, const char *text, size_t len, int passed_fd)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = len};
    union control control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = ONE_DESCRIPTOR;
        memcpy(CMSG_DATA(head), &passed_fd, sizeof passed_fd);
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int line_receive(int fd, char *ret_text, size_t size, int *ret_fd)
{
    struct iovec part = {.iov_base = ret_text, .iov_len = size - 1};
    union control control = {0};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = ONE_DESCRIPTOR};
    ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    int passed = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == ONE_DESCRIPTOR)
        memcpy(&passed, CMSG_DATA(head), sizeof passed);
    int r = 0;
    if (len == 0)
        r = -EPIPE;
    else if (message.msg_flags & MSG_TRUNC || memchr(ret_text, '\0', (size_t)len))
        r = -EINVAL;
    ret_text[r < 0 ? 0 : len] = '\0';
    if (r < 0 && passed >= 0)
        close(passed);
    *ret_fd = r < 0 ? -1 : passed;
    return r;
}
