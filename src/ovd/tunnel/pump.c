/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels to descriptors and back. No byte is taken from one side that the other side has no room for:
 *
 * To the client at most one piece is under way at a time on the whole link, and it counts as under way until
 * the library has put it into the socket (mark). While a piece waits for the window, for the socket or for a
 * renewal of keys, no descriptor is read.
 *
 * From the client, what the application does not take at once stays with the library, which then gives the
 * client no new window. Only when the descriptor can be written again all of it is taken out in one go:
 * taking it in pieces would open the window a little each time, without end. */
#include "ovd/tunnel/link_priv.h"

#include <sys/socket.h>

#include "base/file.h"

#define HELD_MAX                                                                                             \
    (2 * 1024 * 1024) /* the library's window is 1.28 MB: whoever sends more does not care for it */
#define CLOSE_MS 10000
#define PACKET_MIN 1024 /* of what a client takes in one packet; RFC 4253 promises 32768 */

static void fail_client(struct strand *s)
{
    if (!s->link->failed)
        link__report(s->link, TUNNEL_TOO_MANY, "bytes beyond the channel's window");
    s->link->failed = true;
}

/* How many bytes the application took; all of them when its side is over. */
static size_t give(struct strand *s, const void *data, size_t len)
{
    size_t done = 0;
    while (done < len && s->fd >= 0 && !s->broken) {
        ssize_t n = send(s->fd, (const uint8_t *)data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return done;
        if (n < 0 && errno != EINTR)
            s->broken = true;
        done += n > 0 ? (size_t)n : 0;
    }
    return len;
}

/* What the library calls; nothing is freed in here */

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len, int is_stderr,
                   void *arg)
{
    (void)session;
    (void)channel;
    struct strand *s = arg;
    if (is_stderr || s->closing)
        return (int)len;
    size_t taken = s->in.len > 0 ? 0 : give(s, data, len);
    s->held = len - taken;
    if (s->held > HELD_MAX)
        fail_client(s);
    return (int)taken;
}

static void on_close(ssh_session session, ssh_channel channel, void *arg)
{
    (void)session;
    (void)channel;
    struct strand *s = arg;
    s->closed_remote = true;
    if (!s->closing)
        s->deadline = link__now() + CLOSE_MS;
}

static struct strand *find_free(struct link *link)
{
    for (unsigned i = 0; i < link->limits.max_channels; i++)
        if (!link->strands[i].channel)
            return &link->strands[i];
    return NULL;
}

bool pump__has_room(const struct link *link)
{
    return find_free((struct link *)link);
}

void pump__open(struct link *link, ssh_channel channel, unsigned port, int fd)
{
    struct strand *s = find_free(link);
    *s = (struct strand){.link = link, .channel = channel, .fd = fd, .out = xcalloc(1, LINK_PIECE)};
    s->port = port;
    s->number = link->asked;
    buf_init(&s->in, HELD_MAX);
    fd_set_nonblock(fd);
    ssh_callbacks_init(&s->callbacks);
    s->callbacks.userdata = s;
    s->callbacks.channel_data_function = on_data;
    s->callbacks.channel_close_function = on_close;
    ssh_set_channel_callbacks(channel, &s->callbacks);
}

/* How the library's channel begins: it has no function for the last of these. */
struct channel_head {
    ssh_session session;
    uint32_t local_channel;
    uint32_t local_window;
    int local_eof;
    uint32_t local_maxpacket;
    uint32_t remote_channel;
    uint32_t remote_window;
    int remote_eof;
    uint32_t remote_maxpacket;
};

/* What libssh 0.10 tells every client when it accepts a channel. */
#define ACCEPTED_WINDOW 32000
#define ACCEPTED_MAXPACKET 35000

bool pump__is_sane(ssh_session session, ssh_channel channel)
{
    struct channel_head head;
    memcpy(&head, (const void *)channel, sizeof head);
    if (head.session != session || head.local_window != ACCEPTED_WINDOW ||
        head.local_maxpacket != ACCEPTED_MAXPACKET ||
        head.remote_window != ssh_channel_window_size(channel) || head.local_eof != 0)
        return true; /* another library, made otherwise: nothing is known */
    return head.remote_maxpacket >= PACKET_MIN;
}

