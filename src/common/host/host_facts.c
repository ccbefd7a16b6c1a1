/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be asked about a session. */
#include "host/host_priv.h"

const char *host_session_id(const struct host_session *session)
{
    return session->record.session_id;
}

int host_session_status(const struct host_session *session)
{
    return session->record.status;
}

const char *host_session_reason(const struct host_session *session)
{
    return session->record.reason;
}

bool host_session_persistent(const struct host_session *session)
{
    return session->record.persistent;
}

bool host_session_ever_seen(const struct host_session *session)
{
    return session->record.ever_seen;
}

unsigned host_session_browsers(const struct host_session *session)
{
    return session->browsers;
}

unsigned host_session_slot(const struct host_session *session)
{
    return session->record.slot;
}

void host_session_size(const struct host_session *session, int *ret_width, int *ret_height)
{
    *ret_width = session->order.width;
    *ret_height = session->order.height;
}

void host_session_max_size(const struct host_session *session, int *ret_width, int *ret_height)
{
    *ret_width = session->order.max_width;
    *ret_height = session->order.max_height;
}

const json_t *host_session_note(const struct host_session *session)
{
    return session->note;
}

void host_sessions_each(struct host_sessions *host, void (*fn)(void *arg, struct host_session *session),
                        void *arg)
{
    struct host_session *session, *next;
    HASH_ITER(hh, host->table, session, next)
    {
        fn(arg, session);
    }
}
