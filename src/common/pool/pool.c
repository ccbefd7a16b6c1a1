/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/pool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/paths.h"
#include "base/str.h"
#include "pool/cmdline.h"
#include "pool/pool_priv.h"

static void slot_init(struct slot *slot, struct pool *pool, unsigned number)
{
    *slot = (struct slot){.pool = pool,
                          .number = number,
                          .keeper_fd = -1,
                          .keeper_pidfd = -1,
                          .display = -1,
                          .account = {.lock_fd = -1},
                          .surplus = number > pool->limit};
    slot->dir = xasprintf("%s/slots/%02u", pool->state_dir, number);
}

/* The highest slot that an earlier run, configured larger, may have left. */
static unsigned highest_slot(const char *slots_dir)
{
    DIR *dir = opendir(slots_dir);
    unsigned highest = 0;
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int64_t number;
        if (str_to_int(entry->d_name, 1, POOL_SLOTS_MAX, &number) == 0)
            highest = MAX(highest, (unsigned)number);
    }
    if (dir)
        closedir(dir);
    return highest;
}

static struct pool *pool_new(const struct pool_options *options, const struct pool_events *events, void *arg)
{
    struct pool *pool = xcalloc(1, sizeof *pool);
    pool->loop = options->loop;
    pool->events = events;
    pool->arg = arg;
    pool->state_dir = realpath(options->state_dir, NULL);
    pool->account_base = xstrdup(options->account_base);
    pool->streamer_bind = xstrdup(options->streamer_bind ? options->streamer_bind : "127.0.0.1");
    pool->log_level = xstrdup(options->log_level ? options->log_level : "info");
    pool->log_format = xstrdup(options->log_format ? options->log_format : "text");
    pool->base_port = options->base_port;
    pool->sandbox = options->sandbox;
    pool->printing = options->printing;
    pool->start_timeout_ms = options->start_timeout_ms ? options->start_timeout_ms : 20000;
    pool->orphan_ms = options->orphan_ms ? options->orphan_ms : 600000;
    pool->frame_rate = options->frame_rate ? options->frame_rate : 30;
    pool->compression = options->compression;
    pool->limit = options->slots;
    if (options->peer_key) {
        memcpy(pool->peer_key, options->peer_key, sizeof pool->peer_key);
        pool->has_key = true;
    }
    return pool;
}

static int check_options(const struct pool_options *options, char **ret_cause)
{
    if (options->slots < 1 || options->slots > POOL_SLOTS_MAX)
        *ret_cause = xasprintf("webstreamSettings.serverMaxSessionCount must be 1 to %d", POOL_SLOTS_MAX);
    else if (options->base_port + 10 * options->slots + 1 > 65535)
        *ret_cause =
            xasprintf("%u sessions do not fit into the ports from %u up", options->slots, options->base_port);
    else if (!account_base_valid(options->account_base))
        *ret_cause = xasprintf(
            "webstreamSettings.serverSessionUsername: \"%s\" cannot be the start of an account's name",
            options->account_base);
    return *ret_cause ? -EPERM : 0;
}

/* Slot 1's account stands for all: claimed now, so that what is wrong is said at start. It may be held by a
 * keeper that is adopted in a moment; then another one is looked at and given back. */
static int check_machine(struct pool *pool, char **ret_cause)
{
    struct account account = {.lock_fd = -1};
    int r = pool_check_paths(pool, ret_cause);
    if (r >= 0)
        r = account_claim(pool->account_base, 1, &account, ret_cause);
    if (r < 0)
        return r;
    r = pool_check_account(pool, &account, ret_cause);
    if (r >= 0 && pool->sandbox)
        r = pool_check_sandbox(&account, ret_cause);
    account_release(&account);
    return r;
}

int pool_create(const struct pool_options *options, const struct pool_events *events, void *arg,
                struct pool **ret_pool, char **ret_cause)
{
    char *cause = NULL;
    int r = check_options(options, &cause);
    if (r < 0) {
        *ret_cause = cause;
        return r;
    }
    struct pool *pool = pool_new(options, events, arg);
    cleanup_free char *slots_dir = xasprintf("%s/slots", pool->state_dir ? pool->state_dir : "");
    if (!pool->state_dir || (r = dir_make(slots_dir, 0711)) < 0) {
        cause = xasprintf("the state directory %s cannot be used", options->state_dir);
        r = -EPERM;
    }
    if (r >= 0 && paths_asset("skeleton", &pool->skeleton) < 0) {
        cause = xstrdup("the skeleton of a session's home is not installed");
        r = -EPERM;
    }
    if (r >= 0)
        r = check_machine(pool, &cause);
    if (r < 0) {
        *ret_cause = cause;
        pool_free(pool);
        return r;
    }
    pool->slot_count = MAX(pool->limit, highest_slot(slots_dir));
    pool->slots = xcalloc(pool->slot_count, sizeof *pool->slots);
    for (unsigned i = 0; i < pool->slot_count; i++)
        slot_init(&pool->slots[i], pool, i + 1);
    *ret_pool = pool;
    return 0;
}

