/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session is to start, resolved from ids alone: nothing that a browser says about programs is used. */
#include "base/str.h"
#include "identity/identity_priv.h"

#define DESKTOP "remotedesktop"

static int exists(struct store_txn *txn, const char *sql, const char *user_id, const char *id)
{
    cleanup_rows struct store_rows *rows = NULL;
    return store_query_one(txn, &rows, sql, "ss", user_id, id);
}

static int find_workspace(struct store_txn *txn, const char *user_id, const char *workspace_id,
                          struct identity_launch *launch)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows,
                            "SELECT w.id, w.name, w.type, p.security, p.session, p.resources"
                            " FROM workspaces w" IDENTITY_POLICY_JOIN " WHERE w.id = $2 AND " IDENTITY_GRANTED
                            " AND EXISTS (SELECT 1 FROM users e WHERE e.id = $1 AND e.enabled = 1)",
                            "ss", user_id, workspace_id);
    if (r < 0)
        return r;
    if (r == 0) {
        r = exists(txn,
                   "SELECT w.id FROM workspaces w JOIN users u ON u.organisation_id = w.organisation_id"
                   " WHERE u.id = $1 AND w.id = $2",
                   user_id, workspace_id);
        return r < 0 ? r : r == 1 ? -EACCES : -ENOENT;
    }
    if (store_copy(rows, 0, launch->workspace_id, sizeof(launch->workspace_id)) < 0 ||
        store_copy(rows, 1, launch->workspace_name, sizeof(launch->workspace_name)) < 0 ||
        store_copy(rows, 2, launch->workspace_type, sizeof(launch->workspace_type)) < 0)
        return -EIO;
    return identity_read_policy(rows, 3, &launch->policy);
}

static int find_application(struct store_txn *txn, const char *app_id, struct identity_launch *launch)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(
        txn, &rows,
        "SELECT a.id, a.name, a.executable, a.arguments, a.published = 1 AND a.status = 'active'"
        " FROM workspace_apps x JOIN applications a ON a.id = x.application_id"
        " WHERE x.workspace_id = $1 AND a.id = $2",
        "ss", launch->workspace_id, app_id);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    if (store_int(rows, 4) != 1)
        return -EACCES;
    if (store_copy(rows, 0, launch->app_id, sizeof(launch->app_id)) < 0 ||
        store_copy(rows, 1, launch->app_name, sizeof(launch->app_name)) < 0 ||
        store_copy(rows, 2, launch->app_exe, sizeof(launch->app_exe)) < 0 ||
        store_copy(rows, 3, launch->app_args, sizeof(launch->app_args)) < 0)
        return -EIO;
    return 0;
}

static int resolve(struct store_txn *txn, const char *user_id, const char *workspace_id, const char *app_id,
                   struct identity_launch *launch)
{
    int r = find_workspace(txn, user_id, workspace_id, launch);
    if (r < 0)
        return r;
    if (app_id && *app_id)
        return find_application(txn, app_id, launch);
    /* A collection without a choice is a mistake of the caller: it never becomes a desktop. */
    if (str_eq(launch->workspace_type, "app_collection"))
        return -ENOENT;
    return str_copy(launch->app_exe, sizeof(launch->app_exe), DESKTOP);
}

int identity_launch(struct identity *identity, const char *user_id, const char *workspace_id,
                    const char *app_id, struct identity_launch *ret_launch)
{
    struct identity_launch launch = {0};
    struct store_txn *txn = NULL;
    if (store_begin(identity->store, false, &txn) < 0)
        return -EIO;
    int r = resolve(txn, user_id, workspace_id, app_id, &launch);
    store_rollback(txn);
    if (r < 0) {
        identity_launch_finish(&launch);
        return r == -EACCES || r == -ENOENT ? r : -EIO;
    }
    *ret_launch = launch;
    return 0;
}

void identity_launch_finish(struct identity_launch *launch)
{
    json_decref(launch->policy);
    launch->policy = NULL;
}
