/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool of accounts and displays of one host. A slot is a number with a home, two ports and at most one
 * session under a keeper. As root each slot in use also holds two accounts (webs01 for display and
 * applications, webs01s for the streamer), claimed by a lock, so that several instances on one machine never
 * share one; the number of the account and the number of the slot can therefore differ. As an ordinary user
 * every session runs as that user (one-account mode). Loop thread only; slow work (making accounts, cleaning
 * homes) runs on workers. Adopts the keepers it finds at start. */
#ifndef ISTHMUS_POOL_POOL_H
#define ISTHMUS_POOL_POOL_H

#include "loop/loop.h"
#include "json/json.h"

struct pool;

#define POOL_SLOTS_MAX 2000
#define POOL_REASON_LEN 33 /* a word of at most 32 of [a-z_], and NUL */

struct pool_options {
    struct loop *loop;
    const char *state_dir;
    const char *account_base; /* "webs": accounts webs01, webs02 … as root */
    unsigned slots;
    unsigned base_port; /* wsPort = base + 10 n */
    bool sandbox;
    bool printing;             /* each session has a print system of its own, when CUPS is installed */
    unsigned start_timeout_ms; /* 0: 20000 */
    unsigned orphan_ms;        /* a keeper that sees no host for so long ends its session; 0: 600000 */
    const uint8_t
        *peer_key; /* 32 bytes, copied: the farm's secret, from which each streamer's key is derived */
    const char *streamer_bind; /* address of the streamers' listeners */
    unsigned frame_rate;
    unsigned compression;   /* webstreamSettings.remoteCompressionLevel */
    const char *log_format; /* "text" or "json", for keepers and streamers; NULL: text */
    const char *log_level;  /* NULL: info */
};

#define POOL_INSTANCES_MAX 32 /* of one session at a time */
#define POOL_INSTANCE_LEN 17  /* a name of 1 to 16 of [A-Za-z0-9], and NUL */
#define POOL_PARTICIPANT_LEN 33
#define POOL_MESSAGE_MAX 1024
#define POOL_CLIPBOARD_LEN 24
#define POOL_CLIPBOARD_MAX 1000000000 /* bytes that a rule can name */

/* What to start; copied. */
struct pool_order {
    const char *session_id;
    const char *username; /* the person, for {USERNAME} */
    const char *app_exe;  /* "remotedesktop": full desktop */
    const char *app_mode; /* "desktop" or "app" */
    const char *app_args;
    int width, height;
    int max_width, max_height;
    const char *clipboard; /* rule for the streamer, see docs/protocol/internal.md; NULL: "both" */
};

struct pool_events {
    /* The keeper runs. */
    void (*launched)(void *arg, const char *session_id);
    /* The streamer serves: the session can be used. Again after a streamer was replaced. */
    void (*ready)(void *arg, const char *session_id);
    void (*viewers)(void *arg, const char *session_id, int viewers, int owners);
    /* The session is over and being cleaned. reason: exit, kill, no_window, no_program, display_failed,
     * streamer_failed, sandbox_failed, timeout, lost, abandoned, error, or the word given to pool_end. */
    void (*ending)(void *arg, const char *session_id, const char *reason);
    /* Everything of the session is gone and the slot is free again. */
    void (*ended)(void *arg, const char *session_id, const char *reason);
    /* A slot could not be cleaned and stays out of use until that works, or another program has its ports:
     * one sentence, told once. */
    void (*broken)(void *arg, unsigned slot, const char *cause);
    /* A further display and its program are up, its picture can be had. */
    void (*instance_ready)(void *arg, const char *session_id, const char *instance);
    /* It is over: exit, no_window, no_program, display_failed, stop. Not called for those that end with their
     * session. */
    void (*instance_ended)(void *arg, const char *session_id, const char *instance, const char *reason);
    /* An RFB client has proved a participant's password, or has gone; one left for each joined. Clients that
     * a streamer keeps over a restart of this process join again. */
    void (*joined)(void *arg, const char *session_id, const char *instance, const char *participant);
    void (*left)(void *arg, const char *session_id, const char *instance, const char *participant);
};

struct pool_slot_info {
    unsigned number;     /* 1 … */
    const char *account; /* webs01; "" while a worker is still claiming it */
    unsigned ws_port, http_port;
    int width, height; /* as ordered */
    bool ready;        /* the streamer serves */
};

/* -EPERM with a sentence in ret_cause (the caller frees) when accounts, namespaces or directories are not as
 * needed. */
int pool_create(const struct pool_options *options, const struct pool_events *events, void *arg,
                struct pool **ret_pool, char **ret_cause);
