/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One forwarded WebSocket.
 *
 * A link is born with its request (which holds one reference until it is over), checks its ticket on a
 * worker, then becomes active: it is in the gateway's list (the second reference), connects to the streamer,
 * repeats the handshake there, upgrades the client and turns into a tunnel. From then on nobody reads its
 * bytes. */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_WS_PRIV_H
#define ISTHMUS_WEBSTREAM_GATEWAY_WS_PRIV_H

#include "base/buf.h"
#include "http/http_head.h"
#include "net/tunnel.h"
#include "webstream/gateway/gateway_priv.h"

#define WS_LINKS_MAX 4000 /* in all: two descriptors each */
#define WS_LINKS_PER_SESSION_MAX 32
#define WS_LINKS_OF_GUESTS_MAX 24 /* of these */
#define WS_LINKS_PER_GUEST_MAX 6  /* two pages, as one is being loaded again */
#define WS_BACKEND_MS 10000       /* from connecting to the streamer's 101 */
#define WS_FAREWELL_MS 3000       /* for a streamer to tell its viewers that the session ends, and to close */
#define WS_SUBPROTOCOL "isthmus.v1"

struct ws_link {
    struct gateway *gateway;
    unsigned refs;
    struct http_request *request; /* NULL once it is answered */
    char channel[16];             /* capture, control, audio */
    char ticket[33];
    char key[64]; /* the client's Sec-WebSocket-Key */
    char client[ADDR_TEXT_LEN];
    unsigned revocations; /* the gateway's count when the ticket was not redeemed yet */

    /* known once the ticket is redeemed */
    struct identity_ticket who;
    struct session_row row;
    struct session_headers headers;

    /* while active */
    bool active;
    bool upgrading; /* the client's 101 is on its way */
    bool counted;   /* as a viewer */
    struct connector *connector;
    int fd; /* the streamer's socket until the tunnel takes it */
    struct loop_poll *poll;
    struct loop_timer *deadline;
    struct buf out, in;
    struct http_head head;
    struct tunnel *tunnel;
    uint64_t ends_at; /* monotonic ms; 0: open end */
    struct ws_link *prev, *next;
};

void ws_link_unref(struct ws_link *link);

/* ws_links.c. -ENOSPC when the session has its share. */
int ws_link_activate(struct ws_link *link);
/* Ends an active link: answers the client's request when it still waits, drops the sockets, leaves the list.
 * The link may be gone afterwards. */
void ws_link_finish(struct ws_link *link, unsigned status, const char *code, const char *message);

/* ws_backend.c: connects and goes on by itself. */
void ws_backend_start(struct ws_link *link);

#endif
