/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SSH server of legacy remote-desktop clients. It is no login to the machine: a client proves one
 * session's user name and password, and then may open nothing but channels to "localhost:LABEL", where LABEL
 * is one of that session's RFB ports. Nothing listens on a label; the application answers each channel with a
 * connected descriptor. Shells, commands, subsystems, other targets, remote forwards, agents and X11 do not
 * exist here: each is refused and told to the application once.
 *
 * Two profiles, each on any number of ports: the modern one offers today's algorithms only; the legacy one
 * offers them first and, after them, what a client of 2009 has (diffie-hellman-group1-sha1, group14-sha1 and
 * group-exchange-sha1, ssh-rsa, aes-cbc and 3des-cbc, hmac-sha1).
 *
 * Threads. Everything in this header is called on the loop's thread, and all callbacks run there. Each
 * connection has a thread of its own inside (key exchange and ciphers are computed there), which asks the
 * loop for every decision and takes a refusal when no answer comes within TUNNEL_VERDICT_MS. A client is
 * answered or refused within its own 5 s socket timeout at every step.
 *
 * Limits. Connections in all, per address and per session, channels per connection, password tries per
 * connection (3), time until authenticated, refused requests per connection (16, then the connection ends), 2
 * MiB per channel that the application has not taken yet (then a client that respects its window waits, and
 * one that does not is disconnected), one piece of 32 KiB at a time towards the client. When all connections
 * are taken, or those of an address, the one that has waited longest without logging in gives way. A client
 * that takes nothing for 60 s while something is to be sent, or that is not reachable any more, is
 * disconnected. Wrong passwords are counted per address (IPv6: per /64): 20 at once, then one every 3 s; past
 * that every try from there is refused unseen. */
#ifndef ISTHMUS_OVD_TUNNEL_TUNNEL_H
#define ISTHMUS_OVD_TUNNEL_TUNNEL_H

#include "loop/loop.h"

#define TUNNEL_PASSWORD_LEN 8 /* exactly; the applet knows no other */
#define TUNNEL_USER_LEN 8     /* "SSH0" to "SSH9999" and NUL */
#define TUNNEL_SESSION_LEN 65 /* the longest session id and NUL */
#define TUNNEL_PORTS_MAX 64   /* labels of one session */
#define TUNNEL_VERDICT_MS 3000

struct tunnel_server;
struct tunnel_request;

enum tunnel_profile { TUNNEL_MODERN, TUNNEL_LEGACY };

/* Why something was refused. */
enum tunnel_reason {
    TUNNEL_BAD_HANDSHAKE,  /* no common algorithm, not SSH, or gone during the key exchange */
    TUNNEL_BAD_PASSWORD,   /* user or password wrong, or the session has gone */
    TUNNEL_PROBE,          /* the connection tester's user "dummy" */
    TUNNEL_THROTTLED,      /* too many wrong passwords from that address: not even looked at */
    TUNNEL_TOO_SLOW,       /* not authenticated in time */
    TUNNEL_TOO_MANY,       /* a limit on connections, channels, tries or refused requests */
    TUNNEL_FORBIDDEN,      /* a channel or request of a kind that does not exist here */
    TUNNEL_FORBIDDEN_PORT, /* a channel to a host or port that is not the session's */
    TUNNEL_NO_ANSWER,      /* the application refused the channel or did not answer in time */
};

struct tunnel_refusal {
    enum tunnel_reason reason;
    const char *peer;    /* the client's address */
    const char *session; /* NULL before authentication */
    /* What it was about, one line of at most 96 bytes, printable ASCII: a user name when it has the form of
     * one of ours (people type passwords into name fields), a target, a kind of request, the library's words.
     * Never a password. */
    const char *text;
};

/* The strings live until the callback returns. Callbacks may call every function of this header but
 * tunnel_server_destroy. */
