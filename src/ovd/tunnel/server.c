/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/server_priv.h"

#include <stdio.h>
#include <sys/eventfd.h>

#include <utlist.h>

#include "base/secret.h"
#include "base/str.h"

#define TURNED_AWAY_MS 10000
#define LEAVING_MAX 64

/* The mailbox */

void mailbox__put(struct mailbox *mailbox, struct note *note)
{
    uint64_t one = 1;
    pthread_mutex_lock(&mailbox->lock);
    if (mailbox->last)
        mailbox->last->next = note;
    else
        mailbox->first = note;
    mailbox->last = note;
    /* Inside the lock: once the last note of a link is out, the mailbox may go. */
    (void)!write(mailbox->bell, &one, sizeof one);
    pthread_mutex_unlock(&mailbox->lock);
}

static struct note *take_note(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    struct note *note = mailbox->first;
    if (note)
        mailbox->first = note->next;
    if (!mailbox->first)
        mailbox->last = NULL;
    pthread_mutex_unlock(&mailbox->lock);
    return note;
}

static void free_note(struct note *note)
{
    secret_wipe(note->password, sizeof note->password);
    free(note);
}

static void on_mail(void *arg, int ready)
{
    (void)ready;
    struct tunnel_server *server = arg;
    struct note *note;
    uint64_t count;
    (void)!read(server->mailbox.bell, &count, sizeof count);
    while ((note = take_note(&server->mailbox)) != NULL) {
        broker__handle(server, note);
        free_note(note);
    }
}

/* Connections */

/* Who has been connected longest without having logged in; prefix NULL: from anywhere. */
static struct link *find_idle(const struct tunnel_server *server, const char *prefix)
{
    struct link *link;
    DL_FOREACH(server->links, link)
    {
        if (!link->for_session[0] && !link->displaced && (!prefix || str_eq(link->prefix, prefix)))
            return link;
    }
    return NULL;
}

/* Strangers who just hold connections open lock nobody out: who waits longest makes room, one of the same
 * address when that has its share. Those who are about to end count for a while still, so that a flood does
 * not become one of threads. */
static bool make_room(struct tunnel_server *server, const char *prefix)
{
    unsigned links = 0, same = 0, leaving = 0;
    struct link *link;
    DL_FOREACH(server->links, link)
    {
        links += !link->displaced;
        leaving += link->displaced;
        same += !link->displaced && str_eq(prefix, link->prefix);
    }
    bool share_is_full = same >= server->options.max_links_per_address;
    if (links < server->options.max_links && !share_is_full)
        return true;
    link = leaving < LEAVING_MAX ? find_idle(server, share_is_full ? prefix : NULL) : NULL;
    if (!link)
        return false;
    link->displaced = true;
    link__stop(link);
    return true;
}

/* A flood of connections is one line now and then. */
static void turn_away(struct tunnel_server *server, const char *peer, const char *why)
{
    char text[ASK_TEXT_LEN];
    uint64_t now = link__now();
    server->turned_away++;
    if (server->turned_away_at && now - server->turned_away_at < TURNED_AWAY_MS)
        return;
    snprintf(text, sizeof text, "%u turned away: %s", server->turned_away, why);
    server->turned_away = 0;
    server->turned_away_at = now;
    broker__refused(server, TUNNEL_TOO_MANY, peer, NULL, text);
}

static void begin_link(struct port *port, int fd, const char *peer)
{
    struct tunnel_server *server = port->server;
    const struct tunnel_options *o = &server->options;
    struct link_limits limits = {o->login_ms, o->stall_ms, o->max_channels};
    char prefix[ADDR_TEXT_LEN];
    struct link *link;
    addr_prefix(peer, prefix);
    if (!make_room(server, prefix)) {
        close(fd);
        turn_away(server, peer, "connections");
    } else if (link__create(server->binds[port->profile], fd, peer, &server->mailbox, &limits, &link) < 0) {
        turn_away(server, peer, "no memory or threads");
    } else {
        link->owner = server;
        memcpy(link->prefix, prefix, sizeof link->prefix);
        DL_APPEND(server->links, link);
    }
}

