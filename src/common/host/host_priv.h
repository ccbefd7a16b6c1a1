/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the table of sessions. Everything runs on the loop's thread. */
#ifndef ISTHMUS_HOST_HOST_PRIV_H
#define ISTHMUS_HOST_HOST_PRIV_H

#include <uthash.h>

#include "host/host_journal.h"
#include "host/host_sessions.h"
#include "session/session_timers.h"

#define HOST_LISTENERS_MAX 4
#define HOST_KEEP_ENDED_S 86400 /* how long an ended session is known as ended */
#define HOST_ENDED_MAX 10000

struct host_waiter {
    void (*fn)(void *arg, struct host_session *session, int result);
    void *arg;
    struct host_waiter *prev, *next;
};

struct host_listener {
    const struct host_session_events *events;
    void *arg;
};

/* The order as it is kept; strings are owned, none is NULL. */
struct host_order {
    char *username, *app_exe, *app_args, *app_mode, *clipboard, *time_limit_message;
    int width, height; /* as it was started; 0 before */
    int max_width, max_height;
    bool legacy, may_be_silent;
    bool warned; /* of the time limit */
    int64_t time_limit;
};

struct host_session {
    struct host_sessions *host;
    struct host_journal_session record; /* id, status, slot, … as it is in the journal */
    struct host_order order;
    json_t *note;
    bool running;   /* the pool has been told to start it */
    bool slot_lost; /* with an earlier run: it takes the next one that is free (host_restore.c) */

    /* The owner's presence; milliseconds on the monotonic clock, 0: never. */
    unsigned links, browsers;
    int64_t status_since, last_poll, link_gone, browser_gone;

    struct loop_timer *life_timer;  /* until session_timers_next says that something happens */
    struct loop_timer *start_timer; /* until the streamer has to serve */
    bool start_timed;
    struct host_waiter *waiters;
    UT_hash_handle hh;
};

struct host_sessions {
    struct loop *loop;
    const struct config *config;
    struct pool *pool;
    struct host_journal *journal;
    void (*reports_due)(void *arg);
    void *arg;
    struct host_session *table; /* by id */
    struct host_listener listeners[HOST_LISTENERS_MAX];
    size_t listener_count;
    struct loop_timer *sweep_timer, *slot_timer;
    bool draining, ending_all, closed;
};

/* host_session.c */
struct host_session *host_session_new(struct host_sessions *host, const struct host_journal_session *record);
void host_session_free(struct host_session *session);
/* Writes the order, with whatever else is new. */
void host_session_keep_order(struct host_session *session, bool change);
/* The session is in the pool, but the journal lags: steps it has certainly taken. */
void host_session_catch_up(struct host_session *session);
/* Gives the pool its order, once: state 1. */
void host_session_launch(struct host_session *session);

/* host_order.c */
void host_order_copy(struct host_order *order, const struct host_session_order *from);
/* What may change later: legacy, may_be_silent and the time limit. */
void host_order_set_terms(struct host_order *order, const struct host_session_order *from);
void host_order_finish(struct host_order *order);
char *host_order_text(const struct host_order *order);
/* -EINVAL: no such text. */
int host_order_read(const char *text, struct host_order *ret_order);

/* host_presence.c */
void host_presence_status(struct host_session *session); /* its status is new */
void host_presence_browsers(struct host_session *session, unsigned browsers);
void host_presence_arm(struct host_session *session);
void host_presence_timer(void *arg);
/* Why a session that goes on living is suspended, in one word; "" for every other step. due: what its timer
 * said, or NULL. */
const char *host_presence_cause(const struct host_session *session, enum session_event event,
                                const char *due);

/* host_wait.c */
void host_wait_arm(struct host_session *session);
void host_wait_timer(void *arg);
void host_wait_answer(struct host_session *session, int result);

/* host_pool.c */
extern const struct pool_events host_pool_events;

/* host_restore.c: before and after the pool has looked for keepers. */
void host_restore_session(void *arg, const struct host_journal_session *record, const char *order,
                          const char *note);
int host_restore_adopt(struct host_sessions *host);
void host_restore_slots(void *arg);

/* host_listen.c */
void host_tell_changed(struct host_session *session, int before);
void host_tell_display(struct host_session *session);
void host_tell_forgotten(struct host_session *session);

#endif
