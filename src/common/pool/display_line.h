/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words between a session host and a streamer about RFB clients, version 1 (docs/protocol/internal.md,
 * session/rfb.sock): SOCK_SEQPACKET on a Unix socket, the host listens; one line without newline a message,
 * at most 512 bytes. Shared by both ends. */
#ifndef ISTHMUS_POOL_DISPLAY_LINE_H
#define ISTHMUS_POOL_DISPLAY_LINE_H

#include "base/util.h"

#define DISPLAY_LINE_VERSION 1
#define DISPLAY_LINE_MAX 513            /* 512 bytes and NUL */
#define DISPLAY_LINE_INSTANCE_LEN 17    /* 1 to 16 of [A-Za-z0-9], and NUL */
#define DISPLAY_LINE_PARTICIPANT_LEN 33 /* 1 to 32 of [A-Za-z0-9_-], and NUL */
#define DISPLAY_LINE_PASSWORD_LEN                                                                            \
    9 /* 1 to 8 bytes that are not NUL, and NUL: what VNC authentication                                     \
         looks at */

enum display_line_verb {
    /* host */
    DISPLAY_LINE_HELLO,       /* HELLO 1, the first message of a connection */
    DISPLAY_LINE_PARTICIPANT, /* PARTICIPANT ID active|passive HEX-OF-PASSWORD [NAME|-]: new, or changed; the
                                 name is the one display that it may see, without it all */
    DISPLAY_LINE_REMOVE,      /* REMOVE ID */
    DISPLAY_LINE_INSTANCE,    /* INSTANCE NAME DISPLAY-NUMBER: a further display is up */
    DISPLAY_LINE_LISTED, /* LISTED: participants and instances have all been named since HELLO; the streamer
                            forgets those of an earlier connection that were not, and says JOINED for each
                            client that it has */
    DISPLAY_LINE_GONE,   /* GONE NAME */
    DISPLAY_LINE_CLIENT, /* CLIENT NAME|-, with the descriptor of an RFB client */
    /* streamer */
    DISPLAY_LINE_JOINED, /* JOINED NAME|- ID: an RFB client has proved the participant's password */
    DISPLAY_LINE_LEFT,   /* LEFT NAME|- ID: it has gone */
};

/* Fields that the verb does not have are zero. */
struct display_line {
    enum display_line_verb verb;
    unsigned version;
    char instance[DISPLAY_LINE_INSTANCE_LEN]; /* "": the session's own display, "-" in the line */
    int display;
    char participant[DISPLAY_LINE_PARTICIPANT_LEN];
    bool view_only;
    bool one_display; /* of a participant: instance is the only one that it belongs to */
    char password[DISPLAY_LINE_PASSWORD_LEN]; /* a secret: display_line_wipe */
};

/* Whether a name, not empty, may stand in a line. */
bool display_line_instance_valid(const char *instance);
bool display_line_participant_valid(const char *participant);

/* 0, -EINVAL. */
int display_line_parse(const char *text, size_t len, struct display_line *ret_line);
/* The length of the text, without its NUL; -EINVAL for fields that cannot be said. */
int display_line_build(const struct display_line *line, char ret_text[DISPLAY_LINE_MAX]);
/* Writes one message; client_fd goes along with CLIENT, is -1 with every other verb, and stays the caller's.
 * Never blocks: -EAGAIN. -EINVAL. */
int display_line_send(int fd, const struct display_line *line, int client_fd);
/* Reads one message: 0, -EAGAIN, -EPIPE at the end, -EINVAL for nonsense, which a newer version may send: to
 * be ignored. *ret_client_fd is the descriptor of a CLIENT, else -1; none stays open after an error. */
int display_line_receive(int fd, struct display_line *ret_line, int *ret_client_fd);
/* Overwrites the password. */
void display_line_wipe(struct display_line *line);

#endif
