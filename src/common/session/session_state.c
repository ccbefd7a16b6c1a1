/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/session_state.h"

/* What may happen in which state. Rows that are missing are illegal. Two columns of outcome: the usual one,
 * and the one for a session that may be suspended (persistent and an owner was there once); legacy rules 2 to
 * 4 decide between exactly these two. */
struct rule {
    int status;
    enum session_event event;
    struct session_step usual;
    struct session_step keepable;
};

#define SAME(action, next)                                                                                   \
    {SESSION_ACT_##action, SESSION_##next},                                                                  \
    {                                                                                                        \
        SESSION_ACT_##action, SESSION_##next                                                                 \
    }
#define STAY(status, event)                                                                                  \
    {                                                                                                        \
        SESSION_##status, SESSION_EV_##event, SAME(NONE, status)                                             \
    }
#define MOVE(status, event, action, next)                                                                    \
    {                                                                                                        \
        SESSION_##status, SESSION_EV_##event, SAME(action, next)                                             \
    }
/* Suspended when it may be, else destroyed. */
#define PART(status, event)                                                                                  \
    {                                                                                                        \
        SESSION_##status, SESSION_EV_##event, {SESSION_ACT_DESTROY, SESSION_TO_DESTROY},                     \
        {                                                                                                    \
            SESSION_ACT_PARK, SESSION_SUSPENDING                                                             \
        }                                                                                                    \
    }

/* Every way to the end that all living states of a host share. */
#define ENDINGS(status)                                                                                      \
    MOVE(status, EXIT, DESTROY, TO_DESTROY), MOVE(status, KILL, DESTROY, TO_DESTROY),                        \
        MOVE(status, LOST, DESTROY, TO_DESTROY), MOVE(status, TIME_LIMIT, DESTROY, TO_DESTROY),              \
        STAY(status, OWNER_SEEN)

static const struct rule rules[] = {
    /* Only the control plane has it: nothing is to be cleaned anywhere. */
    MOVE(TO_CREATE, ALLOCATED, NONE, CREATED),
    MOVE(TO_CREATE, START_FAILED, FORGET, DESTROYED),
    MOVE(TO_CREATE, OWNER_GONE, FORGET, DESTROYED),
    MOVE(TO_CREATE, EXIT, FORGET, DESTROYED),
    MOVE(TO_CREATE, KILL, FORGET, DESTROYED),
    MOVE(TO_CREATE, LOST, FORGET, DESTROYED),
    STAY(TO_CREATE, OWNER_SEEN),

    /* Who asks to suspend what was never there leaves. */
    ENDINGS(CREATED),
    MOVE(CREATED, START, LAUNCH, TO_START),
    MOVE(CREATED, SUSPEND, DESTROY, TO_DESTROY),
    MOVE(CREATED, START_FAILED, DESTROY, TO_DESTROY),
    /* Never started in time: legacy servers report 4 at once, without 3. CLEANED follows in state 4. */
    MOVE(CREATED, OWNER_GONE, DESTROY, DESTROYED),

    ENDINGS(TO_START),
    STAY(TO_START, START),
    MOVE(TO_START, SUSPEND, DESTROY, TO_DESTROY),
    MOVE(TO_START, LAUNCHED, NONE, STARTING),
    MOVE(TO_START, START_FAILED, DESTROY, TO_DESTROY),
    STAY(TO_START, OWNER_GONE),

    ENDINGS(STARTING),
    STAY(STARTING, START),
    MOVE(STARTING, SUSPEND, DESTROY, TO_DESTROY),
    MOVE(STARTING, DISPLAY_READY, NONE, READY),
    MOVE(STARTING, START_FAILED, DESTROY, TO_DESTROY),
    STAY(STARTING, OWNER_GONE),

    ENDINGS(READY),
    STAY(READY, START),
    STAY(READY, RESUME),
    STAY(READY, DISPLAY_READY), /* the streamer was restarted */
    PART(READY, OWNER_GONE),
    PART(READY, SUSPEND),

    ENDINGS(SUSPENDING),
    STAY(SUSPENDING, SUSPEND),
    STAY(SUSPENDING, DISPLAY_READY),
    STAY(SUSPENDING, OWNER_GONE),
    MOVE(SUSPENDING, SUSPENDED, NONE, SUSPENDED),

    ENDINGS(SUSPENDED),
    MOVE(SUSPENDED, START, UNPARK, TO_RESTORE),
    MOVE(SUSPENDED, RESUME, UNPARK, TO_RESTORE),
    STAY(SUSPENDED, SUSPEND),
    STAY(SUSPENDED, DISPLAY_READY),
    STAY(SUSPENDED, OWNER_GONE),

    ENDINGS(TO_RESTORE),
    STAY(TO_RESTORE, START),
    STAY(TO_RESTORE, RESUME),
    STAY(TO_RESTORE, DISPLAY_READY),
    STAY(TO_RESTORE, OWNER_GONE),
    MOVE(TO_RESTORE, RESUMED, NONE, READY),
    MOVE(TO_RESTORE, START_FAILED, DESTROY, TO_DESTROY),

    /* While everything is being stopped, the parts say so one after the other. */
    STAY(TO_DESTROY, START_FAILED),
    STAY(TO_DESTROY, OWNER_GONE),
    STAY(TO_DESTROY, EXIT),
    STAY(TO_DESTROY, KILL),
    STAY(TO_DESTROY, LOST),
    STAY(TO_DESTROY, TIME_LIMIT),
    MOVE(TO_DESTROY, CLEANED, FORGET, DESTROYED),

    MOVE(DESTROYED, CLEANED, FORGET, DESTROYED),
};

static const int known[] = {SESSION_TO_CREATE,  SESSION_CREATED,   SESSION_TO_START,   SESSION_READY,
                            SESSION_TO_DESTROY, SESSION_DESTROYED, SESSION_SUSPENDING, SESSION_SUSPENDED,
                            SESSION_TO_RESTORE, SESSION_STARTING};

bool session_status_is_known(int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i] == status)
            return true;
    return false;
}

