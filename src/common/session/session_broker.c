/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/session_broker.h"

#include "base/clock.h"
#include "base/str.h"
#include "session/broker_priv.h"

int session_broker_create(const struct session_broker_options *options, struct session_broker **ret_broker)
{
    struct session_broker *broker = xcalloc(1, sizeof(*broker));
    struct store_txn *txn = NULL;
    int r = str_copy(broker->strategy, sizeof(broker->strategy), options->strategy ? options->strategy : "");

    broker->store = options->store;
    broker->clock = options->clock;
    broker->heartbeat_expiry_s =
        options->heartbeat_expiry_s > 0 ? options->heartbeat_expiry_s : BROKER_HEARTBEAT_EXPIRY_S;
    broker->max_sessions_per_user = options->max_sessions_per_user;
    broker->affinity_s = options->affinity_s;
    broker->started_ms = clock_monotonic_ms(options->clock);
    if (r < 0)
        goto fail;
    /* Sockets do not outlive their gateway, so a count that is still there was left by one that was killed.
     */
    r = store_begin(broker->store, true, &txn);
    if (r < 0)
        goto fail;
    r = broker_finish(txn, store_exec(txn, "UPDATE sessions SET viewers = 0 WHERE viewers <> 0", ""));
    if (r < 0)
        goto fail;
    *ret_broker = broker;
    return 0;
fail:
    free(broker);
    return r;
}

struct session_broker *session_broker_destroy(struct session_broker *broker)
{
    free(broker);
    return NULL;
}

int session_broker_get(struct session_broker *broker, const char *session_id, const char *user_id,
                       struct session_row *ret_row)
{
    struct store_txn *txn = NULL;
    struct broker_row found;
    int r = store_begin(broker->store, false, &txn);
    if (r < 0)
        return r;
    r = broker_finish(txn, broker_row_by_id(txn, session_id, &found));
    if (r < 0)
        return r;
    if (user_id && strcmp(user_id, found.row.user_id) != 0)
        return -ENOENT; /* the same answer as for no session at all: ids cannot be probed */
    *ret_row = found.row;
    return 0;
}

int session_broker_launch(struct session_broker *broker, const char *session_id,
                          struct identity_launch *ret_launch)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    int r = store_begin(broker->store, false, &txn);
    if (r < 0)
        return r;
    r = store_query(txn, &rows, "SELECT launch FROM sessions WHERE id = $1", "s", session_id);
    if (r >= 0)
        r = store_next(rows);
    if (r == 0)
        r = -ENOENT;
    else if (r > 0)
        r = broker_launch_parse(store_text(rows, 0), ret_launch);
    store_rows_free(rows);
    store_rollback(txn);
    return r;
}

int session_broker_connected(struct session_broker *broker, const char *session_id, int ws_port,
                             int http_port)
{
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "UPDATE sessions SET ws_port = $1, http_port = $2 WHERE id = $3 AND " BROKER_SQL_ALIVE,
                   "iis", (int64_t)ws_port, (int64_t)http_port, session_id);
    return broker_finish(txn, r == 0 ? -ENOENT : broker_none_is_fine(r));
}

int session_broker_ended(struct session_broker *broker, const char *session_id, const char *reason)
{
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    return broker_finish(txn, broker_row_set_ended(broker, txn, session_id, reason));
}

int session_broker_viewers(struct session_broker *broker, const char *session_id, int delta)
{
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "UPDATE sessions SET viewers = CASE WHEN viewers + $1 < 0 THEN 0 ELSE viewers + $1 END "
                   "WHERE id = $2",
                   "is", (int64_t)delta, session_id);
    return broker_finish(txn, r == 0 ? -ENOENT : broker_none_is_fine(r));
}

int session_broker_expire(struct session_broker *broker, int64_t expiry_s, int64_t keep_s)
{
    int64_t now = broker_now(broker);
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    /* Once a host has answered getConnection the session is its business, even before its first report is
     * here. */
    r = store_exec(txn,
                   "UPDATE sessions SET status = 4, reason = 'timeout', changed = $1 "
                   "WHERE status = -1 AND ws_port = 0 AND changed < $2",
                   "ii", now, now - expiry_s);
    /* A host that never came back: nobody else can say that its sessions are over. Only who has listened for
     * that long can know; a gateway that was off itself cannot. */
    int64_t lost_s = BROKER_LOST_DAYS * 86400;
    uint64_t up_ms = clock_monotonic_ms(broker->clock) - broker->started_ms;
    if (r >= 0 && up_ms / 1000 >= (uint64_t)lost_s)
        r = store_exec(txn,
                       "UPDATE sessions SET status = 4, reason = 'lost', changed = $1, viewers = 0 "
                       "WHERE status <> 4 AND changed < $2 AND server_url NOT IN "
                       "(SELECT server_url FROM hosts WHERE seen >= $2)",
                       "ii", now, now - lost_s);
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM sessions WHERE status = 4 AND changed < $1", "i", now - keep_s);
    return broker_finish(txn, broker_none_is_fine(r));
}
