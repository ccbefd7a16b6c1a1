/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words between a session host and a keeper, and between a keeper and its leader, version 2
 * (docs/protocol/internal.md): SOCK_SEQPACKET on a Unix socket, one line without newline a message. Shared by
 * all ends. What is too long for a line travels in a descriptor beside it (text_fd.h). */
#ifndef ISTHMUS_POOL_KEEPER_LINE_H
#define ISTHMUS_POOL_KEEPER_LINE_H

#include "base/secret.h"
#include "base/util.h"

#define KEEPER_VERSION 2
#define KEEPER_LINE_MAX 256
#define KEEPER_REASON_LEN 33
#define KEEPER_INSTANCE_LEN 17 /* 1 to 16 of [A-Za-z0-9], and NUL */
#define KEEPER_INSTANCES_MAX 32

enum keeper_verb {
    /* keeper to host */
    KEEPER_HELLO, /* KEEPER 2 SESSION ACCOUNT DISPLAY STREAMER-PID INSTANCES, the first message; carries the
                     account's lock. So many INSTANCE lines follow */
    KEEPER_STREAMER, /* STREAMER PID: a streamer was started */
    /* leader to keeper to host */
    KEEPER_READY,    /* READY DISPLAY: display and applications are up */
    KEEPER_ENDED,    /* ENDED REASON: the session is over; end of file follows when nothing of it is left */
    KEEPER_INSTANCE, /* INSTANCE NAME DISPLAY: it runs, or -1: it is being started */
    KEEPER_GONE,     /* GONE NAME REASON: it does not */
    /* host to keeper */
    KEEPER_STATUS, /* STATUS: answered by a KEEPER line and its INSTANCE lines */
    KEEPER_STOP,   /* STOP REASON: end the session; after ENDED: the host has told the viewers */
    /* host to keeper to leader */
    KEEPER_RUN,     /* RUN NAME: carries an instance_order.h; INSTANCE or GONE follows */
    KEEPER_CLOSE,   /* CLOSE NAME: GONE follows */
    KEEPER_MESSAGE, /* MESSAGE: carries a text to show on every display */
};

struct keeper_line {
    enum keeper_verb verb;
    unsigned version;
    char session_id[SECRET_ID_LEN];
    char account[32];
    int display;    /* -1: not yet */
    pid_t streamer; /* 0: none */
    unsigned instances;
    char instance[KEEPER_INSTANCE_LEN];
    char reason[KEEPER_REASON_LEN];
};

/* 0, -EINVAL. */
int keeper_line_parse(const char *text, size_t len, struct keeper_line *ret_line);
/* Writes one message; passed_fd goes along when not negative. Never blocks: -EAGAIN. */
int keeper_line_send(int fd, const struct keeper_line *line, int passed_fd);
/* Reads one message: 0, -EAGAIN, -EPIPE at the end, -EINVAL for nonsense. *ret_fd is a descriptor that came
 * along, or -1. */
int keeper_line_receive(int fd, struct keeper_line *ret_line, int *ret_fd);
/* A name that an instance can have. */
bool keeper_instance_valid(const char *instance);
/* A word of [a-z_] that fits. */
bool keeper_reason_valid(const char *reason);

#endif