static void on_connection(void *arg, int fd, const char *peer)
{
    struct port *port = arg;
    struct tunnel_server *server = port->server;
    if (server->binds[port->profile]) {
        begin_link(port, fd, peer);
    } else if (server->key_job && server->early_count < EARLY_MAX) {
        struct early *early = &server->early[server->early_count++];
        early->fd = fd;
        early->port = port;
        (void)str_copy(early->peer, sizeof early->peer, peer);
    } else {
        close(fd);
        turn_away(server, peer, "no host keys");
    }
}

void server__take_early(struct tunnel_server *server)
{
    unsigned count = server->early_count;
    server->early_count = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct early *early = &server->early[i];
        if (server->binds[early->port->profile])
            begin_link(early->port, early->fd, early->peer);
        else
            close(early->fd);
    }
}

int tunnel_server_listen(struct tunnel_server *server, enum tunnel_profile profile, const char *host,
                         unsigned port, unsigned *ret_port)
{
    if (server->port_count == TUNNEL_LISTENERS_MAX)
        return -ENOSPC;
    struct port *p = &server->ports[server->port_count];
    p->server = server;
    p->profile = profile;
    int rc = listener_create(server->options.loop, host, port, on_connection, p, &p->listener);
    if (rc < 0)
        return rc;
    server->port_count++;
    *ret_port = listener_port(p->listener);
    return 0;
}

/* Beginning and end */

static unsigned or_else(unsigned value, unsigned standard)
{
    return value ? value : standard;
}

static void set_options(struct tunnel_server *server, const struct tunnel_options *options)
{
    struct tunnel_options *o = &server->options;
    *o = *options;
    o->key_directory = NULL;
    o->max_links = or_else(o->max_links, 256);
    o->max_links_per_address = or_else(o->max_links_per_address, 64);
    o->max_links_per_session = or_else(o->max_links_per_session, 16);
    o->max_channels = MIN(or_else(o->max_channels, 8), LINK_CHANNELS_MAX);
    o->login_ms = or_else(o->login_ms, 10000);
    o->stall_ms = or_else(o->stall_ms, 60000);
    o->failure_burst = or_else(o->failure_burst, 20);
    o->failure_refill_ms = or_else(o->failure_refill_ms, 3000);
}

int tunnel_server_create(const struct tunnel_options *options, struct tunnel_server **ret_server)
{
    struct tunnel_server *server = xcalloc(1, sizeof *server);
    set_options(server, options);
    server->credentials = credentials__create();
    server->throttle = throttle__create(server->options.failure_burst, server->options.failure_refill_ms);
    pthread_mutex_init(&server->mailbox.lock, NULL);
    server->mailbox.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = server->mailbox.bell < 0 ? -errno : keys__open(server, options->key_directory);
    if (rc == 0)
        rc = loop_poll_create(options->loop, server->mailbox.bell, LOOP_READ, on_mail, server, &server->poll);
    if (rc < 0)
        tunnel_server_destroy(server);
    else
        *ret_server = server;
    return rc;
}

/* All threads end side by side; then each is waited for. */
static void end_links(struct tunnel_server *server)
{
    struct link *link, *next;
    DL_FOREACH(server->links, link)
    link__stop(link);
    DL_FOREACH_SAFE(server->links, link, next)
    {
        broker__forget_request(link);
        DL_DELETE(server->links, link);
        link__destroy(link);
    }
}

struct tunnel_server *tunnel_server_destroy(struct tunnel_server *server)
{
    struct note *note;
    if (!server)
        return NULL;
    for (size_t i = 0; i < server->port_count; i++)
        listener_destroy(server->ports[i].listener);
    keys__abandon(server);
    while (server->early_count > 0)
        close(server->early[--server->early_count].fd);
    end_links(server);
    loop_poll_destroy(server->poll);
    while ((note = take_note(&server->mailbox)) != NULL)
        free_note(note);
    if (server->mailbox.bell >= 0)
        close(server->mailbox.bell);
    pthread_mutex_destroy(&server->mailbox.lock);
    ssh_bind_free(server->binds[TUNNEL_MODERN]); /* NULL-safe */
    ssh_bind_free(server->binds[TUNNEL_LEGACY]);
    credentials__destroy(server->credentials);
    throttle__destroy(server->throttle);
    free(server);
    return NULL;
}
