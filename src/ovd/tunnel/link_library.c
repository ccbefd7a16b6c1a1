/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the library calls, on the link's thread: passwords, and requests for channels. */
#include "base/str.h"
#include "ovd/tunnel/link_priv.h"

#define TRIES_MAX 3
#define REFUSALS_MAX 16 /* of channels and requests, and of other ways to authenticate */

static int on_password(ssh_session session, const char *user, const char *password, void *arg)
{
    (void)session;
    struct link *link = arg;
    int fd;
    if (link->ending || link->failed || link->authenticated)
        return SSH_AUTH_DENIED;
    struct note *note = link__note(link, NOTE_PASSWORD);
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
    struct note *note = link__note(link, NOTE_CHANNEL);
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

void link__prepare(struct link *link)
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
}
