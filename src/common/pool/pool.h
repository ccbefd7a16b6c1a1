/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool of accounts and displays of one host. A slot is an account (or, in one-account mode, a number), its home and at most one session under a keeper. Loop thread only;
 * slow work (cleaning a home) runs on workers. Adopts the keepers it finds at start. */
#ifndef ISTHMUS_POOL_POOL_H
#define ISTHMUS_POOL_POOL_H

#include "json/json.h"
#include "loop/loop.h"

struct pool;
struct pool_session;

struct pool_options {
    struct loop *loop;
    const char *state_dir;
    const char *account_base; /* "webs": accounts webs01, webs02 … as root */
    unsigned slots;
    unsigned base_port;       /* wsPort = base + 10 n */
    bool sandbox;
    unsigned start_timeout_ms; /* 0: 20000 */
};

/* What to start; copied. */
struct pool_order {
    const char *session_id;
    const char *username;     /* the person, for {USERNAME} */
    const char *app_exe;      /* "remotedesktop": full desktop */
    const char *app_mode;     /* "desktop" or "app" */
    const char *app_args;
    int width, height;
    int max_width, max_height;
};

struct pool_events {
    /* The streamer serves: the session can be used. */
    void (*ready)(void *arg, const char *session_id);
    void (*viewers)(void *arg, const char *session_id, int viewers, int owners);
    /* Everything of the session is gone and the slot is free again. reason: exit, kill, error, lost … */
    void (*ended)(void *arg, const char *session_id, const char *reason);
};

struct pool_slot_info {
    unsigned number;      /* 1 … */
    const char *account;  /* webs01 */
    unsigned ws_port, http_port;
};

/* -EPERM with a sentence in ret_cause when accounts, namespaces or directories are not as needed. */
int pool_create(const struct pool_options *options, const struct pool_events *events, void *arg, struct pool **ret_pool,
                char **ret_cause);
/* Leaves the sessions running under their keepers (they are adopted at the next start) unless end_sessions. */
struct pool *pool_destroy(struct pool *pool, bool end_sessions);
/* Finds living sessions of earlier runs: calls found for each, then recycles slots without one. */
int pool_adopt(struct pool *pool, void (*found)(void *arg, const char *session_id, unsigned slot), void *arg);
/* -ENOSPC when every slot is taken. ready or ended follows. */
int pool_start(struct pool *pool, const struct pool_order *order, struct pool_slot_info *ret_slot);
int pool_find(struct pool *pool, const char *session_id, struct pool_slot_info *ret_slot); /* -ENOENT */
/* Ends it; ended follows. -ENOENT. */
int pool_end(struct pool *pool, const char *session_id, const char *reason);
void pool_count(const struct pool *pool, unsigned *ret_total, unsigned *ret_active, unsigned *ret_free);

#endif
