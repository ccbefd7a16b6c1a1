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

#define TRIES_MAX 3
#define REFUSALS_MAX 16          /* of channels and requests, and of other ways to authenticate */
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

static struct note *new_note(struct link *link, enum note_kind kind)
{
    struct note *note = xcalloc(1, sizeof *note);
    note->kind = kind;
    note->link = link;
    return note;
}

void link__report(struct link *link, enum tunnel_reason reason, const char *text)
{
    struct note *note = new_note(link, NOTE_REFUSED);
    note->reason = reason;
    ask__printable(text, note->text);
    mailbox__put(link->mailbox, note);
}

/* Talking with the loop */

static void ring(struct link *link)
{
    uint64_t one = 1;
    (void)!write(link->bell, &one, sizeof one);
}

static void silence_bell(struct link *link)
{
    uint64_t count;
    (void)!read(link->bell, &count, sizeof count);
}

void link__stop(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->stop = true;
    pthread_mutex_unlock(&link->lock);
    ring(link);
}

static bool is_stopped(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    bool stop = link->stop;
    pthread_mutex_unlock(&link->lock);
    return stop;
}

void link__cut(struct link *link, unsigned port)
{
    pthread_mutex_lock(&link->lock);
    if (link->cut_count < ARRAY_SIZE(link->cuts))
        link->cuts[link->cut_count++] = (struct cut){port, link->heard};
    else
        link->stop = true; /* it does not even take these: then all of it ends */
    pthread_mutex_unlock(&link->lock);
    ring(link);
}

static void make_cuts(struct link *link)
{
    struct cut cuts[ARRAY_SIZE(link->cuts)];
    pthread_mutex_lock(&link->lock);
    unsigned count = link->cut_count;
    memcpy(cuts, link->cuts, count * sizeof cuts[0]);
    link->cut_count = 0;
    pthread_mutex_unlock(&link->lock);
    for (unsigned i = 0; i < count; i++)
        pump__cut(link, &cuts[i]);
}

void link__answer(struct link *link, unsigned number, bool answer, int fd)
{
    pthread_mutex_lock(&link->lock);
    bool wanted = link->waiting == number && !link->answered;
    if (wanted) {
        link->answered = true;
        link->answer = answer;
        link->answer_fd = fd;
    }
    pthread_mutex_unlock(&link->lock);
    if (wanted)
        ring(link);
    else if (fd >= 0)
        close(fd);
}

static void start_waiting(struct link *link, unsigned number)
{
    pthread_mutex_lock(&link->lock);
    link->waiting = number;
    link->answered = link->answer = false;
    link->answer_fd = -1;
    pthread_mutex_unlock(&link->lock);
}

/* Takes what there is; nothing that comes later is wanted. */
static bool stop_waiting(struct link *link, bool *ret_answer, int *ret_fd)
{
    pthread_mutex_lock(&link->lock);
    bool answered = link->answered;
    *ret_answer = link->answer;
    *ret_fd = link->answer_fd;
    link->waiting = 0;
    link->answer_fd = -1;
    pthread_mutex_unlock(&link->lock);
    return answered;
}

static bool is_waiting(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    bool waiting = !link->stop && !link->answered;
    pthread_mutex_unlock(&link->lock);
    return waiting;
}

bool link__ask(struct link *link, struct note *note, int *ret_fd)
{
    uint64_t end = link__now() + TUNNEL_VERDICT_MS, now;
    bool answer;
    note->number = ++link->asked;
    start_waiting(link, note->number);
    mailbox__put(link->mailbox, note);
    while (is_waiting(link) && (now = link__now()) < end) {
        struct pollfd bell = {.fd = link->bell, .events = POLLIN};
        if (poll(&bell, 1, (int)(end - now)) > 0)
            silence_bell(link);
    }
    if (stop_waiting(link, &answer, ret_fd))
        return answer;
    if (!is_stopped(link))
        link__report(link, TUNNEL_NO_ANSWER, "no answer in time");
    /* The loop may have let the user in by now: then the link's end takes that back. */
    link->failed = !link->authenticated;
    return false;
}

/* What the library calls */

