/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session's picture for RFB (VNC) clients, beside the browsers' viewers. Clients arrive as connected
 * descriptors; nothing listens. Protocol 3.3, 3.7 and 3.8, security type VncAuth alone; encodings Tight (with
 * JPEG), ZRLE, Hextile, Zlib, CoRRE, RRE and Raw in 8, 16 and 32 bits a pixel, XCursor, RichCursor,
 * PointerPos, LastRect, NewFBSize, ExtendedDesktopSize and the extended clipboard, each when the client asked
 * for it.
 *
 * Threads. Everything here is called on the loop's thread and all callbacks run there. The loop reads the
 * client's bytes, does the authentication, checks every message, and takes keys, pointer, sizes and clipboard
 * texts itself. What concerns the picture is handed on to libvncserver, which runs on one thread of the
 * sink's own, over a socket pair for each client and
 * with a copy of the frame of its own. That thread never waits for a client: the loop takes what it writes
 * into a buffer, and it makes the next update of a client only when that buffer is nearly empty. A slow
 * client therefore costs one update of memory, gets the newest picture later, and slows nobody; a client that
 * takes nothing for RFB_STALL_MS is dropped. Without clients there is no thread; with idle ones it sleeps. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_SINK_H
#define ISTHMUS_OVD_DISPLAY_RFB_SINK_H

#include "display/input.h"
#include "display/screen.h"

#define RFB_CLIENTS_MAX 16
#define RFB_CLIENTS_PER_PARTICIPANT 6
#define RFB_PARTICIPANTS_MAX 64
#define RFB_PARTICIPANT_LEN 64 /* of an id, at most */
#define RFB_OWNER "owner"      /* the participant who may change the size; guests may not */
#define RFB_PASSWORD_LEN 8     /* at most: VncAuth knows no more */
#define RFB_LOGIN_MS 10000     /* until the client has proved its password and said ClientInit */
#define RFB_FAILURE_MS 1000    /* a wrong password is answered this late */
#define RFB_STALL_MS 60000
#define RFB_CLIPBOARD_MAX (1u << 20)
#define RFB_MESSAGES_PER_S 10000 /* of one client, and */
#define RFB_CHANGES_PER_S                                                                                    \
    200 /* of these SetEncodings, SetPixelFormat and SetDesktopSize: past that it is dropped */

struct rfb_sink;

/* Strings live during the call. Callbacks may call everything here but rfb_sink_destroy. Each may be NULL. */
struct rfb_sink_events {
    /* A client has proved the password of participant. */
    void (*joined)(void *arg, unsigned client, const char *participant);
    /* It has gone. why is a sentence for the log when it was closed from here, else NULL. participant is NULL
     * when it never proved one. Not called for clients that rfb_sink_destroy closes. */
    void (*left)(void *arg, unsigned client, const char *participant, const char *why);
    /* An active participant has a new clipboard text: UTF-8 without NUL, line ends as LF, len <=
     * RFB_CLIPBOARD_MAX. */
    void (*clipboard)(void *arg, const char *participant, const char *text, size_t len);
};

struct rfb_sink_options {
    struct loop *loop;
    struct screen *screen;                /* lent */
    struct input_group *input;            /* the session's, lent; NULL: one of its own */
    const char *name;                     /* of the desktop, told to clients; copied */
    int max_width, max_height;            /* that a client may ask for; 0: FRAME_MAX_... */
    const struct rfb_sink_events *events; /* lent */
    void *arg;
};

int rfb_sink_create(const struct rfb_sink_options *options, struct rfb_sink **ret_sink);
/* Closes every client. Before the screen. The last sink of the process waits for the threads of all.
 * NULL-safe; returns NULL. */
struct rfb_sink *rfb_sink_destroy(struct rfb_sink *sink);

/* Adds a participant or changes one. password has 1 to 8 bytes; a new one does not end clients that have
 * proved the old one. view_only holds at once, for clients that are there too: their keys go up, and pointer,
 * keys, clipboard and sizes of theirs are ignored. The session's clipboard is told to active participants
 * alone. -EINVAL, -ENOSPC. */
int rfb_sink_participant_set(struct rfb_sink *sink, const char *id, const char *password, bool view_only);
/* Its clients are closed at once. Unknown ids are fine. */
void rfb_sink_participant_remove(struct rfb_sink *sink, const char *id);

/* A client on a connected stream socket, owned by the sink from now on, also on failure. participant names
 * whose password it has to prove; NULL: anybody's, the first that fits. Past RFB_CLIENTS_MAX the one that has
 * waited longest without a password makes room; a participant's oldest client gives way to its newest past
 * RFB_CLIENTS_PER_PARTICIPANT. So no guest locks the owner out. -ENOENT for an unknown participant, -EUSERS
 * when all clients have proved one, -EMFILE. */
int rfb_sink_add_client(struct rfb_sink *sink, int fd, const char *participant, unsigned *ret_client);
unsigned rfb_sink_clients(const struct rfb_sink *sink);
/* Closes all of them; others may come. */
void rfb_sink_drop_clients(struct rfb_sink *sink, const char *why);
/* Calls fn for each client that has joined, with its participant; fn calls nothing of the sink. */
void rfb_sink_each_joined(const struct rfb_sink *sink, void (*fn)(void *arg, const char *participant),
                          void *arg);

/* The session's clipboard has a new text, valid UTF-8: every active participant's client gets it, and those
 * that come later get the next. -EMSGSIZE past RFB_CLIPBOARD_MAX, -EINVAL. */
int rfb_sink_clipboard(struct rfb_sink *sink, const char *text, size_t len);

#endif
