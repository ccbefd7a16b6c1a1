/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rfb.sock: the host's end of the line to a session's streamer about RFB clients (display_line.h). What the
 * streamer has to know is kept here and told again on every connection. The kernel's buffer, some hundred
 * messages, is the queue: a streamer that lets it run full is disconnected, and hears everything anew. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/str.h"
#include "pool/display_line.h"
#include "pool/pool_priv.h"

#define PARTICIPANTS_MAX 64
#define JOINED_MAX 256

_Static_assert(POOL_INSTANCE_LEN == DISPLAY_LINE_INSTANCE_LEN &&
                   POOL_PARTICIPANT_LEN == DISPLAY_LINE_PARTICIPANT_LEN,
               "names fit into lines as they are");

struct participant {
    char id[POOL_PARTICIPANT_LEN];
    char password[DISPLAY_LINE_PASSWORD_LEN];
    bool view_only, one_display;
    char instance[POOL_INSTANCE_LEN]; /* the one display */
};

/* A client that is there; several may have the same names. */
struct joined {
    char instance[POOL_INSTANCE_LEN];
    char participant[POOL_PARTICIPANT_LEN];
};

struct pool_rfb {
    int listen_fd, fd;
    struct loop_poll *listen_poll, *poll;
    bool listed; /* on this connection everything has been named */
    struct participant participants[PARTICIPANTS_MAX];
    unsigned participant_count;
    struct joined joined[JOINED_MAX];
    unsigned joined_count;
};

/* Whoever joined through this connection counts as gone with it. */
static void drop(struct slot *slot)
{
    struct pool_rfb *rfb = slot->rfb;
    rfb->poll = loop_poll_destroy(rfb->poll);
    if (rfb->fd >= 0)
        close(rfb->fd);
    rfb->fd = -1;
    rfb->listed = false;
    while (rfb->joined_count > 0 && !slot->ending) {
        struct joined last = rfb->joined[--rfb->joined_count];
        if (slot->pool->events->left)
            slot->pool->events->left(slot->pool->arg, slot->order.session_id, last.instance,
                                     last.participant);
    }
}

static void tell(struct slot *slot, const struct display_line *line)
{
    if (slot->rfb->fd >= 0 && display_line_send(slot->rfb->fd, line, -1) < 0)
        drop(slot);
}

static void tell_participant(struct slot *slot, const struct participant *participant)
{
    struct display_line line = {.verb = DISPLAY_LINE_PARTICIPANT,
                                .view_only = participant->view_only,
                                .one_display = participant->one_display};
    memcpy(line.instance, participant->instance, sizeof line.instance);
    memcpy(line.participant, participant->id, sizeof line.participant);
    memcpy(line.password, participant->password, sizeof line.password);
    tell(slot, &line);
    display_line_wipe(&line);
}

void pool_rfb_instance(struct slot *slot, const struct pool_instance *instance, bool gone)
{
    struct display_line line = {.verb = gone ? DISPLAY_LINE_GONE : DISPLAY_LINE_INSTANCE,
                                .display = gone ? 0 : instance->display};
    memcpy(line.instance, instance->name, sizeof line.instance);
    if (slot->rfb && (gone || instance->display >= 0))
        tell(slot, &line);
}

void pool_rfb_listed(struct slot *slot)
{
    struct pool_rfb *rfb = slot->rfb;
    if (!rfb || rfb->fd < 0 || rfb->listed || !slot->ready)
        return;
    rfb->listed = true;
    tell(slot, &(struct display_line){.verb = DISPLAY_LINE_LISTED});
}

static void count_joined(struct slot *slot, const struct display_line *line)
{
    struct pool_rfb *rfb = slot->rfb;
    if (rfb->joined_count == JOINED_MAX)
        return; /* more than a streamer has clients */
    struct joined *joined = &rfb->joined[rfb->joined_count++];
    memcpy(joined->instance, line->instance, sizeof joined->instance);
    memcpy(joined->participant, line->participant, sizeof joined->participant);
    if (slot->pool->events->joined)
        slot->pool->events->joined(slot->pool->arg, slot->order.session_id, line->instance,
                                   line->participant);
}

/* Of somebody who never joined it is ignored: each joined is followed by one left. */
static void count_left(struct slot *slot, const struct display_line *line)
{
    struct pool_rfb *rfb = slot->rfb;
    unsigned i = 0;
    while (i < rfb->joined_count && !(str_eq(rfb->joined[i].instance, line->instance) &&
                                      str_eq(rfb->joined[i].participant, line->participant)))
        i++;
    if (i == rfb->joined_count)
        return;
    rfb->joined[i] = rfb->joined[--rfb->joined_count];
    if (slot->pool->events->left)
        slot->pool->events->left(slot->pool->arg, slot->order.session_id, line->instance, line->participant);
}

static void on_line(void *arg, int ready)
{
    struct slot *slot = arg;
    (void)ready;
    struct display_line line;
    int passed = -1;
    int r = display_line_receive(slot->rfb->fd, &line, &passed);
    if (passed >= 0)
        close(passed);
    if (r == -EAGAIN || r == -EINTR || r == -EINVAL)
        return; /* a newer streamer's words: ignored */
    if (r < 0)
        drop(slot);
    else if (line.verb == DISPLAY_LINE_JOINED && !slot->ending)
        count_joined(slot, &line);
    else if (line.verb == DISPLAY_LINE_LEFT && !slot->ending)
        count_left(slot, &line);
}

