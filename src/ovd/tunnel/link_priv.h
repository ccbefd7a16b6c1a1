/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection. The loop's thread owns the struct from link__create to link__destroy; in between a thread
 * of the link's own runs the SSH protocol (link.c) and moves the bytes (pump.c). They share the part "between
 * the threads" only: the link's thread puts notes into the server's mailbox, the loop writes answers into the
 * link and rings its bell. The library's session is touched by the link's thread alone. */
#ifndef ISTHMUS_OVD_TUNNEL_LINK_PRIV_H
#define ISTHMUS_OVD_TUNNEL_LINK_PRIV_H

#include <poll.h>
#include <pthread.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/buf.h"
#include "net/addr.h"
#include "ovd/tunnel/ask_priv.h"
#include "ovd/tunnel/tunnel.h"

#define LINK_CHANNELS_MAX 32
#define LINK_PIECE 32768 /* read from the application and sent at once */
#define LINK_USER_LEN 64 /* what is kept of a user name; ours are shorter */

struct link;
struct mailbox;

enum note_kind {
    NOTE_PASSWORD, /* user and password: waits for an answer */
    NOTE_CHANNEL,  /* port: waits for an answer */
    NOTE_REFUSED,  /* reason and text */
    NOTE_GONE,     /* the link's last one; its thread can be joined */
};

struct note {
    enum note_kind kind;
    struct link *link;
    unsigned number; /* of the question, repeated with the answer */
    char user[LINK_USER_LEN];
    uint8_t password[TUNNEL_PASSWORD_LEN];
    size_t password_len; /* as sent; only the first bytes are here */
    unsigned port;
    enum tunnel_reason reason;
    char text[ASK_TEXT_LEN];
    struct note *next;
};

/* A channel and the application's descriptor. */
struct strand {
    struct link *link;
    ssh_channel channel; /* NULL: the slot is free */
    struct ssh_channel_callbacks_struct callbacks;
    int fd;                /* -1 once the application's side is over */
    unsigned port, number; /* its label, and the question that opened it */
    struct buf in;         /* from the client, taken from the library, not yet from us by the application */
    size_t held;           /* from the client, still with the library, because the application is slow */
    uint8_t *out;          /* LINK_PIECE bytes: from the application, not yet taken by the library */
    size_t out_at, out_len;
    bool app_ended;     /* the application will send nothing more */
    bool client_ended;  /* and was told that the client will not */
    bool broken;        /* the application's socket failed */
    bool closing;       /* waiting for the client's close */
    bool closed_remote; /* it came */
    uint64_t deadline;  /* of closing, or of handing over what came before the client's close */
    short events;       /* asked of fd in this turn */
};

/* Channels to port are to end, those that question number or an earlier one opened. */
struct cut {
    unsigned port, number;
};

struct link_limits {
    unsigned login_ms;
    unsigned stall_ms;
    unsigned max_channels; /* 1 to LINK_CHANNELS_MAX */
};

struct link {
    /* Fixed before the thread starts. */
    struct mailbox *mailbox;
    ssh_session session;
    struct link_limits limits;
    char peer[ADDR_TEXT_LEN];
    pthread_t thread;
    int bell; /* eventfd: the loop has something for the thread */

    /* Between the threads. */
    pthread_mutex_t lock;
    bool stop;
    unsigned waiting; /* number of the question that the thread waits for; 0: for none */
    bool answered;
    bool answer;
    int answer_fd; /* -1 when none, or taken */
    struct cut cuts[TUNNEL_PORTS_MAX];
    unsigned cut_count;

    /* The loop's. */
    struct tunnel_server *owner;
    char prefix[ADDR_TEXT_LEN];           /* of peer: what is counted as one address */
    char for_session[TUNNEL_SESSION_LEN]; /* "" before authentication */
    bool dead;                            /* revoked: tells the application nothing any more */
    bool displaced;                       /* had not logged in, and others came: it ends */
    unsigned heard;                       /* number of its last question about a channel */
    struct tunnel_request *request;       /* the one that waits for the application */
    struct link *prev, *next;

    /* The thread's. */
    ssh_event event;
    struct ssh_server_callbacks_struct server_callbacks;
    struct ssh_counter_struct counter; /* bytes on the socket */
    unsigned asked;                    /* number of the last question */
    unsigned tries, refusals, auth_requests;
    bool authenticated;
    bool ending;        /* answers are flushed, then it is over */
    bool failed;        /* over at once */
    uint64_t mark;      /* counter.out_bytes when the last piece is on its way */
    uint64_t moved_out; /* counter.out_bytes, and when it last grew or nothing was waiting */
    uint64_t moved_at;
    uint64_t moved_in; /* counter.in_bytes then */
    struct strand strands[LINK_CHANNELS_MAX];
    unsigned first; /* whose turn it is to send */
};

/* Starts the thread. fd and what the library knows about it are the link's, also on failure. peer is an
 * address. */
int link__create(ssh_bind bind, int fd, const char *peer, struct mailbox *mailbox,
                 const struct link_limits *limits, struct link **ret_link);
/* From any thread: the thread ends as soon as it can and posts NOTE_GONE. */
void link__stop(struct link *link);
/* Answers question number. fd (may be -1) is the link's, or closed when nobody waits for it any more. */
void link__answer(struct link *link, unsigned number, bool answer, int fd);
/* From the loop: the thread ends the open channels to port. */
void link__cut(struct link *link, unsigned port);
/* Joins the thread, which was stopped or has posted NOTE_GONE. Returns NULL. */
struct link *link__destroy(struct link *link);

/* The thread's own. */
uint64_t link__now(void);
/* Whether something of ours is still on its way into the socket. */
bool link__is_writing(const struct link *link);

/* link_library.c */
/* Answers the library from now on. */
void link__prepare(struct link *link);

/* link_talk.c, with link__stop, link__answer and link__cut */
struct note *link__note(struct link *link, enum note_kind kind); /* a new one */
void link__silence_bell(struct link *link);
bool link__is_stopped(struct link *link);
void link__make_cuts(struct link *link); /* those of link__cut */
void link__report(struct link *link, enum tunnel_reason reason, const char *text);
/* Asks the loop and waits: true, with the descriptor for a channel. */
bool link__ask(struct link *link, struct note *note, int *ret_fd);

/* pump.c */
/* Whether another channel may be opened. */
bool pump__has_room(const struct link *link);
/* For a channel just accepted: whether the client takes packets of a reasonable size. With one of exactly 10
 * bytes ssh_channel_write of libssh 0.10 never returns. */
bool pump__is_sane(ssh_session session, ssh_channel channel);
/* Takes over channel and fd. port is what the channel was asked for. */
void pump__open(struct link *link, ssh_channel channel, unsigned port, int fd);
void pump__cut(struct link *link, const struct cut *cut);
/* Fills in one entry per channel, fd -1 where nothing is awaited; returns how many (max_channels). */
size_t pump__prepare(struct link *link, struct pollfd *fds);
/* Moves what can be moved. */
void pump__turn(struct link *link, const struct pollfd *fds);
/* The next deadline of a channel; UINT64_MAX when there is none. */
uint64_t pump__deadline(const struct link *link);
/* Ends all: before the session goes, or the library would call back into what is no more. */
void pump__finish(struct link *link);

/* The mailbox, in server.c: takes the note over. From any thread. */
void mailbox__put(struct mailbox *mailbox, struct note *note);

#endif
