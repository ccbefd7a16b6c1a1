/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control plane's side of sessions: hosts, placement, leases, pins, and the copy of each session's
 * status. Blocking; call from worker threads. Each change is one transaction of the main store, so several
 * gateways can do this at once. */
#ifndef ISTHMUS_SESSION_SESSION_BROKER_H
#define ISTHMUS_SESSION_SESSION_BROKER_H

#include "identity/identity.h"
#include "session/session_state.h"

struct session_broker;

struct session_broker_options {
    struct store *store;
    const struct clock *clock;
    const char *strategy;           /* RoundRobin, LeastConnections, Weighted */
    int64_t heartbeat_expiry_s;     /* a host silent for longer gets no new session; 0: 45 */
    unsigned max_sessions_per_user; /* 0: no limit of its own */
    int64_t affinity_s; /* a user returns to the host of a session that changed within this time */
};

int session_broker_create(const struct session_broker_options *options, struct session_broker **ret_broker);
struct session_broker *session_broker_destroy(struct session_broker *broker);

struct session_host_info {
    char server_url[513];
    int max_sessions;
    char instance_type[65];
    json_t *tags; /* array of strings; lent on the way in */
    json_t *capabilities;
    char version[65];
};
int session_broker_register(struct session_broker *broker, const struct session_host_info *host);
int session_broker_heartbeat(struct session_broker *broker, const char *server_url, const char *status,
                             int active_sessions, int max_sessions, double cpu,
                             double memory); /* -ENOENT: unknown host */
int session_broker_unregister(struct session_broker *broker, const char *server_url);
/* Some host that is in service, for its pages. -EHOSTDOWN. */
int session_broker_any_host(struct session_broker *broker, char ret_url[513]);

/* Calls fn for every host that the register knows, in service or not, by URL, until it gives false. The
 * hosts' tags and capabilities are lent for the call. */
int session_broker_each_host(struct session_broker *broker,
                             bool (*fn)(void *arg, const struct session_host_info *host, bool in_service),
                             void *arg);

struct session_row {
    char id[SECRET_ID_LEN];
    char user_id[SECRET_ID_LEN];
    char username[129];
    char organisation_id[SECRET_ID_LEN];
    char workspace_id[SECRET_ID_LEN];
    char app_id[SECRET_ID_LEN];
    char server_url[513];
    int status;
    int viewers;
    int64_t created, changed;
    int ws_port, http_port; /* of the streamer, 0 before getConnection */
    char reason[33];        /* why it ended */
};

/* Finds the user's living session for workspace and application (then *ret_resumed), or takes a lease and a
 * host for a new one, status -1. wanted_id may be NULL, else it must be unused or the user's own living
 * session. -ENOSPC no host has room; -EDQUOT user limit; -EEXIST wanted_id is somebody else's or used up;
 * -EHOSTDOWN no host at all. */
int session_broker_select(struct session_broker *broker, const struct identity_user *user,
                          const struct identity_launch *launch, const char *wanted_id,
                          struct session_row *ret_row, bool *ret_resumed);
/* The user's session (or anybody's when user_id is NULL). -ENOENT. */
int session_broker_get(struct session_broker *broker, const char *session_id, const char *user_id,
                       struct session_row *ret_row);
/* The user's sessions that are not over, the oldest first; at most max of them. */
int session_broker_of_user(struct session_broker *broker, const char *user_id, struct session_row *ret_rows,
                           size_t max, size_t *ret_count);
/* A lease that nobody has fetched yet (status -1) gets its whole time again; anything else stays as it is. */
int session_broker_renew(struct session_broker *broker, const char *session_id);
/* A status that a host tells by another protocol than session_broker_report, with the same rules: the end is
 * final, what was released stays released. *ret_row is the row after it. -ENOENT when there is no such
 * session at this host or it is over; -EINVAL for a number that is no status. reason may be "". */
int session_broker_told(struct session_broker *broker, const char *server_url, const char *session_id,
                        int status, const char *reason, struct session_row *ret_row);
/* What the session is to start, as it was at select. */
int session_broker_launch(struct session_broker *broker, const char *session_id,
                          struct identity_launch *ret_launch);
int session_broker_connected(struct session_broker *broker, const char *session_id, int ws_port,
                             int http_port);
/* Marks for ending: -1 rows end at once, others get status 3 and are told to their host. *ret_row is the row
 * after it. */
int session_broker_release(struct session_broker *broker, const char *session_id, const char *user_id,
                           struct session_row *ret_row);
/* A host's report (docs/protocol/internal.md): applies what is new, remembers the sequence, lists what the
 * host should end. */
int session_broker_report(struct session_broker *broker, const char *server_url, bool full,
                          const json_t *reports, int64_t *ret_acknowledged, json_t **ret_end);
/* The host says that it has no such session (any more): ends the row. */
int session_broker_ended(struct session_broker *broker, const char *session_id, const char *reason);
/* The gateway's count of owner sockets, for status; adds delta. */
int session_broker_viewers(struct session_broker *broker, const char *session_id, int delta);
/* Periodic: ends -1 rows nobody fetched within expiry_s and sessions of hosts that were silent for a week,
 * forgets ended rows older than keep_s. */
int session_broker_expire(struct session_broker *broker, int64_t expiry_s, int64_t keep_s);

#endif