void pool_free(struct pool *pool)
{
    for (unsigned i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        order_finish(&slot->order);
        account_release(&slot->account);
        free(slot->dir);
        free(slot->cause);
    }
    secret_wipe(pool->peer_key, sizeof pool->peer_key);
    free(pool->slots);
    free(pool->state_dir);
    free(pool->account_base);
    free(pool->skeleton);
    free(pool->streamer_bind);
    free(pool->log_level);
    free(pool->log_format);
    free(pool);
}

struct pool *pool_destroy(struct pool *pool)
{
    if (!pool)
        return NULL;
    for (unsigned i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        slot->ending = true; /* a streamer's connection that closes now is no event */
        pool_keeper_close(slot);
        pool_control_close(slot);
        pool_rfb_close(slot);
    }
    pool->dead = true;
    if (pool->jobs == 0)
        pool_free(pool);
    return NULL;
}

/* True when the slot has a session that goes on. */
static bool adopt_slot(struct slot *slot)
{
    cleanup_close int session_dir = pool_slot_dirfd(slot);
    if (session_dir < 0 || order_read(session_dir, &slot->order) < 0)
        return false;
    slot->state = SLOT_LIVING;
    if (pool_keeper_adopt(slot) < 0 || pool_control_open(slot) < 0 || pool_rfb_open(slot) < 0) {
        pool_keeper_kill(slot);
        pool_keeper_close(slot);
        pool_control_close(slot);
        pool_rfb_close(slot);
        slot->state = SLOT_FREE;
        return false;
    }
    slot->wanted = slot->ordered = true;
    return true;
}

int pool_adopt(struct pool *pool, void (*found)(void *arg, const char *session_id, unsigned slot), void *arg)
{
    for (unsigned i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        if (adopt_slot(slot)) {
            found(arg, slot->order.session_id, slot->number);
            continue;
        }
        cleanup_free char *session = xasprintf("%s/session", slot->dir);
        if (access(session, F_OK) == 0)
            pool_slot_clean(slot); /* leftovers: the home has been used */
        else
            order_finish(&slot->order);
    }
    return 0;
}

struct slot *pool_find_slot(struct pool *pool, const char *session_id)
{
    for (unsigned i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        /* Leftovers of a session whose keeper died unseen are no session any more. */
        if (slot->state != SLOT_FREE && slot->state != SLOT_BROKEN && slot->wanted &&
            str_eq(slot->order.session_id, session_id))
            return slot;
    }
    return NULL;
}

struct slot *pool_living_slot(struct pool *pool, const char *session_id)
{
    struct slot *slot = pool_find_slot(pool, session_id);
    return slot && slot->state == SLOT_LIVING && !slot->ending ? slot : NULL;
}

static struct slot *free_slot(struct pool *pool)
{
    for (unsigned i = 0; i < pool->limit; i++) {
        if (pool->slots[i].state == SLOT_FREE && pool_ports_free(&pool->slots[i]))
            return &pool->slots[i];
    }
    return NULL;
}

static void fill_info(const struct slot *slot, struct pool_slot_info *ret_info)
{
    unsigned port = slot->pool->base_port + 10 * slot->number;
    *ret_info = (struct pool_slot_info){.number = slot->number,
                                        .account = slot->state == SLOT_PREPARING ? "" : slot->account.name,
                                        .ws_port = port,
                                        .http_port = port + 1,
                                        .width = slot->order.width,
                                        .height = slot->order.height,
                                        .ready = slot->ready};
}

