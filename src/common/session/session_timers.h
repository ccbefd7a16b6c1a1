/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When time alone changes a session: spec/ovd.md 5.1 (rules 1, 2 and 4 of state 2, the limit of state 0) and
 * section C, and design 4.10: an attached browser of the owner counts as "SSH seen" and as a poll. Pure
 * functions over monotonic milliseconds; whoever owns the session feeds in what it saw, sleeps until the time
 * that comes out, and asks again. */
#ifndef ISTHMUS_SESSION_SESSION_TIMERS_H
#define ISTHMUS_SESSION_SESSION_TIMERS_H

#include "session/session_state.h"

/* Milliseconds; 0: no such limit. */
struct session_timer_limits {
    int64_t not_started;  /* state 0: nobody asked for the display (legacy: 3 x CONNECTION_TIMEOUT) */
    int64_t first_seen;   /* state 2: nobody has been there yet */
    int64_t silence;      /* state 2: a legacy owner polls no more */
    int64_t link_loss;    /* state 2: the last SSH link has gone */
    int64_t browser_gone; /* state 2: the owner's last browser has gone */
    int64_t suspended;    /* state 10 */
    int64_t warning;      /* this long before the time limit the owner is warned, once */
};

struct session_presence {
    int status;
    bool persistent, ever_seen;
    bool legacy; /* its owner is a client that polls; else silence is nothing to notice */
    bool warned;
    int64_t status_since; /* when the status became what it is, or this process took the session over */
    unsigned links;       /* SSH links */
    unsigned browsers;    /* of the owner */
    int64_t last_poll;    /* of these three 0: never */
    int64_t link_gone;    /* when the last of them went */
    int64_t browser_gone;
    int64_t time_limit; /* when it is to end; 0: no limit */
};

struct session_due {
    int64_t at; /* INT64_MAX: nothing will happen by itself */
    bool warn;  /* the owner is to be warned; else event is to happen */
    enum session_event event;
    const char *reason; /* "timeout", "kma", "ssh", "exit" */
};

/* What comes next, and when; a time that has passed already means now. When several are due at once the order
 * is that of spec/ovd.md 5.1. */
void session_timers_next(const struct session_presence *presence, const struct session_timer_limits *limits,
                         struct session_due *ret_due);

#endif
