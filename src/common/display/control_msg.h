/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON messages of docs/protocol/control.md: parses what a client sends, builds what it gets. Pure
 * functions. */
#ifndef ISTHMUS_DISPLAY_CONTROL_MSG_H
#define ISTHMUS_DISPLAY_CONTROL_MSG_H

#include "json/json.h"

#define CONTROL_MAX_MESSAGE 65536
#define CONTROL_MAX_KEY 32
#define CONTROL_MAX_TEXT 4096

enum control_type {
    CONTROL_POINTER,
    CONTROL_WHEEL,
    CONTROL_KEY,
    CONTROL_TEXT,
    CONTROL_RELEASE_KEYS,
    CONTROL_RESIZE,
    CONTROL_PING,
};

/* Only the members that the type has are set. Strings live until control_message_finish. */
struct control_message {
    enum control_type type;
    int x, y;          /* POINTER, WHEEL; not clamped yet */
    unsigned buttons;  /* POINTER */
    int dx, dy;        /* WHEEL, 1/120 notch */
    const char *code;  /* KEY */
    const char *key;   /* KEY */
    bool down;         /* KEY */
    const char *text;  /* TEXT, valid UTF-8 */
    int width, height; /* RESIZE */
    double t;          /* PING */
    json_t *owner;
};

/* 0; -EINVAL with a sentence in ret_error (JSON_ERROR_LEN bytes). */
int control_parse(const char *data, size_t len, struct control_message *ret_message, char *ret_error);
void control_message_finish(struct control_message *message);

/* The answers, as text the caller frees; NULL when memory is gone. role: owner, active or passive. */
char *control_hello(const char *session_id, int width, int height, int max_width, int max_height,
                    const char *role, bool view_only);
char *control_resized(int width, int height);
char *control_pong(double t);
char *control_error(const char *code, const char *message);
char *control_ended(const char *reason);
char *control_print(const char *title, int64_t time, uint64_t bytes); /* a document was printed */

#endif