static int build_order(const struct pool *pool, const struct pool_order *wanted, struct order *ret_order)
{
    struct order order = {.width = wanted->width,
                          .height = wanted->height,
                          .max_width = wanted->max_width,
                          .max_height = wanted->max_height,
                          .sandbox = pool->sandbox,
                          .printing = pool->printing,
                          .start_timeout_ms = pool->start_timeout_ms,
                          .orphan_ms = pool->orphan_ms};
    bool plain = str_eq(wanted->app_exe, "remotedesktop") || !*wanted->app_exe;
    order.desktop = plain || str_eq(wanted->app_mode, "desktop");
    if (!str_is_id(wanted->session_id) ||
        str_copy(order.session_id, sizeof order.session_id, wanted->session_id) < 0)
        return -EINVAL;
    if (!order.desktop && !str_eq(wanted->app_mode, "app"))
        return -EINVAL;
    int r = plain ? 0
                  : cmdline_build(wanted->app_exe, wanted->app_args, wanted->session_id, wanted->username,
                                  &order.argv);
    if (r < 0)
        return -EINVAL;
    order.username = xstrdup(wanted->username ? wanted->username : "");
    order.clipboard = xstrdup(wanted->clipboard && *wanted->clipboard ? wanted->clipboard : "both");
    order.log_level = xstrdup(pool->log_level);
    order.log_format = xstrdup(pool->log_format);
    *ret_order = order;
    return 0;
}

int pool_reserve(struct pool *pool, const char *session_id, struct pool_slot_info *ret_slot)
{
    if (!str_is_id(session_id))
        return -EINVAL;
    if (pool_find_slot(pool, session_id))
        return -EEXIST;
    struct slot *slot = free_slot(pool);
    if (!slot)
        return -ENOSPC;
    int r = str_copy(slot->order.session_id, sizeof slot->order.session_id, session_id);
    if (r < 0)
        return r;
    pool_slot_prepare(slot);
    fill_info(slot, ret_slot);
    return 0;
}

int pool_start(struct pool *pool, const struct pool_order *order, struct pool_slot_info *ret_slot)
{
    struct slot *slot = pool_find_slot(pool, order->session_id);
    bool reserved = slot && (slot->state == SLOT_PREPARING || slot->state == SLOT_HELD) && !slot->ordered &&
                    !slot->ending;
    if (slot && !reserved)
        return -EEXIST;
    if (!reserved)
        slot = free_slot(pool);
    if (!slot)
        return -ENOSPC;
    struct order complete;
    int r = build_order(pool, order, &complete);
    if (r < 0)
        return r;
    order_finish(&slot->order);
    slot->order = complete;
    if (!reserved)
        pool_slot_prepare(slot);
    pool_slot_launch(slot);
    fill_info(slot, ret_slot);
    return 0;
}

int pool_find(struct pool *pool, const char *session_id, struct pool_slot_info *ret_slot)
{
    const struct slot *slot = pool_find_slot(pool, session_id);
    if (!slot)
        return -ENOENT;
    fill_info(slot, ret_slot);
    return 0;
}

int pool_open_prints(struct pool *pool, const char *session_id, int *ret_dir_fd)
{
    const struct slot *slot = pool_find_slot(pool, session_id);
    if (!slot || slot->state != SLOT_LIVING || !slot->order.printing)
        return -ENOENT;
    cleanup_free char *path = xasprintf("%s/session/print", slot->dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    *ret_dir_fd = fd;
    return 0;
}

static void end_slot(struct slot *slot, const char *reason)
{
    bool held = slot->state == SLOT_HELD; /* nobody else will say that it is over */
    if (slot->state == SLOT_CLEANING)
        return;
    pool_slot_ending(slot, reason);
    if (held)
        pool_slot_clean(slot);
}

int pool_end(struct pool *pool, const char *session_id, const char *reason)
{
    struct slot *slot = pool_find_slot(pool, session_id);
    if (!slot)
        return -ENOENT;
    end_slot(slot, keeper_reason_valid(reason) ? reason : "kill");
    return 0;
}

void pool_end_all(struct pool *pool, const char *reason)
{
    for (unsigned i = 0; i < pool->slot_count; i++) {
        struct slot *slot = &pool->slots[i];
        if (slot->state != SLOT_FREE && slot->state != SLOT_BROKEN)
            end_slot(slot, reason);
    }
}

void pool_count(const struct pool *pool, unsigned *ret_total, unsigned *ret_active, unsigned *ret_free)
{
    unsigned active = 0, unused = 0;
    for (unsigned i = 0; i < pool->slot_count; i++) {
        enum slot_state state = pool->slots[i].state;
        active += state != SLOT_FREE && state != SLOT_BROKEN;
        unused += state == SLOT_FREE && !pool->slots[i].surplus;
    }
    *ret_total = pool->limit;
    *ret_active = active;
    *ret_free = unused;
}

bool pool_same_uid(const struct pool *pool)
{
    (void)pool;
    return geteuid() != 0;
}
