/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/display/display_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/str.h"

#define LINES_A_TURN 64 /* before the loop gets another turn */
#define WAITING_MAX 4096

/* What the host has not taken yet: it may be slower than everybody's JOINED at once. */
struct waiting {
    enum display_line_verb verb;
    char instance[DISPLAY_LINE_INSTANCE_LEN];
    char participant[DISPLAY_LINE_PARTICIPANT_LEN];
};

struct display_link {
    struct loop *loop;
    char *path;
    const struct display_link_events *events;
    void *arg;
    struct loop_timer *timer;
    struct loop_poll *poll;
    int fd; /* -1 while away */
    unsigned delay_ms;
    struct buf waiting; /* of struct waiting */
};

static void retry(struct display_link *link)
{
    loop_timer_start(link->timer, link->delay_ms, 0);
    link->delay_ms = MIN(2 * link->delay_ms, (unsigned)DISPLAY_LINK_LAST_MS);
}

static void drop(struct display_link *link)
{
    link->poll = loop_poll_destroy(link->poll);
    close(link->fd);
    link->fd = -1;
    buf_finish(&link->waiting);
    retry(link);
    link->events->lost(link->arg);
}

/* False when the connection is gone. */
static bool receive(struct display_link *link)
{
    struct display_line line;
    int fd = -1;
    int r = display_line_receive(link->fd, &line, &fd);

    if (r == -EINVAL || r == -EINTR)
        return true; /* a later version's word */
    if (r == -EAGAIN)
        return false;
    if (r < 0) {
        drop(link);
        return false;
    }
    link->delay_ms = DISPLAY_LINK_FIRST_MS;
    link->events->line(link->arg, &line, fd);
    display_line_wipe(&line);
    return link->fd >= 0;
}

/* As much as the host takes. */
static void flush(struct display_link *link)
{
    const struct waiting *first = (const void *)link->waiting.data;
    size_t count = link->waiting.len / sizeof(*first), sent = 0;
    int r = 0;

    while (sent < count && r == 0) {
        struct display_line line = {.verb = first[sent].verb};

        (void)str_copy(line.instance, sizeof(line.instance), first[sent].instance);
        (void)str_copy(line.participant, sizeof(line.participant), first[sent].participant);
        r = display_line_send(link->fd, &line, -1);
        if (r == 0 || r == -EINVAL)
            sent++;
        r = r == -EINVAL ? 0 : r;
    }
    if (r < 0 && r != -EAGAIN) {
        drop(link);
        return;
    }
    buf_consume(&link->waiting, sent * sizeof(*first));
    loop_poll_set(link->poll, LOOP_READ | (sent < count ? LOOP_WRITE : 0));
}

static void on_ready(void *arg, int ready)
{
    struct display_link *link = arg;

    if (ready & LOOP_READ) {
        for (int i = 0; i < LINES_A_TURN && receive(link); i++)
            ;
    }
    if (link->fd >= 0)
        flush(link);
}

void display_link_tell(struct display_link *link, enum display_line_verb verb, const char *instance,
                       const char *participant)
{
    struct waiting w = {.verb = verb};

    if (link->fd < 0 || str_copy(w.instance, sizeof(w.instance), instance) < 0 ||
        str_copy(w.participant, sizeof(w.participant), participant) < 0)
        return;
    /* Sent from the descriptor's callback alone, so that no caller finds the connection gone. */
    if (buf_append(&link->waiting, &w, sizeof(w)) == 0)
        loop_poll_set(link->poll, LOOP_READ | LOOP_WRITE);
    else
        (void)shutdown(link->fd, SHUT_RDWR); /* it does not read; the next one hears everything anew */
}

/* An address holds 107 bytes; a longer path is reached through its directory's descriptor. */
static int set_address(const char *path, struct sockaddr_un *address, int *ret_directory)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *directory = NULL, *near = NULL;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_directory = -1;
    if (str_copy(address->sun_path, sizeof(address->sun_path), path) == 0)
        return 0;
    if (!slash)
        return -ENAMETOOLONG;
    directory = xasprintf("%.*s", (int)(slash - path), path);
    *ret_directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_directory < 0)
        return -errno;
    near = xasprintf("/proc/self/fd/%d/%s", *ret_directory, slash + 1);
    return str_copy(address->sun_path, sizeof(address->sun_path), near);
}

/* A connected descriptor; negative when nobody listens. */
static int open_socket(const char *path)
{
    struct sockaddr_un address;
    cleanup_close int directory = -1;
    int fd, r = set_address(path, &address, &directory);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int connect_host(struct display_link *link)
{
    int fd = open_socket(link->path);
    int r = fd < 0 ? fd : loop_poll_create(link->loop, fd, LOOP_READ, on_ready, link, &link->poll);

    if (r == 0)
        link->fd = fd;
    else if (fd >= 0)
        close(fd);
    return r;
}

static void on_timer(void *arg)
{
    struct display_link *link = arg;

    if (connect_host(link) < 0)
        retry(link);
}

int display_link_create(struct loop *loop, const char *path, const struct display_link_events *events,
                        void *arg, struct display_link **ret_link)
{
    struct display_link *link = xcalloc(1, sizeof(*link));
    int r = loop_timer_create(loop, on_timer, link, &link->timer);

    if (r < 0) {
        free(link);
        return r;
    }
    link->loop = loop;
    link->path = xstrdup(path);
    link->events = events;
    link->arg = arg;
    link->fd = -1;
    link->delay_ms = DISPLAY_LINK_FIRST_MS;
    buf_init(&link->waiting, WAITING_MAX * sizeof(struct waiting));
    on_timer(link); /* at once: the host may hand clients over as soon as the streamer is ready */
    *ret_link = link;
    return 0;
}

struct display_link *display_link_destroy(struct display_link *link)
{
    if (!link)
        return NULL;
    loop_poll_destroy(link->poll);
    loop_timer_destroy(link->timer);
    if (link->fd >= 0)
        close(link->fd);
    buf_finish(&link->waiting);
    free(link->path);
    free(link);
    return NULL;
}