static void drop_fd(struct strand *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void end_strand(struct strand *s)
{
    ssh_remove_channel_callbacks(s->channel, &s->callbacks);
    ssh_channel_free(s->channel);
    drop_fd(s);
    buf_finish(&s->in);
    free(s->out);
    *s = (struct strand){.fd = -1};
}

/* The channel stays until the client has closed it, too, so that what it still sends is thrown away and not
 * collected. */
static void start_closing(struct strand *s)
{
    s->closing = true;
    s->held = 0;
    s->deadline = link__now() + CLOSE_MS;
    drop_fd(s);
}

/* From the client */

static int take_held(struct strand *s)
{
    uint8_t *at;
    int rc = buf_reserve(&s->in, s->held, &at);
    if (rc < 0)
        return rc;
    int n = ssh_channel_read_nonblocking(s->channel, at, (uint32_t)s->held, 0);
    if (n < 0)
        return -EIO;
    buf_commit(&s->in, (size_t)n);
    s->held -= MIN(s->held, (size_t)n);
    return n > 0 ? 0 : -EIO;
}

static void flush_in(struct strand *s)
{
    while (s->in.len > 0 || s->held > 0) {
        if (s->in.len == 0 && take_held(s) < 0) {
            s->link->failed = true;
            return;
        }
        buf_consume(&s->in, give(s, s->in.data, s->in.len));
        if (s->in.len > 0)
            return;
    }
}

/* To the client */

/* One piece at a time: is the last one in the socket, and is there a window? */
static bool can_send(const struct strand *s)
{
    return !link__is_writing(s->link) && ssh_channel_window_size(s->channel) > 0;
}

static void read_app(struct strand *s)
{
    size_t room = MIN(ssh_channel_window_size(s->channel), LINK_PIECE);
    ssize_t n = recv(s->fd, s->out, room, MSG_DONTWAIT);
    if (n > 0) {
        s->out_at = 0;
        s->out_len = (size_t)n;
    } else if (n == 0) {
        s->app_ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        s->broken = true;
    }
}

static void send_out(struct strand *s)
{
    struct link *link = s->link;
    uint64_t before = link->counter.out_bytes;
    int n = ssh_channel_write(s->channel, s->out + s->out_at, (uint32_t)(s->out_len - s->out_at));
    if (n < 0) { /* a close that has just come in is no fault; all else is the end of the link, not of the
                    channel */
        link->failed = !s->closed_remote;
        s->out_at = s->out_len = 0;
        return;
    }
    /* Calling the library may have moved other things, too: then the mark is a little early, by no more than
     * those. */
    link->mark = MAX(link->mark, before + (uint64_t)n);
    s->out_at += (size_t)n;
    if (s->out_at == s->out_len)
        s->out_at = s->out_len = 0;
}

static void pump_out(struct strand *s)
{
    if (s->out_len == 0 && !s->app_ended && !s->broken && !s->closed_remote && can_send(s))
        read_app(s);
    if (s->out_len > 0 && !s->closed_remote && can_send(s))
        send_out(s);
}

/* Ends */

static void pass_ends_on(struct strand *s, short ready)
{
    bool nothing_in = s->in.len == 0 && s->held == 0;
    if (s->app_ended && s->out_len == 0)
        ssh_channel_send_eof(s->channel); /* does nothing the second time */
    if (nothing_in && !s->client_ended && s->fd >= 0 && ssh_channel_is_eof(s->channel)) {
        shutdown(s->fd, SHUT_WR);
        s->client_ended = true;
    }
    bool app_left = s->broken || (s->app_ended && ((ready & (POLLHUP | POLLERR)) || s->client_ended));
    if ((app_left && s->out_len == 0) || (s->closed_remote && nothing_in))
        start_closing(s);
}

static void turn(struct strand *s, short ready)
{
    if (!s->closing) {
        if (s->held > 0 || s->in.len > 0)
            flush_in(s);
        pump_out(s);
        pass_ends_on(s, ready);
    }
    if (s->closing && !ssh_channel_is_closed(s->channel))
        ssh_channel_close(s->channel); /* says only that it ends when the socket is full: again next turn */
    bool late = (s->closing || s->closed_remote) && link__now() >= s->deadline;
    if (s->closing && s->closed_remote)
        end_strand(s);
    else if (late && !s->closing)
        start_closing(s);
    else if (late)
        s->link->failed = true; /* a client that never closes would keep the slot for ever */
}

void pump__cut(struct link *link, const struct cut *cut)
{
    for (unsigned i = 0; i < link->limits.max_channels; i++) {
        struct strand *s = &link->strands[i];
        if (s->channel && !s->closing && s->port == cut->port && s->number <= cut->number)
            start_closing(s);
    }
}

void pump__turn(struct link *link, const struct pollfd *fds)
{
    for (unsigned i = 0; i < link->limits.max_channels && !link->failed; i++) {
        unsigned index = (link->first + i) % link->limits.max_channels;
        if (link->strands[index].channel)
            turn(&link->strands[index], fds[index].revents);
    }
    link->first = link->first + 1 < link->limits.max_channels ? link->first + 1 : 0;
}

static short wanted(const struct strand *s)
{
    short events = 0;
    if (s->in.len > 0 || s->held > 0)
        events |= POLLOUT;
    if (s->out_len == 0 && !s->app_ended && !s->closed_remote && can_send(s))
        events |= POLLIN;
    return events;
}

size_t pump__prepare(struct link *link, struct pollfd *fds)
{
    for (unsigned i = 0; i < link->limits.max_channels; i++) {
        const struct strand *s = &link->strands[i];
        short events = s->channel && !s->closing && s->fd >= 0 ? wanted(s) : 0;
        /* When all is read, only a hang-up is news; before, it would come again and again. */
        bool hang_up = s->channel && s->app_ended && s->out_len == 0;
        fds[i] = (struct pollfd){.fd = events || hang_up ? s->fd : -1, .events = events};
    }
    return link->limits.max_channels;
}

uint64_t pump__deadline(const struct link *link)
{
    uint64_t deadline = UINT64_MAX;
    for (unsigned i = 0; i < link->limits.max_channels; i++) {
        const struct strand *s = &link->strands[i];
        if (s->channel && (s->closing || s->closed_remote))
            deadline = MIN(deadline, s->deadline);
    }
    return deadline;
}

void pump__finish(struct link *link)
{
    for (unsigned i = 0; i < link->limits.max_channels; i++)
        if (link->strands[i].channel)
            end_strand(&link->strands[i]);
}