static int on_password(ssh_session session, const char *user, const char *password, void *arg)
{
    (void)session;
    struct link *link = arg;
    int fd;
    if (link->ending || link->failed || link->authenticated)
        return SSH_AUTH_DENIED;
    struct note *note = new_note(link, NOTE_PASSWORD);
    if (str_copy(note->user, sizeof note->user, user ? user : "") < 0)
        note->user[0] = '\0'; /* longer than any of ours */
    note->password_len = password ? strlen(password) : 0;
    memcpy(note->password, password ? password : "", MIN(note->password_len, sizeof note->password));
    link->authenticated = link__ask(link, note, &fd);
    if (!link->authenticated && ++link->tries >= TRIES_MAX)
        link->ending = true;
    return link->authenticated ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

/* Kerberos is none of our methods: nothing is looked up for it. */
static ssh_string on_gssapi(ssh_session session, const char *user, int count, ssh_string *oids, void *arg)
{
    (void)session;
    (void)user;
    (void)count;
    (void)oids;
    (void)arg;
    return NULL;
}

static const char *channel_name(int type)
{
    return type == SSH_CHANNEL_SESSION           ? "session"
           : type == SSH_CHANNEL_FORWARDED_TCPIP ? "forwarded-tcpip"
           : type == SSH_CHANNEL_X11             ? "x11"
           : type == SSH_CHANNEL_AUTH_AGENT      ? "auth-agent"
                                                 : NULL;
}

static const char *request_name(int type)
{
    return type == SSH_CHANNEL_REQUEST_PTY         ? "pty"
           : type == SSH_CHANNEL_REQUEST_EXEC      ? "exec"
           : type == SSH_CHANNEL_REQUEST_SHELL     ? "shell"
           : type == SSH_CHANNEL_REQUEST_ENV       ? "env"
           : type == SSH_CHANNEL_REQUEST_SUBSYSTEM ? "subsystem"
           : type == SSH_CHANNEL_REQUEST_X11       ? "x11"
                                                   : NULL;
}

static struct ask read_message(ssh_message message)
{
    struct ask ask = {.kind = ASK_NOTHING};
    int subtype = ssh_message_subtype(message);
    switch (ssh_message_type(message)) {
    case SSH_REQUEST_AUTH:
        ask.kind = ASK_AUTH;
        break;
    case SSH_REQUEST_CHANNEL_OPEN:
        ask.kind = subtype == SSH_CHANNEL_DIRECT_TCPIP ? ASK_DIRECT_TCPIP : ASK_OTHER_CHANNEL;
        ask.name = channel_name(subtype);
        ask.host = ssh_message_channel_request_open_destination(message);
        ask.port = ssh_message_channel_request_open_destination_port(message);
        break;
    case SSH_REQUEST_CHANNEL:
        ask.kind = ASK_CHANNEL_REQUEST;
        ask.name = request_name(subtype);
        break;
    case SSH_REQUEST_GLOBAL:
        ask.kind = ASK_GLOBAL;
        ask.name = subtype == SSH_GLOBAL_REQUEST_TCPIP_FORWARD ? "tcpip-forward" : "cancel-tcpip-forward";
        break;
    default:
        break;
    }
    return ask;
}

/* Every request that is refused costs the client one of its few. */
static void count_refusal(struct link *link, const struct ask *ask)
{
    unsigned *count = ask->kind == ASK_AUTH ? &link->auth_requests : &link->refusals;
    if (ask->kind == ASK_NOTHING || ++*count < REFUSALS_MAX)
        return;
    if (!link->ending)
        link__report(link, TUNNEL_TOO_MANY, "refused requests");
    link->ending = true;
}

static bool open_channel(struct link *link, const struct ask *ask, ssh_message message)
{
    int fd;
    if (!pump__has_room(link)) {
        link__report(link, TUNNEL_TOO_MANY, "channels");
        return false;
    }
    struct note *note = new_note(link, NOTE_CHANNEL);
    note->port = (unsigned)ask->port;
    ask__describe(ask, note->text);
    if (!link__ask(link, note, &fd))
        return false;
    ssh_channel channel = ssh_message_channel_request_open_reply_accept(message);
    if (channel && pump__is_sane(link->session, channel)) {
        pump__open(link, channel, (unsigned)ask->port, fd);
        return true;
    }
    close(fd);
    if (channel) {
        link__report(link, TUNNEL_FORBIDDEN, "channel with tiny packets");
        link->failed = true;
    }
    return channel;
}

/* 1: the library shall answer with a refusal (or, for a service, with its standard answer). */
static int on_message(ssh_session session, ssh_message message, void *arg)
{
    (void)session;
    struct link *link = arg;
    struct ask ask = read_message(message);
    enum tunnel_reason reason;
    char text[ASK_TEXT_LEN];
    bool report;
    if (link->ending || link->failed)
        return 1;
    if (ask__decide(&ask, &reason, &report)) {
        if (open_channel(link, &ask, message))
            return 0;
    } else if (report) {
        ask__describe(&ask, text);
        link__report(link, reason, text);
    }
    count_refusal(link, &ask);
    return 1;
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
        silence_bell(link);
}

static bool is_over(struct link *link)
{
    return link->failed || is_stopped(link) || ssh_get_fd(link->session) < 0 ||
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
    if (rc != SSH_OK && !is_stopped(link)) {
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
        make_cuts(link);
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

static void prepare(struct link *link)
{
    ssh_callbacks_init(&link->server_callbacks);
    link->server_callbacks.userdata = link;
    link->server_callbacks.auth_password_function = on_password;
    link->server_callbacks.gssapi_select_oid_function = on_gssapi;
    ssh_set_server_callbacks(link->session, &link->server_callbacks);
    ssh_set_message_callback(link->session, on_message, link);
    ssh_set_auth_methods(link->session, SSH_AUTH_METHOD_PASSWORD);
    ssh_set_counters(link->session, &link->counter, NULL);
    ssh_set_blocking(link->session, 0);
    link->moved_at = link__now();
}

static void *run(void *arg)
{
    struct link *link = arg;
    uint64_t login_deadline = link__now() + link->limits.login_ms;
    prepare(link);
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
    mailbox__put(link->mailbox, new_note(link, NOTE_GONE));
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
