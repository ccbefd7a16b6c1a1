/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/link_priv.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/str.h"

#define FLUSH_MS 1000            /* for the last answers */
#define READS_PER_TURN 16        /* of 4 KiB, then the channels have their turn */
#define UNREAD_MAX (1024 * 1024) /* taken from a client that does not take our answers */
#define STACK_SIZE (1024 * 1024) /* only what is used of it counts */
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT 3

uint64_t link__now(void)
{
    return clock_monotonic_ms(NULL);
}

bool link__is_writing(const struct link *link)
{
    return (ssh_get_poll_flags(link->session) & SSH_WRITE_PENDING) || link->counter.out_bytes < link->mark;
}

/* The thread */

static int to_ms(uint64_t deadline, uint64_t now)
{
    return deadline == UINT64_MAX ? -1 : deadline <= now ? 0 : (int)MIN(deadline - now, 60000);
}

/* A client that sends without taking the answers is not read any further. */
static bool may_read(const struct link *link)
{
    return !(ssh_get_poll_flags(link->session) & SSH_WRITE_PENDING) ||
           link->counter.in_bytes - link->moved_in < UNREAD_MAX;
}

static void poll_socket(const struct link *link, struct pollfd *ret_poll)
{
    ret_poll->fd = ssh_get_fd(link->session);
    ret_poll->events = may_read(link) ? POLLIN : 0;
    if (ssh_get_poll_flags(link->session) & SSH_WRITE_PENDING)
        ret_poll->events |= POLLOUT;
    ret_poll->revents = 0;
}

/* Remembers when something last moved towards the client; false when it is stuck. */
static bool is_moving(struct link *link, uint64_t now)
{
    if (!link__is_writing(link) || link->counter.out_bytes != link->moved_out) {
        link->moved_out = link->counter.out_bytes;
        link->moved_in = link->counter.in_bytes;
        link->moved_at = now;
    }
    return now - link->moved_at < link->limits.stall_ms;
}

/* Waits for the socket, the bell, the channels or the deadline. fds: socket, bell, channels. */
static void wait_turn(struct link *link, uint64_t deadline, struct pollfd *fds)
{
    uint64_t now = link__now();
    size_t count = 2 + pump__prepare(link, fds + 2);
    poll_socket(link, &fds[0]);
    fds[1] = (struct pollfd){.fd = link->bell, .events = POLLIN};
    deadline = MIN(deadline, pump__deadline(link));
    if (link__is_writing(link))
        deadline = MIN(deadline, link->moved_at + link->limits.stall_ms);
    if (poll(fds, (nfds_t)count, to_ms(deadline, now)) <
        0) /* a signal: they are blocked here, but ptrace exists */
        for (size_t i = 0; i < count; i++)
            fds[i].revents = 0;
    if (fds[1].revents)
        link__silence_bell(link);
}

