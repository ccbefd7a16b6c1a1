/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the broker share. Every function here runs inside the caller's transaction. */
#ifndef ISTHMUS_SESSION_BROKER_PRIV_H
#define ISTHMUS_SESSION_BROKER_PRIV_H

#include "session/session_broker.h"

#define BROKER_HEARTBEAT_EXPIRY_S 45
#define BROKER_LOST_DAYS 7
#define BROKER_REPORTS_MAX 500
#define BROKER_FULL_GRACE_S                                                                                  \
    30 /* a full report may have been written before a session that is younger than this */

/* The states that hold a slot at their host: the living ones and "to destroy", whose account is still being
 * cleaned. */
#define BROKER_SQL_HOLDS_SLOT "status <> 4"
#define BROKER_SQL_ALIVE "status NOT IN (3, 4)"

/* Columns in the order that broker_row_read expects. */
#define BROKER_ROW_COLUMNS                                                                                   \
    "id, user_id, username, organisation_id, workspace_id, app_id, server_url, status, viewers, ws_port, "   \
    "http_port, reason, created, changed, sequence, end_requested"

struct session_broker {
    struct store *store;
    const struct clock *clock;
    char strategy[32];
    int64_t heartbeat_expiry_s;
    int64_t max_sessions_per_user;
    int64_t affinity_s;
    uint64_t started_ms;
};

/* A row with the columns that only the broker needs. */
struct broker_row {
    struct session_row row;
    int64_t sequence; /* of the last report that was applied */
    bool end_requested;
};

int64_t broker_now(const struct session_broker *broker);
/* Commits when result is not negative, else rolls back; gives result, or the commit's error. */
int broker_finish(struct store_txn *txn, int result);
int broker_row_read(struct store_rows *rows, struct broker_row *ret_row);
/* The first row of a query "SELECT BROKER_ROW_COLUMNS … WHERE a = $1 …" over up to three texts. -ENOENT. */
int broker_row_find(struct store_txn *txn, const char *sql, const char *a, const char *b, const char *c,
                    struct broker_row *ret_row);
int broker_row_by_id(struct store_txn *txn, const char *session_id, struct broker_row *ret_row);
int broker_row_set_ended(struct session_broker *broker, struct store_txn *txn, const char *session_id,
                         const char *reason);
/* Number of rows changed as 0, errors as they are. */
int broker_none_is_fine(int changed);

/* The host for a new session of the user; wanted is a server URL or NULL. -EHOSTDOWN no usable host, -ENOSPC
 * all full. */
int broker_place(struct session_broker *broker, struct store_txn *txn, const char *user_id,
                 const char *wanted, char ret_url[513]);

/* Whether the host is registered and not silent: 1, 0, or an error. */
int broker_in_service(struct session_broker *broker, struct store_txn *txn, const char *server_url);

char *broker_launch_text(const struct identity_launch *launch);
int broker_launch_parse(const char *text, struct identity_launch *ret_launch);

#endif
