/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client asks for after the key exchange, and whether such a thing exists here at all: the part of the
 * decision that needs no table. Pure functions. */
#ifndef ISTHMUS_OVD_TUNNEL_ASK_PRIV_H
#define ISTHMUS_OVD_TUNNEL_ASK_PRIV_H

#include "ovd/tunnel/tunnel.h"

#define ASK_TEXT_LEN 97

enum ask_kind {
    ASK_NOTHING,      /* harmless: the library's standard answer will do */
    ASK_DIRECT_TCPIP, /* a channel to host:port */
    ASK_OTHER_CHANNEL,
    ASK_CHANNEL_REQUEST, /* shell, exec, subsystem, pty, env, agent, x11 on a channel */
    ASK_GLOBAL,          /* tcpip-forward and cancel-tcpip-forward */
    ASK_AUTH,            /* a method other than password */
};

struct ask {
    enum ask_kind kind;
    const char *name; /* of the channel or request; NULL: unknown */
    const char *host; /* of ASK_DIRECT_TCPIP; may be NULL */
    int port;         /* of ASK_DIRECT_TCPIP */
};

/* True when the loop is to be asked for the channel; else it is refused, for ret_reason when ret_report is
 * true, silently otherwise. */
bool ask__decide(const struct ask *ask, enum tunnel_reason *ret_reason, bool *ret_report);
/* "channel to HOST:PORT" and the like, for the log: printable ASCII, cut. */
void ask__describe(const struct ask *ask, char ret_text[ASK_TEXT_LEN]);
/* Copies text with everything but printable ASCII as '?', cut. */
void ask__printable(const char *text, char ret_text[ASK_TEXT_LEN]);
/* The library's words on a failed key exchange, without the list of what this server offers: what matters is
 * the client's. */
void ask__handshake(const char *error, char ret_text[ASK_TEXT_LEN]);

#endif
