/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/application_server/aps_priv.h"

/* One row per pair that makes sense. "otherwise" is where sessions go that cannot be suspended. */
struct row {
    int status;
    enum aps_instance_event event;
    int next, otherwise;
};

#define SAME(status, event, next)                                                                            \
    {                                                                                                        \
        status, event, next, next                                                                            \
    }

static const struct row table[] = {
    SAME(APS_INSTANCE_ORDERED, APS_EV_LAUNCHED, APS_INSTANCE_STARTING),
    SAME(APS_INSTANCE_ORDERED, APS_EV_READY, APS_INSTANCE_READY),
    SAME(APS_INSTANCE_ORDERED, APS_EV_STOP, APS_INSTANCE_TO_STOP),
    SAME(APS_INSTANCE_STARTING, APS_EV_READY, APS_INSTANCE_READY),
    SAME(APS_INSTANCE_STARTING, APS_EV_STOP, APS_INSTANCE_TO_STOP),
    {APS_INSTANCE_READY, APS_EV_LEFT, APS_INSTANCE_TO_SUSPEND, APS_INSTANCE_TO_STOP},
    {APS_INSTANCE_READY, APS_EV_PARK, APS_INSTANCE_TO_SUSPEND, APS_INSTANCE_TO_STOP},
    SAME(APS_INSTANCE_READY, APS_EV_STOP, APS_INSTANCE_TO_STOP),
    {APS_INSTANCE_TO_SUSPEND, APS_EV_NEXT, APS_INSTANCE_SUSPENDING, APS_INSTANCE_TO_STOP},
    SAME(APS_INSTANCE_TO_SUSPEND, APS_EV_STOP, APS_INSTANCE_TO_STOP),
    {APS_INSTANCE_SUSPENDING, APS_EV_NEXT, APS_INSTANCE_SUSPENDED, APS_INSTANCE_TO_STOP},
    SAME(APS_INSTANCE_SUSPENDING, APS_EV_STOP, APS_INSTANCE_TO_STOP),
    {APS_INSTANCE_SUSPENDED, APS_EV_BACK, APS_INSTANCE_TO_RESUME, APS_INSTANCE_TO_STOP},
    SAME(APS_INSTANCE_SUSPENDED, APS_EV_STOP, APS_INSTANCE_TO_STOP),
    {APS_INSTANCE_TO_RESUME, APS_EV_NEXT, APS_INSTANCE_READY, APS_INSTANCE_TO_STOP},
    {APS_INSTANCE_TO_RESUME, APS_EV_PARK, APS_INSTANCE_TO_SUSPEND, APS_INSTANCE_TO_STOP},
    SAME(APS_INSTANCE_TO_RESUME, APS_EV_STOP, APS_INSTANCE_TO_STOP),
};

int aps_instance_step(int status, enum aps_instance_event event, bool persistent, int *ret_status)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].status != status || table[i].event != event)
            continue;
        *ret_status = persistent ? table[i].next : table[i].otherwise;
        return 0;
    }
    return -EPERM;
}

const char *aps_instance_event_word(enum aps_instance_event event)
{
    static const char *const words[] = {"launched", "ready", "left", "park", "back", "stop", "next"};
    return words[event];
}
