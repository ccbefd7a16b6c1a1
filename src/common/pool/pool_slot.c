/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of one slot from free to free. */
#include <fcntl.h>
#include <stdio.h>

#include "base/str.h"
#include "pool/display_files.h"
#include "pool/pool_priv.h"
#include "pool/slotdir.h"

#define RETRY_MS                                                                                             \
    30000 /* what kept a slot from being cleaned may pass: a disk that answers no more, a stuck process */

int pool_slot_dirfd(const struct slot *slot)
{
    cleanup_free char *path = xasprintf("%s/session", slot->dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

/* Runs work(slot) on a worker. The pool stays until it has come back. */
static void start_job(struct slot *slot, void (*work)(void *arg), void (*done)(void *arg))
{
    slot->pool->jobs++;
    slot->result = 0;
    free(slot->cause);
    slot->cause = NULL;
    if (loop_work(slot->pool->loop, work, done, slot) < 0) {
        work(slot); /* more jobs queued than there can be slots: not reached in practice, but no slot may be
                       lost */
        done(slot);
    }
}

/* False when the pool was destroyed meanwhile. */
static bool finish_job(struct slot *slot)
{
    struct pool *pool = slot->pool;
    pool->jobs--;
    if (!pool->dead)
        return true;
    if (pool->jobs == 0)
        pool_free(pool);
    return false;
}

static void forget_session(struct slot *slot)
{
    order_finish(&slot->order);
    slot->ending = slot->ready = slot->wanted = slot->info_asked = slot->ordered = false;
    slot->display = -1;
    slot->instance_count = 0;
    slot->reason[0] = '\0';
}

/* used: the account that leftovers of an earlier run name, or NULL. If another instance has claimed that by
 * now, it has ended whatever ran there. */
static int claim(struct slot *slot, const char *used)
{
    if (slot->claimed)
        return 0;
    if (used && account_claim_name(used, &slot->account) == 0) {
        slot->claimed = true;
        return 0;
    }
    int r = account_claim(slot->pool->account_base, slot->number, &slot->account, &slot->cause);
    slot->claimed = r >= 0;
    return r;
}

static int write_order(struct slot *slot)
{
    slot->order.account = xstrdup(slot->account.name);
    if (!slot->account.shared) {
        slot->order.run_as = xstrdup(slot->account.name);
        slot->order.streamer_as = xstrdup(slot->account.streamer_name);
    }
    cleanup_close int session_dir = pool_slot_dirfd(slot);
    return session_dir < 0 ? session_dir : order_write(&slot->order, session_dir);
}

/* On a worker, while the loop may be completing slot->order: not looked at here. */
static void prepare_work(void *arg)
{
    struct slot *slot = arg;
    slot->result = claim(slot, NULL);
    if (slot->result >= 0)
        slot->result = account_kill(&slot->account, slot->dir);
    if (slot->result >= 0)
        slot->result = slotdir_build(slot->dir, slot->pool->skeleton, &slot->account);
}

/* It came to nothing, or somebody has ended it meanwhile. */
static void give_up(struct slot *slot, int error)
{
    if (error < 0 && slot->pool->events->broken) {
        cleanup_free char *text = xasprintf("slot %u cannot be prepared: %s", slot->number,
                                            slot->cause ? slot->cause : strerror(-error));
        slot->pool->events->broken(slot->pool->arg, slot->number, text);
    }
    pool_slot_ending(slot, "error");
    pool_slot_clean(slot);
}

static void prepare_done(void *arg)
{
    struct slot *slot = arg;
    if (!finish_job(slot))
        return;
    slot->state = SLOT_HELD;
    if (slot->result < 0 || slot->ending)
        give_up(slot, slot->result);
    else if (slot->ordered)
        pool_slot_launch(slot);
}

void pool_slot_prepare(struct slot *slot)
{
    slot->state = SLOT_PREPARING;
    slot->wanted = true;
    slot->display = -1;
    start_job(slot, prepare_work, prepare_done);
}

static void launch_work(void *arg)
{
    struct slot *slot = arg;
    slot->result = write_order(slot);
}

static void launch_done(void *arg)
{
    struct slot *slot = arg;
    if (!finish_job(slot))
        return;
    slot->state = SLOT_LIVING;
    int r = slot->result;
    if (r >= 0 && !slot->ending)
        r = pool_control_open(slot);
    if (r >= 0 && !slot->ending)
        r = pool_rfb_open(slot);
    if (r >= 0 && !slot->ending)
        r = pool_keeper_spawn(slot);
    if (r < 0 || slot->ending)
        give_up(slot, r);
    else
        slot->pool->events->launched(slot->pool->arg, slot->order.session_id);
}

void pool_slot_launch(struct slot *slot)
{
    slot->ordered = true;
    if (slot->state != SLOT_HELD)
        return; /* prepare_done comes back to it */
    slot->state = SLOT_LAUNCHING;
    start_job(slot, launch_work, launch_done);
}

void pool_slot_ending(struct slot *slot, const char *reason)
{
    if (!slot->ending) {
        slot->ending = true;
        slot->ready = false;
        (void)str_copy(slot->reason, sizeof slot->reason, reason);
        if (slot->wanted)
            slot->pool->events->ending(slot->pool->arg, slot->order.session_id, slot->reason);
        pool_control_ending(slot);
    }
    pool_keeper_stop(slot);
}

static void clean_work(void *arg)
{
    struct slot *slot = arg;
    slot->result = claim(slot, slot->order.account);
    if (slot->result >= 0)
        slot->result = account_kill(&slot->account, slot->dir);
    if (slot->result >= 0 && !slot->order.sandbox)
        display_files_remove_all(slot->account.uid);
    if (slot->result >= 0)
        slot->result = slotdir_clean(slot->dir);
    /* A disk that is full by now does not make the slot unclean: the next session builds its home anew
     * anyway. */
    if (slot->result >= 0)
        (void)slotdir_build_home(slot->dir, slot->pool->skeleton, &slot->account);
}

static void clean_done(void *arg);

static void on_retry(void *arg)
{
    struct slot *slot = arg;
    slot->timer = loop_timer_destroy(slot->timer);
    slot->state = SLOT_CLEANING;
    start_job(slot, clean_work, clean_done);
}

/* Told once, tried until it works. */
static void clean_later(struct slot *slot)
{
    struct pool *pool = slot->pool;
    if (!slot->broken_told && pool->events->broken) {
        cleanup_free char *text = xasprintf("slot %u is out of use until it can be cleaned: %s", slot->number,
                                            slot->cause ? slot->cause : strerror(-slot->result));
        pool->events->broken(pool->arg, slot->number, text);
    }
    slot->broken_told = true;
    if (loop_timer_create(pool->loop, on_retry, slot, &slot->timer) == 0)
        loop_timer_start(slot->timer, RETRY_MS, 0);
}

static void clean_done(void *arg)
{
    struct slot *slot = arg;
    if (!finish_job(slot))
        return;
    struct pool *pool = slot->pool;
    /* Without an account nothing has run there: the next session tries again. */
    slot->state = slot->result < 0 && slot->claimed ? SLOT_BROKEN : SLOT_FREE;
    char session_id[SECRET_ID_LEN], reason[POOL_REASON_LEN];
    memcpy(session_id, slot->order.session_id, sizeof session_id);
    memcpy(reason, slot->reason, sizeof reason);
    bool wanted = slot->wanted;
    forget_session(slot);
    if (slot->state == SLOT_BROKEN)
        clean_later(slot);
    else
        slot->broken_told = false;
    if (wanted)
        pool->events->ended(pool->arg, session_id, reason);
}

void pool_slot_clean(struct slot *slot)
{
    pool_keeper_kill(slot); /* whatever closed the line: no keeper may outlive it */
    pool_keeper_close(slot);
    pool_control_close(slot);
    pool_rfb_close(slot);
    slot->state = SLOT_CLEANING;
    start_job(slot, clean_work, clean_done);
}