/* The newest one speaks: an older one belongs to a streamer that is on its way out. */
static void adopt(struct slot *slot, int fd)
{
    struct pool_rfb *rfb = slot->rfb;
    drop(slot);
    rfb->fd = fd;
    if (loop_poll_create(slot->pool->loop, fd, LOOP_READ, on_line, slot, &rfb->poll) < 0) {
        drop(slot);
        return;
    }
    tell(slot, &(struct display_line){.verb = DISPLAY_LINE_HELLO});
    for (unsigned i = 0; i < rfb->participant_count; i++)
        tell_participant(slot, &rfb->participants[i]);
    for (unsigned i = 0; i < slot->instance_count; i++)
        pool_rfb_instance(slot, &slot->instances[i], false);
    pool_rfb_listed(slot);
}

static void on_connect(void *arg, int ready)
{
    struct slot *slot = arg;
    (void)ready;
    int fd = accept4(slot->rfb->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (slot->ending || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
        peer.uid != slot->account.streamer_uid)
        close(fd);
    else
        adopt(slot, fd);
}

static int listen_at(struct slot *slot)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_free char *path = xasprintf("%s/session/rfb.sock", slot->dir);
    struct pool_rfb *rfb = slot->rfb;
    int r = str_copy(address.sun_path, sizeof address.sun_path, path);
    if (r < 0)
        return r;
    (void)unlink(path);
    rfb->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (rfb->listen_fd < 0 || fchmod(rfb->listen_fd, 0600) < 0 ||
        bind(rfb->listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(rfb->listen_fd, 4) < 0)
        return -errno;
    if (!slot->account.shared && lchown(path, slot->account.streamer_uid, slot->account.gid) < 0)
        return -errno;
    return loop_poll_create(slot->pool->loop, rfb->listen_fd, LOOP_READ, on_connect, slot, &rfb->listen_poll);
}

int pool_rfb_open(struct slot *slot)
{
    slot->rfb = xcalloc(1, sizeof *slot->rfb);
    slot->rfb->fd = slot->rfb->listen_fd = -1;
    return listen_at(slot);
}

void pool_rfb_close(struct slot *slot)
{
    struct pool_rfb *rfb = slot->rfb;
    if (!rfb)
        return;
    drop(slot);
    loop_poll_destroy(rfb->listen_poll);
    if (rfb->listen_fd >= 0)
        close(rfb->listen_fd);
    secret_wipe(rfb->participants, sizeof rfb->participants);
    free(rfb);
    slot->rfb = NULL;
}

static struct participant *find_participant(struct pool_rfb *rfb, const char *id)
{
    for (unsigned i = 0; i < rfb->participant_count; i++) {
        if (str_eq(rfb->participants[i].id, id))
            return &rfb->participants[i];
    }
    return NULL;
}

int pool_participant_set(struct pool *pool, const char *session_id, const char *participant,
                         const char *password, bool view_only, const char *instance)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    struct participant wanted = {.view_only = view_only, .one_display = instance != NULL};
    if (!slot || !slot->rfb)
        return -ENOENT;
    if (!display_line_participant_valid(participant) || !*password ||
        (instance && *instance && !display_line_instance_valid(instance)) ||
        str_copy(wanted.password, sizeof wanted.password, password) < 0)
        return -EINVAL;
    (void)str_copy(wanted.id, sizeof wanted.id, participant);
    if (instance)
        (void)str_copy(wanted.instance, sizeof wanted.instance, instance);
    struct participant *found = find_participant(slot->rfb, participant);
    if (!found && slot->rfb->participant_count == PARTICIPANTS_MAX) {
        secret_wipe(&wanted, sizeof wanted);
        return -ENOSPC;
    }
    if (!found)
        found = &slot->rfb->participants[slot->rfb->participant_count++];
    *found = wanted;
    secret_wipe(&wanted, sizeof wanted);
    tell_participant(slot, found);
    return 0;
}

int pool_participant_remove(struct pool *pool, const char *session_id, const char *participant)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    struct participant *found = slot && slot->rfb ? find_participant(slot->rfb, participant) : NULL;
    if (!found)
        return -ENOENT;
    struct display_line line = {.verb = DISPLAY_LINE_REMOVE};
    memcpy(line.participant, found->id, sizeof line.participant);
    struct participant *last = &slot->rfb->participants[--slot->rfb->participant_count];
    *found = *last;
    secret_wipe(last, sizeof *last);
    tell(slot, &line);
    return 0;
}

static int hand_over(struct slot *slot, const char *instance, int fd)
{
    struct display_line line = {.verb = DISPLAY_LINE_CLIENT};
    const struct pool_instance *found = *instance ? pool_instance_in(slot, instance) : NULL;
    if (*instance && !found)
        return -ENOENT;
    if (!slot->rfb || slot->rfb->fd < 0 || (found && found->display < 0))
        return -EAGAIN;
    (void)str_copy(line.instance, sizeof line.instance, instance);
    int r = display_line_send(slot->rfb->fd, &line, fd);
    if (r == -EPIPE || r == -ECONNRESET)
        drop(slot); /* another will come */
    return r < 0 ? -EAGAIN : 0;
}

int pool_rfb_client(struct pool *pool, const char *session_id, const char *instance, int fd)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    int r = slot ? hand_over(slot, instance ? instance : "", fd) : -ENOENT;
    close(fd);
    return r;
}
