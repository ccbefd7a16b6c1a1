/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "session/broker_priv.h"

int64_t broker_now(const struct session_broker *broker)
{
    return clock_wall_s(broker->clock);
}

int broker_finish(struct store_txn *txn, int result)
{
    if (result < 0) {
        store_rollback(txn);
        return result;
    }
    int r = store_commit(txn);
    return r < 0 ? r : result;
}

int broker_none_is_fine(int changed)
{
    return changed < 0 ? changed : 0;
}

int broker_row_read(struct store_rows *rows, struct broker_row *ret_row)
{
    struct broker_row out = {0};
    struct session_row *row = &out.row;
    const struct {
        char *to;
        size_t size;
    } texts[] = {
        {row->id, sizeof(row->id)},
        {row->user_id, sizeof(row->user_id)},
        {row->username, sizeof(row->username)},
        {row->organisation_id, sizeof(row->organisation_id)},
        {row->workspace_id, sizeof(row->workspace_id)},
        {row->app_id, sizeof(row->app_id)},
        {row->server_url, sizeof(row->server_url)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *text = store_text(rows, (int)i);
        if (!text || str_copy(texts[i].to, texts[i].size, text) < 0)
            return -EIO; /* nothing of ours writes such a row */
    }
    const char *reason = store_text(rows, 11);
    if (!reason || str_copy(row->reason, sizeof(row->reason), reason) < 0)
        return -EIO;
    row->status = (int)store_int(rows, 7);
    row->viewers = (int)store_int(rows, 8);
    row->ws_port = (int)store_int(rows, 9);
    row->http_port = (int)store_int(rows, 10);
    row->created = store_int(rows, 12);
    row->changed = store_int(rows, 13);
    out.sequence = store_int(rows, 14);
    out.end_requested = store_int(rows, 15) != 0;
    *ret_row = out;
    return 0;
}

int broker_row_find(struct store_txn *txn, const char *sql, const char *a, const char *b, const char *c,
                    struct broker_row *ret_row)
{
    struct store_rows *rows = NULL;
    int r;
    if (b)
        r = store_query(txn, &rows, sql, "sss", a, b, c);
    else
        r = store_query(txn, &rows, sql, "s", a);
    if (r < 0)
        return r;
    r = store_next(rows);
    if (r == 0)
        r = -ENOENT;
    else if (r > 0)
        r = broker_row_read(rows, ret_row);
    store_rows_free(rows);
    return r;
}

int broker_row_by_id(struct store_txn *txn, const char *session_id, struct broker_row *ret_row)
{
    return broker_row_find(txn, "SELECT " BROKER_ROW_COLUMNS " FROM sessions WHERE id = $1", session_id, NULL,
                           NULL, ret_row);
}

int broker_row_set_ended(struct session_broker *broker, struct store_txn *txn, const char *session_id,
                         const char *reason)
{
    return broker_none_is_fine(store_exec(txn,
                                          "UPDATE sessions SET status = 4, reason = $1, changed = $2, "
                                          "ws_port = 0, http_port = 0 WHERE id = $3 AND status <> 4",
                                          "sis", reason, broker_now(broker), session_id));
}

/* What is to be started is kept as it was at select, so that a later change of a publication or a policy does
 * not reach into a running session. */
char *broker_launch_text(const struct identity_launch *launch)
{
    cleanup_json json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O?}", "workspaceId", launch->workspace_id, "workspaceName",
        launch->workspace_name, "workspaceType", launch->workspace_type, "appId", launch->app_id, "appName",
        launch->app_name, "appExe", launch->app_exe, "appArgs", launch->app_args, "policy", launch->policy);
    return object ? json_text(object) : NULL;
}

static int copy_member(const json_t *object, const char *name, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && str_copy(to, size, text) == 0 ? 0 : -EIO;
}

int broker_launch_parse(const char *text, struct identity_launch *ret_launch)
{
    char error[JSON_ERROR_LEN];
    cleanup_json json_t *object = NULL;
    struct identity_launch out = {0};

    if (!text || json_read(text, strlen(text), &object, error) < 0)
        return -EIO;
    if (copy_member(object, "workspaceId", out.workspace_id, sizeof(out.workspace_id)) < 0 ||
        copy_member(object, "workspaceName", out.workspace_name, sizeof(out.workspace_name)) < 0 ||
        copy_member(object, "workspaceType", out.workspace_type, sizeof(out.workspace_type)) < 0 ||
        copy_member(object, "appId", out.app_id, sizeof(out.app_id)) < 0 ||
        copy_member(object, "appName", out.app_name, sizeof(out.app_name)) < 0 ||
        copy_member(object, "appExe", out.app_exe, sizeof(out.app_exe)) < 0 ||
        copy_member(object, "appArgs", out.app_args, sizeof(out.app_args)) < 0)
        return -EIO;
    json_t *policy = json_object_get(object, "policy");
    out.policy = json_is_object(policy) ? json_incref(policy) : json_object();
    *ret_launch = out;
    return 0;
}