const char *session_status_word(int status)
{
    switch (status) {
    case SESSION_TO_CREATE:
    case SESSION_CREATED:
    case SESSION_TO_START:
        return "pending";
    case SESSION_STARTING:
        return "connecting";
    case SESSION_READY:
        return "active";
    case SESSION_SUSPENDING:
        return "suspending";
    case SESSION_SUSPENDED:
        return "suspended";
    case SESSION_TO_RESTORE:
        return "resuming";
    case SESSION_TO_DESTROY:
        return "ending";
    case SESSION_DESTROYED:
        return "ended";
    default:
        return "unknown";
    }
}

bool session_status_is_alive(int status)
{
    return session_status_is_known(status) && status != SESSION_TO_DESTROY && status != SESSION_DESTROYED;
}

int session_step(int status, enum session_event event, bool persistent, bool ever_seen,
                 struct session_step *ret_step)
{
    /* A number that nobody defined can only be got rid of (legacy reason internal1). */
    if (!session_status_is_known(status)) {
        if (event != SESSION_EV_KILL && event != SESSION_EV_LOST)
            return -EPERM;
        *ret_step = (struct session_step){SESSION_ACT_DESTROY, SESSION_TO_DESTROY};
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const struct rule *rule = &rules[i];
        if (rule->status != status || rule->event != event)
            continue;
        /* Legacy rule 1: a time limit counts only once somebody was there; until then the silence rules end
         * the session. */
        if (event == SESSION_EV_TIME_LIMIT && !ever_seen)
            *ret_step = (struct session_step){SESSION_ACT_NONE, status};
        else
            *ret_step = persistent && ever_seen ? rule->keepable : rule->usual;
        return 0;
    }
    return -EPERM;
}

const char *session_event_word(enum session_event event)
{
    static const char *const words[SESSION_EV_COUNT] = {
        [SESSION_EV_ALLOCATED] = "allocated",
        [SESSION_EV_START] = "start",
        [SESSION_EV_LAUNCHED] = "launched",
        [SESSION_EV_DISPLAY_READY] = "display ready",
        [SESSION_EV_START_FAILED] = "start failed",
        [SESSION_EV_OWNER_SEEN] = "owner seen",
        [SESSION_EV_OWNER_GONE] = "owner gone",
        [SESSION_EV_SUSPEND] = "suspend",
        [SESSION_EV_SUSPENDED] = "suspended",
        [SESSION_EV_RESUME] = "resume",
        [SESSION_EV_RESUMED] = "resumed",
        [SESSION_EV_TIME_LIMIT] = "time limit",
        [SESSION_EV_EXIT] = "exit",
        [SESSION_EV_KILL] = "kill",
        [SESSION_EV_LOST] = "lost",
        [SESSION_EV_CLEANED] = "cleaned",
    };
    return event < SESSION_EV_COUNT ? words[event] : "unknown";
}
