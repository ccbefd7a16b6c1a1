/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the session host tells its streamer (docs/protocol/internal.md): the text messages, parsed and built.
 * Pure functions. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_SESSION_INFO_H
#define ISTHMUS_WEBSTREAM_STREAMER_SESSION_INFO_H

#include "display/screen.h"

#define SESSION_INFO_PATH_MAX 1024

struct session_info {
    char session_id[65];
    unsigned ws_port, http_port;
    char bind[64];
    uint8_t key[32];
    int width, height; /* that the display was started with; it may have another size by now, which is kept */
    int max_width, max_height;
    int frame_rate;
    int compression; /* 0, 1, 2 */
    char x11[SESSION_INFO_PATH_MAX];
    char xauthority[SESSION_INFO_PATH_MAX];
    char print[SESSION_INFO_PATH_MAX]; /* the spool of printed documents; "": none */
    char rfb[SESSION_INFO_PATH_MAX];   /* the host's socket for RFB clients; "": there are none */
    struct screen_clipboard_rule clipboard;
    unsigned display;
};

enum host_message_type { HOST_SESSION_INFO, HOST_REFUSED, HOST_ENDING, HOST_DETACH };

struct host_message {
    enum host_message_type type;
    struct session_info info; /* HOST_SESSION_INFO */
    char word[65];            /* the error code or the reason of the others */
};

/* The properties that have a default. */
void session_info_init(struct session_info *info);
/* 0; -EINVAL for a message that is none of the document; -ENOMSG for a verb that is not for a streamer. */
int host_message_parse(const char *text, size_t len, struct host_message *ret_message);

#endif
