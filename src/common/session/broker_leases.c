/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking and giving back a session: one write transaction each, so that of two selects at the same time the
 * second sees what the first did. */
#include "base/str.h"
#include "session/broker_priv.h"

/* The session that this select means, when there is one already: the wanted id, or the user's living session
 * of the workspace and application. A double click and a retry after a lost answer both end here. -ENOENT: a
 * new one is to be made. */
static int find_living(struct store_txn *txn, const struct identity_user *user,
                       const struct identity_launch *launch, const char *wanted_id,
                       struct broker_row *ret_row)
{
    struct broker_row found;
    if (wanted_id) {
        int r = broker_row_by_id(txn, wanted_id, &found);
        if (r < 0 && r != -ENOENT)
            return r;
        if (r == 0) {
            bool same = str_eq(found.row.user_id, user->id) && session_status_is_alive(found.row.status) &&
                        str_eq(found.row.workspace_id, launch->workspace_id) &&
                        str_eq(found.row.app_id, launch->app_id);
            if (!same)
                return -EEXIST;
            *ret_row = found;
            return 0;
        }
    }
    return broker_row_find(txn,
                           "SELECT " BROKER_ROW_COLUMNS " FROM sessions WHERE user_id = $1 AND "
                           "workspace_id = $2 AND app_id = $3 AND " BROKER_SQL_ALIVE,
                           user->id, launch->workspace_id, launch->app_id, ret_row);
}

static int count_living(struct store_txn *txn, const char *user_id, int64_t *ret_count)
{
    struct store_rows *rows = NULL;
    int r = store_query(txn, &rows, "SELECT COUNT(*) FROM sessions WHERE user_id = $1 AND " BROKER_SQL_ALIVE,
                        "s", user_id);
    if (r < 0)
        return r;
    r = store_next(rows);
    if (r > 0)
        *ret_count = store_int(rows, 0);
    store_rows_free(rows);
    return r > 0 ? 0 : r < 0 ? r : -EIO;
}

/* The smaller of the policy's limit and the broker's own; 0: none. */
static int64_t user_limit(const struct session_broker *broker, const json_t *policy)
{
    int64_t own = broker->max_sessions_per_user;
    int64_t granted =
        json_integer_value(json_object_get(json_object_get(policy, "session"), "maxSessionsPerUser"));
    if (granted <= 0)
        return own;
    return own > 0 ? MIN(own, granted) : granted;
}

static const char *pinned_host(const json_t *policy)
{
    const char *host =
        json_string_value(json_object_get(json_object_get(policy, "resources"), "hostPlacement"));
    return host && *host && strcmp(host, "auto") != 0 ? host : NULL;
}

static int insert(struct session_broker *broker, struct store_txn *txn, const struct identity_user *user,
                  const struct identity_launch *launch, const char *wanted_id, struct session_row *ret_row)
{
    struct session_row row = {.status = SESSION_TO_CREATE, .created = broker_now(broker)};
    cleanup_free char *text = broker_launch_text(launch);
    int64_t living = 0, limit = user_limit(broker, launch->policy);
    int r = text ? count_living(txn, user->id, &living) : -EINVAL;
    if (r < 0)
        return r;
    if (limit > 0 && living >= limit)
        return -EDQUOT;
    r = broker_place(broker, txn, user->id, pinned_host(launch->policy), row.server_url);
    if (r < 0)
        return r;
    if (wanted_id)
        r = str_copy(row.id, sizeof(row.id), wanted_id);
    else
        secret_random_id(row.id);
    if (r < 0 || str_copy(row.user_id, sizeof(row.user_id), user->id) < 0 ||
        str_copy(row.username, sizeof(row.username), user->username) < 0 ||
        str_copy(row.organisation_id, sizeof(row.organisation_id), user->organisation_id) < 0 ||
        str_copy(row.workspace_id, sizeof(row.workspace_id), launch->workspace_id) < 0 ||
        str_copy(row.app_id, sizeof(row.app_id), launch->app_id) < 0)
        return -EINVAL;
    row.changed = row.created;
    r = store_exec(
        txn,
        "INSERT INTO sessions (id, user_id, username, organisation_id, workspace_id, app_id, "
        "server_url, status, end_requested, viewers, ws_port, http_port, reason, sequence, created, "
        "changed, launch) VALUES ($1, $2, $3, $4, $5, $6, $7, -1, 0, 0, 0, 0, '', 0, $8, $8, $9)",
        "sssssssis", row.id, row.user_id, row.username, row.organisation_id, row.workspace_id, row.app_id,
        row.server_url, row.created, text);
    if (r < 0)
        return r;
    *ret_row = row;
    return 0;
}