struct tunnel_callbacks {
    /* An authenticated link has come or gone; links is how many the session has now. A link without a channel
     * is legal: it says "the user is there". down is not called for links that tunnel_server_revoke or
     * tunnel_server_destroy ends. peer is the client's address. */
    void (*up)(void *arg, const char *session, const char *peer, unsigned links);
    void (*down)(void *arg, const char *session, const char *peer, unsigned links);
    /* A channel to a label of the session. Answer with tunnel_request_accept or tunnel_request_refuse,
     * exactly once, now or later; the request stays valid until then whatever becomes of the link or the
     * server. */
    void (*channel)(void *arg, struct tunnel_request *request, const char *session, unsigned port);
    /* One log line. Refused connections past a limit come at most once in 10 s. */
    void (*refused)(void *arg, const struct tunnel_refusal *refusal);
    /* With make_keys_later only, and only when a host key had to be made: now they are there (0) and clients
     * are served, or never will be. */
    void (*keys)(void *arg, int result);
};

struct tunnel_options {
    struct loop *loop;
    const char *key_directory; /* exists; host keys (Ed25519, RSA 3072) are made here once, mode 0600 */
    struct tunnel_callbacks callbacks;
    void *arg;
    /* Host keys that are not there yet are made on a worker; clients that come before wait for them, a few.
     */
    bool make_keys_later;
    /* 0 takes the default in brackets. */
    unsigned max_links;             /* connections in all (256) */
    unsigned max_links_per_address; /* connections of one address; many users share one (64) */
    unsigned max_links_per_session; /* authenticated connections of one session (16) */
    unsigned max_channels;          /* channels of one connection (8), at most 32 */
    unsigned login_ms;              /* until authenticated (10000) */
    unsigned stall_ms;              /* of a client that takes nothing, or does not answer TCP (60000) */
    unsigned failure_burst;         /* wrong passwords of one address before throttling (20) */
    unsigned failure_refill_ms;     /* one more is allowed after this time (3000) */
};

/* Making the host keys takes about a second, the first time only (see make_keys_later). -EPERM when others
 * may read a key file, -EINVAL when one is broken. */
int tunnel_server_create(const struct tunnel_options *options, struct tunnel_server **ret_server);
/* Opens a port (0: any) at host ("": every address). At most TUNNEL_LISTENERS_MAX. A profile without a port
 * is off. */
#define TUNNEL_LISTENERS_MAX 8
int tunnel_server_listen(struct tunnel_server *server, enum tunnel_profile profile, const char *host,
                         unsigned port, unsigned *ret_port);

/* Lets user (form "SSHn", 0 to 9999) in with a password of exactly 8 bytes without NUL, which is copied.
 * ports are the labels its channels may name. -EINVAL for another form, -EEXIST when the user or the session
 * has credentials already, -ENOSPC past 2000. */
int tunnel_server_grant(struct tunnel_server *server, const char *session, const char *user,
                        const char password[TUNNEL_PASSWORD_LEN], const unsigned *ports, unsigned port_count);
/* Other labels for the channels opened from now on; -ENOENT for a session without credentials. */
int tunnel_server_set_ports(struct tunnel_server *server, const char *session, const unsigned *ports,
                            unsigned port_count);
/* Forgets the session's credentials, wiping the password, and ends its links at once: none of their callbacks
 * comes after this. Fine for a session without credentials. */
void tunnel_server_revoke(struct tunnel_server *server, const char *session);
/* Ends the open channels of the session to this label; its links stay. */
void tunnel_server_cut(struct tunnel_server *server, const char *session, unsigned port);
/* Authenticated links of the session now. */
unsigned tunnel_server_links(const struct tunnel_server *server, const char *session);

/* Gives the channel a connected stream socket (one end of a socketpair, or TCP), which the tunnel owns from
 * now on and closes with the channel; bytes and ends of stream go both ways. When the link has gone
 * meanwhile, fd is just closed. The request is gone afterwards. */
void tunnel_request_accept(struct tunnel_request *request, int fd);
void tunnel_request_refuse(struct tunnel_request *request);

/* Closes everything and joins all threads, which takes no longer than a moment of computing. No callback is
 * called. NULL-safe; returns NULL. */
struct tunnel_server *tunnel_server_destroy(struct tunnel_server *server);

#endif
