/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_POOL_POOL_PRIV_H
#define ISTHMUS_POOL_POOL_PRIV_H

#include "pool/account.h"
#include "pool/keeper_line.h"
#include "pool/order.h"
#include "pool/pool.h"
#include "ws/ws.h"

/*  FREE -> PREPARING -> HELD -> LAUNCHING -> LIVING -> CLEANING -> FREE
 *  HELD: reserved, accounts and home are ready, nothing was ordered yet. A start without a reservation passes
 *  through it.
 *  BROKEN: could not be cleaned; out of use until a later try succeeds. */
enum slot_state {
    SLOT_FREE,
    SLOT_PREPARING,
    SLOT_HELD,
    SLOT_LAUNCHING,
    SLOT_LIVING,
    SLOT_CLEANING,
    SLOT_BROKEN
};

struct pool_rfb;

struct pool_instance {
    char name[POOL_INSTANCE_LEN];
    int display; /* -1: still starting */
    bool told;   /* instance_ready was called */
};

struct slot {
    struct pool *pool;
    unsigned number;
    char *dir; /* STATE/slots/NN */
    enum slot_state state;
    struct account account;
    bool claimed;
    bool surplus; /* above the configured number: serves what was adopted, takes nothing new */

    struct order order; /* of the session, zeroed when free; of a reservation the session's id alone */
    bool ordered;       /* by pool_start: not a mere reservation */
    bool ending;
    bool wanted; /* somebody knows of this session and is to hear of its end */
    char reason[POOL_REASON_LEN];

    /* The keeper: pool_keeper.c */
    int keeper_fd, keeper_pidfd;
    struct loop_poll *keeper_poll;
    struct loop_child *keeper_child; /* only of a keeper that this process started */
    struct loop_timer *timer;        /* patience with the keeper; of a broken slot: until the next try */
    int display;

    /* The streamer: pool_control.c */
    struct ws_server *control;
    struct ws_conn *streamer;
    bool info_asked; /* before the display was known */
    bool ready;

    struct pool_rfb *rfb; /* pool_rfb.c */

    /* pool_instance.c */
    struct pool_instance instances[POOL_INSTANCES_MAX];
    unsigned instance_count;

    /* Result of the work on a worker. */
    int result;
    char *cause;
    bool broken_told;
    bool ports_told; /* that another program has one of its ports */
};

struct pool {
    struct loop *loop;
    const struct pool_events *events;
    void *arg;
    char *state_dir, *account_base, *skeleton, *streamer_bind, *log_level, *log_format;
    unsigned base_port;
    bool sandbox, printing;
    unsigned start_timeout_ms, orphan_ms, frame_rate, compression;
    uint8_t peer_key[32];
    bool has_key;
    struct slot *slots;
    unsigned slot_count; /* with the surplus ones */
    unsigned limit;      /* as configured */
    unsigned jobs;       /* on workers */
    bool dead;           /* destroyed, but jobs still use it */
};

/* pool.c: NULL when there is none. A living one has a keeper and is not about to end. */
struct slot *pool_find_slot(struct pool *pool, const char *session_id);
struct slot *pool_living_slot(struct pool *pool, const char *session_id);

/* pool_slot.c */
/* Takes the slot for the session in slot->order. */
void pool_slot_prepare(struct slot *slot);
/* slot->order is complete: launches it, now or when the slot is prepared. */
void pool_slot_launch(struct slot *slot);
/* The session is over: tells everybody once and asks the keeper to finish. */
void pool_slot_ending(struct slot *slot, const char *reason);
/* The keeper is gone: makes sure of it and cleans up. */
void pool_slot_clean(struct slot *slot);
int pool_slot_dirfd(const struct slot *slot);
void pool_free(struct pool *pool);

/* pool_ports.c: both ports of a slot that is to be taken; tells once when not. */
bool pool_ports_free(struct slot *slot);

/* pool_keeper.c */
int pool_keeper_spawn(struct slot *slot);
/* Connects to a keeper of an earlier run: 0, or -ENOENT when there is none that works. */
int pool_keeper_adopt(struct slot *slot);
void pool_keeper_stop(struct slot *slot);
void pool_keeper_kill(struct slot *slot);
void pool_keeper_close(struct slot *slot);

/* pool_control.c */
int pool_control_open(struct slot *slot);
void pool_control_close(struct slot *slot);
void pool_control_display(struct slot *slot); /* the display is known now */
void pool_control_ending(struct slot *slot);

/* pool_rfb.c. After a failed open close is still to be called. */
int pool_rfb_open(struct slot *slot);
void pool_rfb_close(struct slot *slot); /* also without an open */
/* The streamer hears of a display that is up, or gone. */
void pool_rfb_instance(struct slot *slot, const struct pool_instance *instance, bool gone);
/* The streamer is ready and everybody was told so: what it was not told of by now, it may forget. */
void pool_rfb_listed(struct slot *slot);

/* pool_instance.c */
struct pool_instance *pool_instance_in(struct slot *slot, const char *name); /* NULL */
/* The keeper's INSTANCE and GONE. */
void pool_instance_heard(struct slot *slot, const struct keeper_line *line);
/* The streamer is ready: instance_ready for those that nobody has heard of. */
void pool_instance_tell(struct slot *slot);

/* pool_check.c: 0, or -EPERM and a sentence. */
int pool_check_paths(const struct pool *pool, char **ret_cause);
int pool_check_account(const struct pool *pool, const struct account *account, char **ret_cause);
int pool_check_sandbox(const struct account *account, char **ret_cause);

#endif
