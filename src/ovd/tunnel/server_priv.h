/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop's side: listeners, the mailbox (server.c) and what is answered (broker.c). */
#ifndef ISTHMUS_OVD_TUNNEL_SERVER_PRIV_H
#define ISTHMUS_OVD_TUNNEL_SERVER_PRIV_H

#include "net/listener.h"
#include "ovd/tunnel/credentials_priv.h"
#include "ovd/tunnel/link_priv.h"
#include "ovd/tunnel/profile_priv.h"
#include "ovd/tunnel/throttle_priv.h"

/* Notes from the links' threads. A descriptor and not loop_post: nothing of it outlives the server. */
struct mailbox {
    pthread_mutex_t lock;
    struct note *first, *last;
    int bell; /* eventfd */
};

struct port {
    struct tunnel_server *server;
    enum tunnel_profile profile;
    struct listener *listener;
};

struct tunnel_request {
    struct link *link; /* NULL: it has gone, or does not wait any more */
    unsigned number;
};

struct key_job;

/* A client that came before the keys. */
#define EARLY_MAX 32
struct early {
    int fd;
    struct port *port;
    char peer[ADDR_TEXT_LEN];
};

struct tunnel_server {
    struct tunnel_options options; /* key_directory is not kept */
    ssh_bind binds[2];             /* by profile; NULL while the keys are being made */
    struct key_job *key_job;       /* that worker's; NULL: none */
    struct early early[EARLY_MAX];
    unsigned early_count;
    struct port ports[TUNNEL_LISTENERS_MAX];
    size_t port_count;
    struct mailbox mailbox;
    struct loop_poll *poll;
    struct tunnel_credentials *credentials;
    struct tunnel_throttle *throttle;
    struct link *links; /* utlist */
    unsigned turned_away;
    uint64_t turned_away_at; /* when that was last reported */
};

/* One note, but for NOTE_GONE's freeing. */
void broker__handle(struct tunnel_server *server, struct note *note);
void broker__refused(struct tunnel_server *server, enum tunnel_reason reason, const char *peer,
                     const char *session, const char *text);
/* keys.c: fills in binds, at once or later. */
int keys__open(struct tunnel_server *server, const char *directory);
/* What a worker still makes is nobody's any more. */
void keys__abandon(struct tunnel_server *server);

/* server.c: the keys are there, or never will be. */
void server__take_early(struct tunnel_server *server);

/* The request is not the link's any more. */
void broker__forget_request(struct link *link);

#endif
