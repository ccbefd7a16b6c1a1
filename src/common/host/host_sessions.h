/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The owner's side of host/host_session.h: the role that runs a session host makes the sessions' table with
 * its pool and journal, reports from it to the control plane, and ends it. Loop thread only. */
#ifndef ISTHMUS_HOST_HOST_SESSIONS_H
#define ISTHMUS_HOST_HOST_SESSIONS_H

#include "host/host_session.h"

struct host_sessions_options {
    struct loop *loop;
    const struct config *config; /* lent */
    const char *state_dir;
    const struct pool_options *pool; /* what pool_create gets */
    void (*reports_due)(void *arg);  /* changes are on disk that are not acknowledged */
    void *arg;
};

/* Opens pool and journal and takes over what an earlier run has left: sessions under their keepers go on,
 * reserved slots are reserved again, others are over. Blocking, before the loop runs. ret_cause: a sentence,
 * the caller frees; may stay NULL. */
int host_sessions_create(const struct host_sessions_options *options, struct host_sessions **ret_sessions,
                         char **ret_cause);
/* Whoever waits is told -EBUSY, nothing waits any more. Before the front-ends go. NULL-safe. */
void host_sessions_close(struct host_sessions *host);
/* Leaves what runs under its keepers. After host_sessions_close. NULL-safe; returns NULL. */
struct host_sessions *host_sessions_destroy(struct host_sessions *host);

struct pool *host_sessions_pool(const struct host_sessions *host);
/* Whether the journal can be written. */
bool host_sessions_healthy(const struct host_sessions *host);

/* For the control plane (host/control_plane.h). New references. */
json_t *host_sessions_reports(const struct host_sessions *host); /* all living, and unconfirmed ends */
json_t *host_sessions_changes(const struct host_sessions *host, size_t max);
void host_sessions_acknowledge(struct host_sessions *host, int64_t sequence);

/* No new sessions from now on. */
void host_sessions_drain(struct host_sessions *host);
/* Ends every session, with "shutdown" as the reason. */
void host_sessions_end_all(struct host_sessions *host);
/* Nobody waits, and after host_sessions_end_all: everything is gone. */
bool host_sessions_settled(const struct host_sessions *host);

#endif