/* Leaves the sessions running under their keepers (they are adopted at the next start). Work still on a
 * worker is waited for by the loop's end, not here. No event is called any more. NULL-safe; returns NULL. To
 * end the sessions too: pool_end_all, wait for pool_count to say 0 active, then this. */
struct pool *pool_destroy(struct pool *pool);
/* Once, before the loop runs: finds living sessions of earlier runs and calls found for each, then starts the
 * recycling of slots without one. */
int pool_adopt(struct pool *pool, void (*found)(void *arg, const char *session_id, unsigned slot), void *arg);
/* -ENOSPC when every slot is taken, be its ports by another program; -EINVAL for a bad command line or mode;
 * -EEXIST for a session that is there. launched, then ready or ended follow. */
int pool_start(struct pool *pool, const struct pool_order *order, struct pool_slot_info *ret_slot);
/* Takes a slot, prepares its accounts and home, and keeps it: nothing runs. pool_start of the same session
 * then starts in it. -ENOSPC, -EEXIST. Adopted as such: no (nothing of it is left after a restart; reserve
 * again). */
int pool_reserve(struct pool *pool, const char *session_id, struct pool_slot_info *ret_slot);
int pool_find(struct pool *pool, const char *session_id, struct pool_slot_info *ret_slot); /* -ENOENT */

/* Instances: programs of a session on displays of their own, inside the same sandbox, each with a window
 * manager that shows one application. command is a command line, split without a shell ({SESSION_ID} and
 * {USERNAME} are replaced); argument, when not NULL or empty, is one more argument at its end, taken as it
 * is. instance_ready or instance_ended follows. An instance survives a restart of this process: it is known
 * after pool_adopt, and instance_ready is called again, before ready. -ENOENT no such session, or not ready;
 * -EEXIST the name is taken; -EINVAL name, size (at most the order's) or command; -ENOSPC too many; -EAGAIN.
 */
struct pool_instance_order {
    const char *name;
    const char *command, *argument;
    int width, height;
};
int pool_instance_start(struct pool *pool, const char *session_id, const struct pool_instance_order *order);
/* Whether it runs or is being started: 0, -ENOENT. */
int pool_instance_find(struct pool *pool, const char *session_id, const char *instance);
/* instance_ended follows, with "stop". -ENOENT, -EAGAIN. */
int pool_instance_end(struct pool *pool, const char *session_id, const char *instance);
/* Shows a text in a window on every display of the session, until somebody closes it. UTF-8 of at most
 * POOL_MESSAGE_MAX bytes; lines may end in it. -ENOENT, -EINVAL, -EAGAIN. */
int pool_message(struct pool *pool, const char *session_id, const char *text);

/* RFB clients of the session's displays (the session's own: instance ""). A participant (1 to 32 of
 * [A-Za-z0-9_-]) has a password of 1 to 8 bytes, which proves it at any display of the session (instance
 * NULL), or at one and at no other: whether that is there yet does not matter. Known here and told to every
 * streamer, also to one that comes later; a restart of this process forgets them: with the next ready they
 * are to be set again, and until then the streamer keeps what it knows. -ENOENT: no such session, or nothing
 * of it runs; -EINVAL; -ENOSPC past 64. */
int pool_participant_set(struct pool *pool, const char *session_id, const char *participant,
                         const char *password, bool view_only, const char *instance);
/* Its clients are closed. -ENOENT. */
int pool_participant_remove(struct pool *pool, const char *session_id, const char *participant);
/* Hands a connected stream socket to the streamer; fd is closed here in every case. -ENOENT: no such session
 * or display; -EAGAIN: its streamer or the display is not there yet. */
int pool_rfb_client(struct pool *pool, const char *session_id, const char *instance, int fd);
/* Closes all its viewers, browsers and RFB clients; reason, a word of [a-z_], is told to browsers. The
 * streamer goes on. -ENOENT. */
int pool_detach(struct pool *pool, const char *session_id, const char *reason);
/* The directory of what the session has printed, for print/print_spool.h; the caller closes it. -ENOENT: no
 * such session, or one that cannot print. */
int pool_open_prints(struct pool *pool, const char *session_id, int *ret_dir_fd);
/* Ends it; ending and ended follow. -ENOENT. */
int pool_end(struct pool *pool, const char *session_id, const char *reason);
void pool_end_all(struct pool *pool, const char *reason);
/* active counts slots that are not free: recycling ones too. */
void pool_count(const struct pool *pool, unsigned *ret_total, unsigned *ret_active, unsigned *ret_free);
/* One-account mode: every session has this process's own uid. */
bool pool_same_uid(const struct pool *pool);

#endif