static bool is_over(struct link *link)
{
    return link->failed || link__is_stopped(link) || ssh_get_fd(link->session) < 0 ||
           (ssh_get_status(link->session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

static bool exchange_keys(struct link *link, uint64_t deadline)
{
    struct pollfd fds[2 + LINK_CHANNELS_MAX];
    int rc;
    while ((rc = ssh_handle_key_exchange(link->session)) == SSH_AGAIN && !is_over(link)) {
        if (link__now() >= deadline) {
            link__report(link, TUNNEL_TOO_SLOW, "key exchange");
            return false;
        }
        wait_turn(link, deadline, fds);
    }
    if (rc != SSH_OK && !link__is_stopped(link)) {
        char text[ASK_TEXT_LEN];
        ask__handshake(ssh_get_error(link->session), text);
        link__report(link, TUNNEL_BAD_HANDSHAKE, text);
    }
    return rc == SSH_OK;
}

/* Lets the library read and write what the socket is ready for. */
static void serve_socket(struct link *link, const struct pollfd *fd)
{
    int rc = fd->revents ? SSH_OK : SSH_AGAIN;
    for (int i = 0; i < READS_PER_TURN && rc == SSH_OK && !is_over(link) && may_read(link); i++)
        rc = ssh_event_dopoll(link->event, 0);
    if (rc == SSH_OK && !may_read(link) && (fd->revents & (POLLOUT | POLLHUP | POLLERR)))
        rc = ssh_event_dopoll(link->event, 0);
    if (rc == SSH_ERROR)
        link->failed = true;
}

static void serve(struct link *link, uint64_t login_deadline)
{
    struct pollfd fds[2 + LINK_CHANNELS_MAX];
    uint64_t now;
    while (!is_over(link) && !link->ending) {
        wait_turn(link, link->authenticated ? UINT64_MAX : login_deadline, fds);
        serve_socket(link, &fds[0]);
        link__make_cuts(link);
        if (!is_over(link))
            pump__turn(link, fds + 2);
        now = link__now();
        if (!link->authenticated && now >= login_deadline) {
            link__report(link, TUNNEL_TOO_SLOW, "no password");
            break;
        }
        if (!is_moving(link, now)) {
            link__report(link, TUNNEL_TOO_SLOW, "the client takes nothing");
            break;
        }
    }
}

/* Sees the last answers off, without hearing anything more. */
static void flush(struct link *link)
{
    uint64_t end = link__now() + FLUSH_MS, now;
    while (!is_over(link) && (ssh_get_poll_flags(link->session) & SSH_WRITE_PENDING) &&
           (now = link__now()) < end) {
        struct pollfd fds[2] = {{.fd = ssh_get_fd(link->session), .events = POLLOUT},
                                {.fd = link->bell, .events = POLLIN}};
        if (poll(fds, 2, (int)(end - now)) > 0 && ssh_event_dopoll(link->event, 0) == SSH_ERROR)
            return;
    }
}

static void *run(void *arg)
{
    struct link *link = arg;
    uint64_t login_deadline = link__now() + link->limits.login_ms;
    link__prepare(link);
    link->moved_at = link__now();
    if (exchange_keys(link, login_deadline) && ssh_event_add_session(link->event, link->session) == SSH_OK) {
        serve(link, login_deadline);
        if (link->ending)
            flush(link);
    }
    /* In this order: no callback of a channel may come once its strand, or the event, has gone. */
    pump__finish(link);
    ssh_event_remove_session(link->event, link->session);
    ssh_disconnect(link->session);
    ssh_free(link->session);
    ssh_event_free(link->event);
    mailbox__put(link->mailbox, link__note(link, NOTE_GONE));
    return NULL;
}

/* The loop's side */

static void watch_peer(int fd, unsigned limit)
{
    int one = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, count = KEEPALIVE_COUNT;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

/* The session gets fd in any case. */
static int make_session(ssh_bind bind, int fd, ssh_session *ret_session)
{
    ssh_session session = ssh_new();
    /* Without compression: a piece on the wire is never shorter than what it carries, which the pump counts
     * on. */
    if (!session || ssh_options_set(session, SSH_OPTIONS_COMPRESSION, "none") != SSH_OK) {
        close(fd);
        ssh_free(session);
        return -ENOMEM;
    }
    if (ssh_bind_accept_fd(bind, session, fd) != SSH_OK) {
        if (ssh_get_fd(session) != fd)
            close(fd);
        ssh_free(session);
        return -EIO;
    }
    *ret_session = session;
    return 0;
}

/* Signals are for the main thread; SIGPIPE is for nobody. */
static int start_thread(struct link *link)
{
    sigset_t all, old;
    pthread_attr_t attr;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&link->thread, &attr, run, link);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return -rc;
}

static void free_link(struct link *link)
{
    if (link->bell >= 0)
        close(link->bell);
    if (link->answer_fd >= 0)
        close(link->answer_fd);
    pthread_mutex_destroy(&link->lock);
    free(link);
}

int link__create(ssh_bind bind, int fd, const char *peer, struct mailbox *mailbox,
                 const struct link_limits *limits, struct link **ret_link)
{
    struct link *link = xcalloc(1, sizeof *link);
    link->mailbox = mailbox;
    link->limits = *limits;
    link->answer_fd = -1;
    (void)str_copy(link->peer, sizeof link->peer, peer);
    pthread_mutex_init(&link->lock, NULL);
    watch_peer(fd, limits->stall_ms);
    link->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = make_session(bind, fd, &link->session);
    if (rc < 0)
        goto fail;
    link->event = ssh_event_new();
    rc = link->bell < 0 || !link->event ? -ENOMEM : start_thread(link);
    if (rc == 0) {
        *ret_link = link;
        return 0;
    }
    ssh_event_free(link->event);
    ssh_free(link->session);
fail:
    free_link(link);
    return rc;
}

struct link *link__destroy(struct link *link)
{
    pthread_join(link->thread, NULL);
    free_link(link);
    return NULL;
}
