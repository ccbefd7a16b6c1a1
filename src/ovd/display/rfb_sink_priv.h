/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop's side of RFB: the sink and its clients. Bytes are read and written in the descriptors' callbacks
 * only; everything else puts them into buffers, so that no callback of the screen or the application can end
 * a client under somebody's feet. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_SINK_PRIV_H
#define ISTHMUS_OVD_DISPLAY_RFB_SINK_PRIV_H

#include "base/buf.h"
#include "display/sink.h"
#include "ovd/display/rfb_engine_priv.h"
#include "ovd/display/rfb_sink.h"

#define RFB_CHALLENGE_LEN 16
/* A wish for another size that the display has not granted by then was refused. */
#define RFB_RESIZE_MS 1000

struct rfb_participant {
    struct rfb_participant *prev, *next;
    char id[RFB_PARTICIPANT_LEN + 1];
    char password[RFB_PASSWORD_LEN + 1];
    bool view_only;
};

struct rfb_sink {
    struct rfb_sink_options options;
    char *name;
    struct rfb_participant *participants; /* list */
    struct rfb_client *clients;           /* list */
    unsigned participant_count, client_count, joined_count, last_id;
    bool destroying;
    struct input_group own_input;
    struct input_group *input;
    /* While somebody has joined: */
    struct rfb_engine *engine;
    struct sink *tap;  /* on the screen */
    int width, height; /* of the picture that the engine has, or is about to have */
};

enum rfb_state {
    RFB_WAIT_VERSION,
    RFB_WAIT_SECURITY,
    RFB_WAIT_RESPONSE,
    RFB_FAILED, /* the answer is put off */
    RFB_WAIT_INIT,
    RFB_RUNNING,
    RFB_LINGER, /* closed when everything is written */
};

/* A queue of bytes that is emptied from its front in pieces. */
struct rfb_queue {
    struct buf buf;
    size_t at;
};

struct rfb_client {
    struct rfb_sink *sink;
    struct rfb_client *prev, *next;
    unsigned id;
    enum rfb_state state;
    unsigned minor;
    uint8_t challenge[RFB_CHALLENGE_LEN];
    const struct rfb_participant *wanted;      /* whose password it has to prove; NULL: anybody's */
    const struct rfb_participant *who;         /* NULL: not proved, or doomed */
    char participant[RFB_PARTICIPANT_LEN + 1]; /* its id, for the last callback */

    int fd, inner; /* the client's, and our end of the engine's socket pair (-1) */
    struct loop_poll *poll, *inner_poll;
    struct buf in;            /* from the client, not understood yet */
    struct rfb_queue out;     /* to the client */
    struct rfb_queue forward; /* to the engine */
    size_t skip;              /* of the engine's bytes: its greeting */
    struct rfb_shared *shared;

    struct loop_timer *deadline; /* login, failure or stall */
    struct loop_timer *resize_timer;
    uint8_t resize[8 + 16 * 16]; /* a SetDesktopSize that waits for the display */
    size_t resize_len;
    uint64_t second;
    unsigned messages, changes, texts, resizes; /* in that second */

    struct input input;
    unsigned buttons; /* as RFB has them */
    bool extended_clipboard;
    bool busy, doomed; /* in its own callback; to be freed at its end */
    const char *why;
};

/* rfb_client.c: descriptors, queues, deadlines, life. */

/* Takes fd over, also on failure. */
int rfb_client_create(struct rfb_sink *sink, int fd, const struct rfb_participant *wanted,
                      struct rfb_client **ret_client);
/* Ends it, at once or when its callback returns; why: see rfb_sink_events.left. */
void rfb_client_close(struct rfb_client *client, const char *why);
/* Starts its picture: a socket pair to the engine. */
int rfb_client_attach(struct rfb_client *client);
/* -EMSGSIZE when the queue is full. */
int rfb_client_say(struct rfb_client *client, const void *data, size_t len);
int rfb_client_forward(struct rfb_client *client, const void *data, size_t len);

/* rfb_login.c: everything before ClientInit. */
void rfb_login_greet(struct rfb_client *client);
/* What has to be done with data: bytes used, 0 when there are too few, or a negative error with its sentence
 * in client->why. */
ssize_t rfb_login_take(struct rfb_client *client, const uint8_t *data, size_t len);
/* Says what had been put off. */
void rfb_login_refuse(struct rfb_client *client);
bool rfb_password_proved(const uint8_t challenge[RFB_CHALLENGE_LEN],
                         const uint8_t response[RFB_CHALLENGE_LEN], const char *password);

/* rfb_dispatch.c: messages after it. */
ssize_t rfb_dispatch_take(struct rfb_client *client, const uint8_t *data, size_t len);
/* The display has taken another size, or time is up: what waited for that is answered. */
void rfb_dispatch_resized(struct rfb_client *client);

/* rfb_sink.c */
int rfb_sink_join(struct rfb_client *client, const struct rfb_participant *who);
void rfb_sink_left(struct rfb_client *client);

#endif
