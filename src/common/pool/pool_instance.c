/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances: further displays of a session, as the host sees them. */
#include "base/str.h"
#include "pool/pool_priv.h"

struct pool_instance *pool_instance_in(struct slot *slot, const char *name)
{
    for (unsigned i = 0; i < slot->instance_count; i++) {
        if (str_eq(slot->instances[i].name, name))
            return &slot->instances[i];
    }
    return NULL;
}

void pool_instance_tell(struct slot *slot)
{
    for (unsigned i = 0; i < slot->instance_count && slot->ready; i++) {
        struct pool_instance *instance = &slot->instances[i];
        if (instance->told || instance->display < 0)
            continue;
        instance->told = true;
        char name[POOL_INSTANCE_LEN];
        memcpy(name, instance->name, sizeof name);
        if (slot->pool->events->instance_ready)
            slot->pool->events->instance_ready(slot->pool->arg, slot->order.session_id, name);
    }
}
