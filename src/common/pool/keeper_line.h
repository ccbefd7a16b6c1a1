/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words between a session host and a keeper, version 1 (docs/protocol/internal.md): SOCK_SEQPACKET on a
 * Unix socket, one line without newline a message. Shared by both ends. */
#ifndef ISTHMUS_POOL_KEEPER_LINE_H
#define ISTHMUS_POOL_KEEPER_LINE_H

#include "base/secret.h"
#include "base/util.h"

#define KEEPER_VERSION 1
#define KEEPER_LINE_MAX 256
#define KEEPER_REASON_LEN 33

enum keeper_verb {
    KEEPER_HELLO, /* KEEPER 1 SESSION ACCOUNT DISPLAY STREAMER-PID, the first message; carries the account's
                     lock */
    KEEPER_READY, /* READY DISPLAY: display and applications are up */
    KEEPER_STREAMER, /* STREAMER PID: a streamer was started */
    KEEPER_ENDED,    /* ENDED REASON: the session is over; end of file follows when nothing of it is left */
    KEEPER_STATUS,   /* STATUS: answered by a KEEPER line */
    KEEPER_STOP,     /* STOP REASON: end the session; after ENDED: the host has told the viewers */
};

struct keeper_line {
    enum keeper_verb verb;
    unsigned version;
    char session_id[SECRET_ID_LEN];
    char account[32];
    int display;    /* -1: not yet */
    pid_t streamer; /* 0: none */
    char reason[KEEPER_REASON_LEN];
};

/* 0, -EINVAL. */
int keeper_line_parse(const char *text, size_t len, struct keeper_line *ret_line);
/* Writes one message; lock_fd goes along when not negative. Never blocks: -EAGAIN. */
int keeper_line_send(int fd, const struct keeper_line *line, int lock_fd);
/* Reads one message: 0, -EAGAIN, -EPIPE at the end, -EINVAL for nonsense. *ret_fd is a descriptor that came
 * along, or -1. */
int keeper_line_receive(int fd, struct keeper_line *ret_line, int *ret_fd);
/* A word of [a-z_] that fits. */
bool keeper_reason_valid(const char *reason);

#endif
