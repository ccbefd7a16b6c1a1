/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The instances of a session, as the keeper remembers them for a host that was away. */
#include "base/str.h"
#include "pool/keeper_priv.h"

static struct keeper_instance *find(struct keeper *k, const char *name)
{
    for (unsigned i = 0; i < k->instance_count; i++) {
        if (str_eq(k->instances[i].name, name))
            return &k->instances[i];
    }
    return NULL;
}

static void tell(struct keeper *k, const struct keeper_instance *instance)
{
    struct keeper_line line = {.verb = KEEPER_INSTANCE, .display = instance->display};
    memcpy(line.instance, instance->name, sizeof line.instance);
    keeper_link_send(k, &line);
}

static void tell_gone(struct keeper *k, const char *name, const char *reason)
{
    struct keeper_line line = {.verb = KEEPER_GONE};
    (void)str_copy(line.instance, sizeof line.instance, name);
    (void)str_copy(line.reason, sizeof line.reason, reason);
    keeper_link_send(k, &line);
}

void keeper_instance_order(struct keeper *k, const struct keeper_line *line, int order_fd)
{
    bool known = find(k, line->instance);
    if (line->verb == KEEPER_CLOSE) {
        if (known)
            (void)keeper_sandbox_tell(k, line, -1);
        return;
    }
    if (known || k->ending)
        return; /* the host is told of it, or was */
    int r = k->display < 0 || order_fd < 0 || k->instance_count == KEEPER_INSTANCES_MAX
                ? -EINVAL
                : keeper_sandbox_tell(k, line, order_fd);
    if (r == -EPIPE)
        return; /* the end of the session follows */
    if (r < 0) {
        tell_gone(k, line->instance, "display_failed");
        return;
    }
    struct keeper_instance *instance = &k->instances[k->instance_count++];
    *instance = (struct keeper_instance){.display = -1};
    memcpy(instance->name, line->instance, sizeof instance->name);
}

void keeper_instance_heard(struct keeper *k, const struct keeper_line *line)
{
    struct keeper_instance *instance = find(k, line->instance);
    if (!instance)
        return;
    if (line->verb == KEEPER_GONE) {
        keeper_sandbox_remove_files(k, instance->display);
        *instance = k->instances[--k->instance_count];
        tell_gone(k, line->instance, line->reason);
    } else if (instance->display < 0 && line->display >= 0) {
        instance->display = line->display;
        tell(k, instance);
    }
}

void keeper_instance_repeat(struct keeper *k)
{
    for (unsigned i = 0; i < k->instance_count && k->host_fd >= 0; i++)
        tell(k, &k->instances[i]);
}
