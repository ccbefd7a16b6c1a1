/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/store_migrate.h"

#include <time.h>

static const char version_table[] = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL "
                                    "PRIMARY KEY, applied BIGINT NOT NULL)";

static int current_version(const struct store_ops *ops, struct store_conn *conn, int64_t *ret_version)
{
    struct store_cursor *cursor = NULL;
    int r = ops->query(conn, "SELECT MAX(version) FROM schema_version", NULL, 0, &cursor);
    if (r < 0)
        return r;
    r = ops->next(cursor);
    if (r == 1)
        *ret_version = ops->integer(cursor, 0);
    ops->finish(cursor);
    return r < 0 ? r : 0;
}

static int apply(const struct store_ops *ops, struct store_conn *conn,
                 const struct store_migration *migration)
{
    int r = ops->script(conn, migration->sql);
    if (r < 0)
        return r;
    const struct store_value values[] = {{.kind = 'i', .number = migration->version},
                                         {.kind = 'i', .number = (int64_t)time(NULL)}};
    r = ops->exec(conn, "INSERT INTO schema_version (version, applied) VALUES ($1, $2)", values,
                  ARRAY_SIZE(values));
    return r < 0 ? r : 0;
}

/* Inside one write transaction, so that of two processes that start together one applies and the other sees
 * it done. 1: a version was applied, 0: nothing is missing. */
static int step(const struct store_ops *ops, struct store_conn *conn,
                const struct store_migration *migrations, size_t count)
{
    int64_t version = 0;
    int r = ops->script(conn, version_table);
    if (r == 0)
        r = current_version(ops, conn, &version);
    if (r < 0)
        return r;
    if (count == 0 || version > migrations[count - 1].version)
        return version > 0 ? -EPROTO : 0;
    for (size_t i = 0; i < count; i++) {
        if (migrations[i].version > version) {
            r = apply(ops, conn, &migrations[i]);
            return r < 0 ? r : 1;
        }
    }
    return 0;
}

int store_migrate(const struct store_ops *ops, struct store_conn *conn,
                  const struct store_migration *migrations, size_t count, char **ret_cause)
{
    int r = 1;
    while (r == 1) {
        r = ops->begin(conn, true);
        if (r < 0)
            break;
        r = step(ops, conn, migrations, count);
        if (r < 0) {
            *ret_cause = r == -EPROTO
                             ? xstrdup("the database was made by a newer version of this program")
                             : xasprintf("the database's schema cannot be made: %s", ops->message(conn));
            ops->rollback(conn);
            return r;
        }
        int committed = ops->commit(conn);
        if (committed < 0)
            r = committed;
    }
    if (r < 0)
        *ret_cause = xasprintf("the database cannot be written: %s", ops->message(conn));
    return r;
}
