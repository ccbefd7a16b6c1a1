/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sessions of this host, for every front-end alike: one state machine (session/session_state.h), its
 * timers (session/session_timers.h), the journal, and reports to the control plane. Front-ends create
 * sessions, feed in what they see of the owner, and hear of every change. Loop thread only.
 *
 * A session is known here from its slot on (state 0) until a day after its end. It survives a kill of this
 * process: status, order and note are in the journal, what runs is under the session's keeper. */
#ifndef ISTHMUS_HOST_HOST_SESSION_H
#define ISTHMUS_HOST_HOST_SESSION_H

#include "base/secret.h"
#include "config/config.h"
#include "pool/pool.h"
#include "session/session_state.h"
#include "json/json.h"

struct host_sessions;
struct host_session;

#define HOST_MIN_SIDE 200
#define HOST_NOTE_MAX ((size_t)256 * 1024) /* bytes of a note as text */

/* What is to be started and how it may live. Copied. */
struct host_session_order {
    const char *session_id; /* 32 hex digits */
    const char *username;
    const char *app_exe; /* "remotedesktop": the desktop */
    const char *app_args;
    const char *app_mode; /* "desktop" or "app" */
    int max_width, max_height;
    const char *clipboard; /* see host_policy.h; NULL: "both" */
    bool persistent;       /* may be suspended */
    bool legacy;           /* started by an OVD client: ovd.connectionTimeoutMs and ovd.linkLossMs hold */
    bool may_be_silent;    /* legacy without keepmealive (portal, external): only links count, not polls */
    int64_t time_limit;    /* Unix seconds; 0: none */
    const char *time_limit_message; /* what the owner reads before that; NULL: nothing */
};

/* Takes a slot for it: state 0. -ENOSPC, -EINVAL (command line), -EEXIST, -EBUSY while the host is being
 * stopped. */
int host_session_create(struct host_sessions *host, const struct host_session_order *order,
                        struct host_session **ret_session);
/* State 0 only: launches it with a screen of this size (cut to the order's limits): state 1, and on. -EPERM
 * in any other state. */
int host_session_start(struct host_session *session, int width, int height);
struct host_session *host_session_find(struct host_sessions *host, const char *session_id);
void host_sessions_each(struct host_sessions *host, void (*fn)(void *arg, struct host_session *session),
                        void *arg);

/* Feeds the state machine. reason is kept when the session ends by it; NULL otherwise. 0, or -EPERM for what
 * makes no sense in its state: logged, nothing changes. */
int host_session_event(struct host_session *session, enum session_event event, const char *reason);

/* The owner's presence. Browsers are counted by the pool. */
void host_session_polled(struct host_session *session);                /* a whatsup of the owner */
void host_session_links(struct host_session *session, unsigned links); /* SSH links there are now */

const char *host_session_id(const struct host_session *session);
int host_session_status(const struct host_session *session);
const char *host_session_reason(const struct host_session *session); /* "" while it lives */
bool host_session_persistent(const struct host_session *session);
bool host_session_ever_seen(const struct host_session *session);
unsigned host_session_browsers(const struct host_session *session); /* of the owner, attached now */
unsigned host_session_slot(const struct host_session *session);     /* 1 … */
/* Its size as it was started; 0 before. */
void host_session_size(const struct host_session *session, int *ret_width, int *ret_height);
/* The most that its displays may have. */
void host_session_max_size(const struct host_session *session, int *ret_width, int *ret_height);
/* How it may live, when another request changes that (a resume): what the order says of persistent, legacy,
 * may_be_silent, time_limit and its message. */
void host_session_set_terms(struct host_session *session, const struct host_session_order *terms);

/* A JSON object that a front-end keeps with the session; the journal has it with the session's state. NULL:
 * none. Borrowed. */
const json_t *host_session_note(const struct host_session *session);
/* Takes over the reference. NULL: none from now on. -EMSGSIZE past HOST_NOTE_MAX: the old one stays. */
int host_session_set_note(struct host_session *session, json_t *note);

/* Calls fn once, now or later: with 0 when everything that was said of sessions so far is on disk, with an
 * error when the disk does not take it (the sessions go on, and it is tried again), -EBUSY when the host
 * stops. What a client is promised before that can be lost with a kill. */
void host_sessions_written(struct host_sessions *host, void (*fn)(void *arg, int result), void *arg);

/* Calls fn once, now or later: when the session can be used (state 2, the streamer serves) with 0; with -EIO
 * when it could not be started, -ECANCELED when it ended, -ETIMEDOUT after isthmus.startTimeoutMs (which also
 * ends a session that never came up), -EBUSY when the host stops. */
void host_session_wait(struct host_session *session,
                       void (*fn)(void *arg, struct host_session *session, int result), void *arg);

/* All may be NULL. Strings live during the call. */
struct host_session_events {
    void (*changed)(void *arg, struct host_session *session, int before); /* its status */
    /* A new streamer serves, the first or a replacement: it knows of no participants. */
    void (*display)(void *arg, struct host_session *session);
    void (*forgotten)(void *arg, struct host_session *session); /* the pointer is invalid afterwards */
    /* Of instances (pool/pool.h). */
    void (*instance_ready)(void *arg, struct host_session *session, const char *instance);
    void (*instance_ended)(void *arg, struct host_session *session, const char *instance, const char *reason);
    /* RFB clients of the session. */
    void (*joined)(void *arg, struct host_session *session, const char *instance, const char *participant);
    void (*left)(void *arg, struct host_session *session, const char *instance, const char *participant);
};
/* -ENOSPC past four listeners. Lent until the sessions are destroyed. */
int host_sessions_listen(struct host_sessions *host, const struct host_session_events *events, void *arg);

#endif
