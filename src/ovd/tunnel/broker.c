/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/server_priv.h"

#include <utlist.h>

#include "base/secret.h"
#include "base/str.h"

void broker__refused(struct tunnel_server *server, enum tunnel_reason reason, const char *peer,
                     const char *session, const char *text)
{
    struct tunnel_refusal refusal = {reason, peer, session, text};
    if (server->options.callbacks.refused)
        server->options.callbacks.refused(server->options.arg, &refusal);
}

static void report(struct tunnel_server *server, const struct link *link, enum tunnel_reason reason,
                   const char *text)
{
    if (!link->dead && !link->displaced)
        broker__refused(server, reason, link->peer, link->for_session[0] ? link->for_session : NULL, text);
}

static unsigned count_links(const struct tunnel_server *server, const char *session)
{
    const struct link *link;
    unsigned count = 0;
    DL_FOREACH(server->links, link)
    count += !link->dead && str_eq(link->for_session, session);
    return count;
}

unsigned tunnel_server_links(const struct tunnel_server *server, const char *session)
{
    return *session ? count_links(server, session) : 0;
}

/* Passwords */

/* What the log may say of a user name. */
static const char *shown_user(const struct note *note)
{
    return credentials__is_user(note->user) || str_eq(note->user, "dummy") ? note->user : "another user name";
}

static void let_in(struct tunnel_server *server, struct link *link, const char *session, unsigned number)
{
    (void)str_copy(link->for_session, sizeof link->for_session, session);
    link__answer(link, number, true, -1);
    if (server->options.callbacks.up)
        server->options.callbacks.up(server->options.arg, link->for_session, link->peer,
                                     count_links(server, session));
}

static void keep_out(struct tunnel_server *server, const struct note *note, enum tunnel_reason reason)
{
    link__answer(note->link, note->number, false, -1);
    report(server, note->link, reason, shown_user(note));
}

static void handle_password(struct tunnel_server *server, struct note *note)
{
    const char *prefix = note->link->prefix;
    uint64_t now = link__now();
    /* The table is searched in every case, so that time says nothing. */
    const struct credential *found =
        credentials__check(server->credentials, note->user, note->password, note->password_len);
    secret_wipe(note->password, sizeof note->password);
    if (note->link->displaced) {
        link__answer(note->link, note->number, false, -1); /* too late */
    } else if (throttle__is_shut(server->throttle, now, prefix)) {
        keep_out(server, note, TUNNEL_THROTTLED);
    } else if (found && count_links(server, found->session) >= server->options.max_links_per_session) {
        keep_out(server, note, TUNNEL_TOO_MANY);
    } else if (found) {
        let_in(server, note->link, found->session, note->number);
    } else if (str_eq(note->user, "dummy")) {
        /* Not counted: each page with the tester in it does this once per port. */
        keep_out(server, note, TUNNEL_PROBE);
    } else {
        throttle__count(server->throttle, now, prefix);
        keep_out(server, note, TUNNEL_BAD_PASSWORD);
    }
}

/* Channels */

void broker__forget_request(struct link *link)
{
    if (link->request)
        link->request->link = NULL;
    link->request = NULL;
}

static void handle_channel(struct tunnel_server *server, const struct note *note)
{
    struct link *link = note->link;
    broker__forget_request(link); /* the thread gave it up, or would not ask again */
    link->heard = note->number;
    if (link->dead || !credentials__has_port(server->credentials, link->for_session, note->port)) {
        link__answer(link, note->number, false, -1);
        report(server, link, TUNNEL_FORBIDDEN_PORT, note->text);
        return;
    }
    struct tunnel_request *request = xcalloc(1, sizeof *request);
    *request = (struct tunnel_request){link, note->number};
    link->request = request;
    server->options.callbacks.channel(server->options.arg, request, link->for_session, note->port);
}

static void answer_request(struct tunnel_request *request, bool answer, int fd)
{
    if (request->link) {
        request->link->request = NULL;
        link__answer(request->link, request->number, answer, fd);
    } else if (fd >= 0) {
        close(fd);
    }
    free(request);
}

void tunnel_request_accept(struct tunnel_request *request, int fd)
{
    answer_request(request, true, fd);
}

void tunnel_request_refuse(struct tunnel_request *request)
{
    struct link *link = request->link;
    /* Not by a note: the thread may have said its last word already, and nothing may come behind that. */
    if (link)
        report(link->owner, link, TUNNEL_NO_ANSWER, "channel refused");
    answer_request(request, false, -1);
}

/* Ends */

static void handle_gone(struct tunnel_server *server, struct link *link)
{
    bool tell = !link->dead && link->for_session[0];
    broker__forget_request(link);
    DL_DELETE(server->links, link);
    if (tell && server->options.callbacks.down)
        server->options.callbacks.down(server->options.arg, link->for_session, link->peer,
                                       count_links(server, link->for_session));
    link__destroy(link);
}

void broker__handle(struct tunnel_server *server, struct note *note)
{
    switch (note->kind) {
    case NOTE_PASSWORD:
        handle_password(server, note);
        break;
    case NOTE_CHANNEL:
        handle_channel(server, note);
        break;
    case NOTE_REFUSED:
        report(server, note->link, note->reason, note->text);
        break;
    case NOTE_GONE:
        handle_gone(server, note->link);
        break;
    }
}

/* Credentials */

int tunnel_server_grant(struct tunnel_server *server, const char *session, const char *user,
                        const char password[TUNNEL_PASSWORD_LEN], const unsigned *ports, unsigned port_count)
{
    return credentials__add(server->credentials, session, user, password, ports, port_count);
}

int tunnel_server_set_ports(struct tunnel_server *server, const char *session, const unsigned *ports,
                            unsigned port_count)
{
    return credentials__set_ports(server->credentials, session, ports, port_count);
}

void tunnel_server_revoke(struct tunnel_server *server, const char *session)
{
    struct link *link;
    credentials__remove(server->credentials, session);
    DL_FOREACH(server->links, link)
    {
        if (link->dead || !str_eq(link->for_session, session) || !*session)
            continue;
        link->dead = true;
        broker__forget_request(link);
        link__stop(link);
    }
}

void tunnel_server_cut(struct tunnel_server *server, const char *session, unsigned port)
{
    struct link *link;
    DL_FOREACH(server->links, link)
    {
        if (!link->dead && *session && str_eq(link->for_session, session))
            link__cut(link, port);
    }
}
