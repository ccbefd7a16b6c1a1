/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input of connections to one source: each connection's buttons, keys and fractions of wheel notches are its
 * own, and are let go when it closes. */
#ifndef ISTHMUS_DISPLAY_INPUT_H
#define ISTHMUS_DISPLAY_INPUT_H

#include "display/control_msg.h"
#include "display/keyboard.h"
#include "display/source.h"

/* All connections of a session: a button is down while anybody holds it. */
struct input_group {
    struct source *source;
    struct input *first;
    int x, y;
};

struct input {
    struct input_group *group;
    struct input *next;
    struct keyboard keyboard;
    unsigned buttons;
    int wheel_x, wheel_y;
};

void input_group_init(struct input_group *group, struct source *source);
void input_open(struct input *input, struct input_group *group);
/* Lets go of everything. Harmless on a zeroed one and when it is closed already. */
void input_close(struct input *input);
/* pointer, wheel, key, text and releaseKeys; -ENOTSUP for the other types. */
int input_message(struct input *input, const struct control_message *message);

#endif