/* A lease that nobody has fetched yet gets its whole time again, and another host when its own is gone.
 * (Should that one have started it all the same, its report will not fit the pin, and it is told to end it.)
 */
static int renew(struct session_broker *broker, struct store_txn *txn, const struct identity_launch *launch,
                 struct session_row *row)
{
    if (row->status != SESSION_TO_CREATE || row->ws_port != 0)
        return 0;
    int r = broker_in_service(broker, txn, row->server_url);
    if (r == 0)
        r = broker_place(broker, txn, row->user_id, pinned_host(launch->policy), row->server_url);
    if (r < 0)
        return r;
    row->changed = broker_now(broker);
    return store_exec(txn, "UPDATE sessions SET changed = $1, server_url = $2 WHERE id = $3", "iss",
                      row->changed, row->server_url, row->id);
}

int session_broker_select(struct session_broker *broker, const struct identity_user *user,
                          const struct identity_launch *launch, const char *wanted_id,
                          struct session_row *ret_row, bool *ret_resumed)
{
    struct store_txn *txn = NULL;
    struct broker_row found;
    struct session_row row;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = find_living(txn, user, launch, wanted_id, &found);
    bool resumed = r == 0;
    if (resumed) {
        row = found.row;
        r = renew(broker, txn, launch, &row);
    } else if (r == -ENOENT) {
        r = insert(broker, txn, user, launch, wanted_id, &row);
    }
    r = broker_finish(txn, broker_none_is_fine(r));
    if (r < 0)
        return r;
    *ret_row = row;
    *ret_resumed = resumed;
    return 0;
}

/* Status -1 without ports: no host has been asked for it successfully, so nobody has to be told. A host that
 * was asked but whose answer is still under way reports the session later and is then told to end it. */
static int mark_released(struct session_broker *broker, struct store_txn *txn, struct session_row *row)
{
    if (row->status == SESSION_DESTROYED)
        return 0;
    bool at_once = row->status == SESSION_TO_CREATE && row->ws_port == 0;
    row->status = at_once ? SESSION_DESTROYED : SESSION_TO_DESTROY;
    row->changed = broker_now(broker);
    int r = str_copy(row->reason, sizeof(row->reason), "exit");
    if (r < 0)
        return r;
    return store_exec(
        txn,
        "UPDATE sessions SET status = $1, end_requested = 1, reason = 'exit', changed = $2 WHERE id = $3",
        "iis", (int64_t)row->status, row->changed, row->id);
}

int session_broker_release(struct session_broker *broker, const char *session_id, const char *user_id,
                           struct session_row *ret_row)
{
    struct store_txn *txn = NULL;
    struct broker_row found;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = broker_row_by_id(txn, session_id, &found);
    if (r == 0 && user_id && strcmp(user_id, found.row.user_id) != 0)
        r = -ENOENT;
    if (r == 0)
        r = mark_released(broker, txn, &found.row);
    r = broker_finish(txn, broker_none_is_fine(r));
    if (r == 0)
        *ret_row = found.row;
    return r;
}

int session_broker_renew(struct session_broker *broker, const char *session_id)
{
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn, "UPDATE sessions SET changed = $1 WHERE id = $2 AND status = -1 AND ws_port = 0",
                   "is", broker_now(broker), session_id);
    return broker_finish(txn, broker_none_is_fine(r));
}

int session_broker_of_user(struct session_broker *broker, const char *user_id, struct session_row *ret_rows,
                           size_t max, size_t *ret_count)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    size_t count = 0;
    int r = store_begin(broker->store, false, &txn);
    if (r < 0)
        return r;
    r = store_query(txn, &rows,
                    "SELECT " BROKER_ROW_COLUMNS
                    " FROM sessions WHERE user_id = $1 AND status <> 4 ORDER BY created, id",
                    "s", user_id);
    while (r >= 0 && count < max && (r = store_next(rows)) > 0) {
        struct broker_row found;
        r = broker_row_read(rows, &found);
        if (r == 0)
            ret_rows[count++] = found.row;
    }
    store_rows_free(rows);
    store_rollback(txn);
    if (r < 0)
        return r;
    *ret_count = count;
    return 0;
}
