/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/leader_instance.h"

#include <utlist.h>

#include "base/log.h"
#include "base/str.h"
#include "pool/instance_order.h"
#include "pool/keeper_line.h"
#include "pool/leader_display.h"

struct instance {
    struct leader_instances *all;
    char name[KEEPER_INSTANCE_LEN];
    char reason[KEEPER_REASON_LEN];
    struct instance_order order;
    struct leader_display *display;
    struct instance *prev, *next;
};

struct leader_instances {
    struct leader_instances_options options;
    struct instance *list;
    unsigned count;
};

int leader_instances_create(const struct leader_instances_options *options,
                            struct leader_instances **ret_instances)
{
    struct leader_instances *all = xcalloc(1, sizeof *all);
    all->options = *options;
    *ret_instances = all;
    return 0;
}

static struct instance *find(const struct leader_instances *all, const char *name)
{
    struct instance *i;
    DL_FOREACH(all->list, i)
    {
        if (str_eq(i->name, name))
            return i;
    }
    return NULL;
}

static void drop(struct instance *i)
{
    DL_DELETE(i->all->list, i);
    i->all->count--;
    leader_display_destroy(i->display);
    instance_order_finish(&i->order);
    free(i);
}

static void on_up(void *arg)
{
    (void)arg; /* of use only with its program */
}

static void on_started(void *arg)
{
    struct instance *i = arg;
    i->all->options.up(i->all->options.arg, i->name, leader_display_number(i->display));
}

static void stop(struct instance *i, const char *reason)
{
    if (!*i->reason) {
        (void)str_copy(i->reason, sizeof i->reason, reason);
        log_info("instance %s is over: %s", i->name, reason);
    }
    leader_display_stop(i->display);
}

static void on_ended(void *arg, const char *reason)
{
    stop(arg, reason);
}

static void on_gone(void *arg)
{
    struct instance *i = arg;
    struct leader_instances *all = i->all;
    char name[KEEPER_INSTANCE_LEN], reason[KEEPER_REASON_LEN];
    memcpy(name, i->name, sizeof name);
    memcpy(reason, i->reason, sizeof reason);
    drop(i);
    all->options.gone(all->options.arg, name, reason);
}

static int start(struct instance *i, int order_fd)
{
    int r = instance_order_read(order_fd, &i->order);
    if (r < 0) {
        log_error("the order of instance %s cannot be read: %s", i->name, strerror(-r));
        return -EINVAL;
    }
    struct leader_display_options options = {.loop = i->all->options.loop,
                                             .auth = i->all->options.auth,
                                             .errors_fd = i->all->options.errors_fd,
                                             .width = i->order.width,
                                             .height = i->order.height,
                                             .argv = i->order.argv,
                                             .up = on_up,
                                             .started = on_started,
                                             .ended = on_ended,
                                             .gone = on_gone,
                                             .arg = i};
    return leader_display_create(&options, &i->display);
}

void leader_instances_run(struct leader_instances *all, const char *name, int order_fd)
{
    if (find(all, name))
        return; /* whoever asks has heard of it, or will */
    if (all->count == KEEPER_INSTANCES_MAX) {
        all->options.gone(all->options.arg, name, "display_failed");
        return;
    }
    struct instance *i = xcalloc(1, sizeof *i);
    i->all = all;
    (void)str_copy(i->name, sizeof i->name, name);
    DL_APPEND(all->list, i);
    all->count++;
    int r = start(i, order_fd);
    if (r >= 0)
        return;
    drop(i);
    all->options.gone(all->options.arg, name, r == -ENOENT ? "no_program" : "display_failed");
}

void leader_instances_close(struct leader_instances *all, const char *name)
{
    struct instance *i = find(all, name);
    if (i)
        stop(i, "stop");
}

void leader_instances_each(struct leader_instances *all, void (*fn)(void *arg, const char *display),
                           void *arg)
{
    struct instance *i;
    DL_FOREACH(all->list, i)
    {
        const char *display = leader_display_name(i->display);
        if (display)
            fn(arg, display);
    }
}

struct leader_instances *leader_instances_destroy(struct leader_instances *all)
{
    struct instance *i, *next;
    if (!all)
        return NULL;
    DL_FOREACH_SAFE(all->list, i, next)
    drop(i);
    free(all);
    return NULL;
}
