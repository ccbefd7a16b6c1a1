/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session state machine: one table (state, event) -> (action, next) over the OVD integers
 * (spec/ovd.md 5.1, design 4.10), the WebStream words are a view on it. Pure functions: no clock, no input or
 * output. */
#ifndef ISTHMUS_SESSION_SESSION_STATE_H
#define ISTHMUS_SESSION_SESSION_STATE_H

#include "base/util.h"

enum session_status {
    SESSION_TO_CREATE = -1,
    SESSION_CREATED = 0,
    SESSION_TO_START = 1,
    SESSION_READY = 2,
    SESSION_TO_DESTROY = 3,
    SESSION_DESTROYED = 4,
    SESSION_SUSPENDING = 9,
    SESSION_SUSPENDED = 10,
    SESSION_TO_RESTORE = 11,
    SESSION_STARTING = 22,
};

bool session_status_is_known(int status); /* one of enum session_status */
/* "pending", "connecting", "active", "suspending", "suspended", "resuming", "ending", "ended"; "unknown" for
 * any other number. */
const char *session_status_word(int status);
bool session_status_is_alive(int status); /* -1 0 1 22 2 9 10 11: holds a slot or will */

enum session_event {
    SESSION_EV_ALLOCATED,     /* the host gave it a slot */
    SESSION_EV_START,         /* a client asked for the display */
    SESSION_EV_LAUNCHED,      /* the keeper runs */
    SESSION_EV_DISPLAY_READY, /* the streamer serves */
    SESSION_EV_START_FAILED,
    SESSION_EV_OWNER_SEEN, /* presence of any kind has begun */
    SESSION_EV_OWNER_GONE, /* no presence of any kind for the configured time */
    SESSION_EV_SUSPEND,    /* asked for */
    SESSION_EV_SUSPENDED,
    SESSION_EV_RESUME,
    SESSION_EV_RESUMED,
    SESSION_EV_TIME_LIMIT,
    SESSION_EV_EXIT,    /* the owner ended it, or its last window or shell is gone */
    SESSION_EV_KILL,    /* an administrator or the control plane */
    SESSION_EV_LOST,    /* its keeper or host is gone */
    SESSION_EV_CLEANED, /* everything of it is removed */
    SESSION_EV_COUNT
};

enum session_action {
    SESSION_ACT_NONE,
    SESSION_ACT_LAUNCH, /* start keeper, display, applications */
    SESSION_ACT_PARK,   /* detach clients, keep the display */
    SESSION_ACT_UNPARK,
    SESSION_ACT_DESTROY, /* stop everything, clean the account */
    SESSION_ACT_FORGET,  /* the row may go */
};

struct session_step {
    enum session_action action;
    int next;
};

/* persistent: the session may be suspended (allowReconnect). ever_seen: an owner was present once. 0; -EPERM
 * for an illegal pair (logged by the caller, nothing changes). */
int session_step(int status, enum session_event event, bool persistent, bool ever_seen,
                 struct session_step *ret_step);
const char *session_event_word(enum session_event event);

#endif
