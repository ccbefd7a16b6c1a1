/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who hears of the sessions. */
#include "host/host_priv.h"

int host_sessions_listen(struct host_sessions *host, const struct host_session_events *events, void *arg)
{
    if (host->listener_count == ARRAY_SIZE(host->listeners))
        return -ENOSPC;
    host->listeners[host->listener_count++] = (struct host_listener){events, arg};
    return 0;
}

void host_tell_changed(struct host_session *session, int before)
{
    const struct host_sessions *host = session->host;
    for (size_t i = 0; i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->changed)
            to->events->changed(to->arg, session, before);
    }
}

void host_tell_display(struct host_session *session)
{
    const struct host_sessions *host = session->host;
    for (size_t i = 0; i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->display)
            to->events->display(to->arg, session);
    }
}

void host_tell_forgotten(struct host_session *session)
{
    const struct host_sessions *host = session->host;
    for (size_t i = 0; i < host->listener_count; i++) {
        const struct host_listener *to = &host->listeners[i];
        if (to->events->forgotten)
            to->events->forgotten(to->arg, session);
    }
}
