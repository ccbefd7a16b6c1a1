/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances and messages, as the host orders them and hears of them. */
#include "base/str.h"
#include "pool/cmdline.h"
#include "pool/instance_order.h"
#include "pool/pool_priv.h"
#include "pool/text_fd.h"

_Static_assert(POOL_INSTANCE_LEN == KEEPER_INSTANCE_LEN && POOL_INSTANCES_MAX == KEEPER_INSTANCES_MAX,
               "what the host orders is what a keeper takes");

struct pool_instance *pool_instance_in(struct slot *slot, const char *name)
{
    for (unsigned i = 0; i < slot->instance_count; i++) {
        if (str_eq(slot->instances[i].name, name))
            return &slot->instances[i];
    }
    return NULL;
}

static struct pool_instance *add(struct slot *slot, const char *name)
{
    struct pool_instance *instance = &slot->instances[slot->instance_count++];
    *instance = (struct pool_instance){.display = -1};
    (void)str_copy(instance->name, sizeof instance->name, name);
    return instance;
}

void pool_instance_tell(struct slot *slot)
{
    const struct pool_events *events = slot->pool->events;
    for (unsigned i = 0; i < slot->instance_count && slot->ready; i++) {
        struct pool_instance *instance = &slot->instances[i];
        if (instance->told || instance->display < 0)
            continue;
        instance->told = true;
        char name[POOL_INSTANCE_LEN];
        memcpy(name, instance->name, sizeof name);
        if (events->instance_ready)
            events->instance_ready(slot->pool->arg, slot->order.session_id, name);
    }
}

static void instance_gone(struct slot *slot, const struct keeper_line *line)
{
    const struct pool_events *events = slot->pool->events;
    struct pool_instance *instance = pool_instance_in(slot, line->instance);
    if (instance) {
        struct pool_instance gone = *instance;
        *instance = slot->instances[--slot->instance_count];
        pool_rfb_instance(slot, &gone, true);
    }
    if (events->instance_ended && !slot->ending)
        events->instance_ended(slot->pool->arg, slot->order.session_id, line->instance, line->reason);
}

void pool_instance_heard(struct slot *slot, const struct keeper_line *line)
{
    if (line->verb == KEEPER_GONE) {
        instance_gone(slot, line);
        return;
    }
    struct pool_instance *instance = pool_instance_in(slot, line->instance);
    if (!instance && slot->instance_count < POOL_INSTANCES_MAX)
        instance = add(slot, line->instance);
    if (!instance || instance->display >= 0 || line->display < 0)
        return;
    instance->display = line->display;
    pool_rfb_instance(slot, instance, false);
    if (!slot->ending)
        pool_instance_tell(slot);
}

static int send_order(struct slot *slot, const struct pool_instance_order *wanted)
{
    struct instance_order order = {.width = wanted->width, .height = wanted->height};
    int r = cmdline_split(wanted->command, wanted->argument, slot->order.session_id, slot->order.username,
                          &order.argv);
    if (r < 0)
        return -EINVAL;
    int fd = instance_order_make(&order);
    instance_order_finish(&order);
    if (fd < 0)
        return fd;
    struct keeper_line line = {.verb = KEEPER_RUN};
    (void)str_copy(line.instance, sizeof line.instance, wanted->name);
    r = keeper_line_send(slot->keeper_fd, &line, fd);
    close(fd);
    return r < 0 ? -EAGAIN : 0;
}

int pool_instance_start(struct pool *pool, const char *session_id, const struct pool_instance_order *order)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    if (!slot || !slot->ready)
        return -ENOENT;
    if (!keeper_instance_valid(order->name) || order->width < 1 || order->height < 1 ||
        order->width > slot->order.max_width || order->height > slot->order.max_height)
        return -EINVAL;
    if (pool_instance_in(slot, order->name))
        return -EEXIST;
    if (slot->instance_count == POOL_INSTANCES_MAX)
        return -ENOSPC;
    int r = send_order(slot, order);
    if (r >= 0)
        (void)add(slot, order->name);
    return r;
}

int pool_instance_find(struct pool *pool, const char *session_id, const char *instance)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    return slot && pool_instance_in(slot, instance) ? 0 : -ENOENT;
}

int pool_instance_end(struct pool *pool, const char *session_id, const char *instance)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    struct keeper_line line = {.verb = KEEPER_CLOSE};
    if (!slot || !pool_instance_in(slot, instance))
        return -ENOENT;
    (void)str_copy(line.instance, sizeof line.instance, instance);
    return keeper_line_send(slot->keeper_fd, &line, -1) < 0 ? -EAGAIN : 0;
}

/* Printable, but for ends of lines. */
static bool message_valid(const char *text)
{
    size_t len = strlen(text);
    cleanup_free char *flat = str_replace(text, "\n", " ");
    return len > 0 && len <= POOL_MESSAGE_MAX && str_is_utf8(flat, len, true);
}

int pool_message(struct pool *pool, const char *session_id, const char *text)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    if (!slot || slot->display < 0)
        return -ENOENT;
    if (!message_valid(text))
        return -EINVAL;
    int fd = text_fd_make(text, strlen(text));
    if (fd < 0)
        return fd;
    int r = keeper_line_send(slot->keeper_fd, &(struct keeper_line){.verb = KEEPER_MESSAGE}, fd);
    close(fd);
    return r < 0 ? -EAGAIN : 0;
}
