/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity/identity_priv.h"

static int read_application(struct store_rows *rows, struct identity_application *app)
{
    const struct {
        char *to;
        size_t size;
    } columns[] = {
        {app->id, sizeof(app->id)},
        {app->name, sizeof(app->name)},
        {app->description, sizeof(app->description)},
        {app->executable, sizeof(app->executable)},
        {app->arguments, sizeof(app->arguments)},
        {app->icon, sizeof(app->icon)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        if (store_copy(rows, (int)i, columns[i].to, columns[i].size) < 0)
            return -EIO;
    }
    return 0;
}

int identity_application(struct identity *identity, const char *app_id, struct identity_application *ret_app)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    struct identity_application app = {0};
    if (store_begin(identity->store, false, &txn) < 0)
        return -EIO;
    int r = store_query_one(txn, &rows,
                            "SELECT id, name, description, executable, arguments, icon FROM applications"
                            " WHERE id = $1 AND published = 1 AND status = 'active'",
                            "s", app_id);
    if (r > 0)
        r = read_application(rows, &app);
    else if (r == 0)
        r = -ENOENT;
    store_rows_free(rows);
    store_rollback(txn);
    if (r == 0)
        *ret_app = app;
    return r == 0 || r == -ENOENT ? r : -EIO;
}
