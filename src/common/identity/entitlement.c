/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user may start: user -> groups -> rights -> workspaces -> applications and policy
 * (spec/webstream.md 8.5). */
#include "identity/identity_priv.h"

#define WORKSPACES_MAX "500"
#define APPLICATIONS_MAX "500"

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int read_applications(struct store_txn *txn, const char *workspace_id, json_t *ret_list)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query(txn, &rows,
                        "SELECT a.id, a.name, a.description, a.icon FROM workspace_apps x"
                        " JOIN applications a ON a.id = x.application_id"
                        " WHERE x.workspace_id = $1 AND a.published = 1 AND a.status = 'active'"
                        " ORDER BY x.position, a.name LIMIT " APPLICATIONS_MAX,
                        "s", workspace_id);
    if (r < 0)
        return r;
    while ((r = store_next(rows)) == 1) {
        json_t *app = json_pack("{ssssssss}", "id", or_empty(store_text(rows, 0)), "name",
                                or_empty(store_text(rows, 1)), "description", or_empty(store_text(rows, 2)),
                                "icon", or_empty(store_text(rows, 3)));
        if (json_array_append_new(ret_list, app) < 0)
            return -EIO;
    }
    return r;
}

/* Where a password for a network drive is kept concerns the host alone. */
static void strip_secrets(json_t *policy)
{
    size_t i;
    json_t *mapping;
    json_array_foreach(json_object_get(json_object_get(policy, "session"), "driveMappings"), i, mapping)
    {
        json_object_del(mapping, "passwordRef");
        json_object_del(mapping, "username");
    }
}

static int add_workspace(struct store_txn *txn, struct store_rows *rows, json_t *list)
{
    const char *type = or_empty(store_text(rows, 2));
    json_t *policy = NULL;
    json_t *apps = json_array();
    int r = read_applications(txn, store_text(rows, 0), apps);
    if (r == 0)
        r = identity_read_policy(rows, 4, &policy);
    /* A collection of nothing cannot be started: it is not shown. */
    bool shown = strcmp(type, "app_collection") != 0 || json_array_size(apps) > 0;
    if (r < 0 || !shown) {
        json_decref(apps);
        json_decref(policy);
        return r;
    }
    strip_secrets(policy);
    json_t *workspace = json_pack("{sssssssssoso}", "id", or_empty(store_text(rows, 0)), "name",
                                  or_empty(store_text(rows, 1)), "type", type, "description",
                                  or_empty(store_text(rows, 3)), "applications", apps, "policy", policy);
    return json_array_append_new(list, workspace) < 0 ? -EIO : 0;
}

static int read_workspaces(struct store_txn *txn, const char *user_id, json_t *list)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query(txn, &rows,
                        "SELECT w.id, w.name, w.type, w.description, p.security, p.session, p.resources"
                        " FROM workspaces w" IDENTITY_POLICY_JOIN " WHERE " IDENTITY_GRANTED
                        " ORDER BY w.name LIMIT " WORKSPACES_MAX,
                        "s", user_id);
    if (r < 0)
        return r;
    while ((r = store_next(rows)) == 1) {
        r = add_workspace(txn, rows, list);
        if (r < 0)
            return r;
    }
    return r;
}

static int user_exists(struct store_txn *txn, const char *user_id)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows, "SELECT id FROM users WHERE id = $1 AND enabled = 1", "s", user_id);
    return r == 0 ? -ENOENT : r;
}

int identity_entitlements(struct identity *identity, const char *user_id, json_t **ret_workspaces)
{
    struct store_txn *txn = NULL;
    if (store_begin(identity->store, false, &txn) < 0)
        return -EIO;
    json_t *list = json_array();
    int r = user_exists(txn, user_id);
    if (r >= 0)
        r = read_workspaces(txn, user_id, list);
    store_rollback(txn);
    if (r < 0) {
        json_decref(list);
        return r == -ENOENT ? r : -EIO;
    }
    *ret_workspaces = list;
    return 0;
}
