/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The database behind one interface: SQL with $1, $2 … parameters that both SQLite (today) and PostgreSQL
 * (later, same schema) understand. Blocking: call from worker threads, or before the loop runs. A store keeps
 * a few connections; store_begin takes one, store_commit and store_rollback give it back. Only this folder
 * knows SQLite.
 *
 * A store may be used by many threads, a transaction by one at a time. A thread holds at most one transaction
 * of a store: with a second one it would wait for itself (until -EBUSY). */
#ifndef ISTHMUS_STORE_STORE_H
#define ISTHMUS_STORE_STORE_H

#include "base/util.h"

struct store;
struct store_txn;
struct store_rows;

struct store_migration {
    int version; /* 1, 2, 3 … */
    const char *sql;
};

/* url: "sqlite:/path/to/file" or "sqlite::memory:". Applies the migrations that are missing, each in a
 * transaction, and refuses a database newer than the program (-EPROTO). The file is created with mode 0600;
 * its directory must exist. -EINVAL for an unknown kind of url, -EIO for a file that cannot be used.
 * ret_cause: a sentence, the caller frees; may be NULL. */
int store_open(const char *url, const struct store_migration *migrations, size_t count,
               struct store **ret_store, char **ret_cause);
/* Every transaction must have ended. NULL-safe; returns NULL. */
struct store *store_close(struct store *store);

/* What the database said about the latest failure, for the log line of the role; "" when nothing failed yet.
 */
#define STORE_ERROR_LEN 256
void store_error(struct store *store, char ret_text[STORE_ERROR_LEN]);

/* The schemas: the gateway's main store and the session host's journal. */
extern const struct store_migration store_main_migrations[];
extern const size_t store_main_migration_count;
extern const struct store_migration store_host_migrations[];
extern const size_t store_host_migration_count;

/* write: takes the write lock now, so that the transaction cannot fail half way. A transaction without it
 * reads one consistent state of the database. -EBUSY after 5 s, -EIO. */
int store_begin(struct store *store, bool write, struct store_txn **ret_txn);
/* Gives the connection back in every case. 0 only when the changes are on disk; -EIO, and then none of them
 * happened. A NULL txn is -EINVAL. */
int store_commit(struct store_txn *txn);
void store_rollback(struct store_txn *txn); /* NULL-safe */

/* Parameters follow a format of one letter each: s (const char *, NULL allowed), i (int64_t), b (const void
 * *, size_t). store_exec(txn, "INSERT INTO users (id, name) VALUES ($1, $2)", "ss", id, name) Number of rows
 * changed, or -EEXIST for a broken unique constraint, -ESTALE for a broken foreign key or check, -EPERM in a
 * transaction without write, -EIO. At most 32 parameters; each must occur in the SQL. After an error the
 * transaction can go on. */
int store_exec(struct store_txn *txn, const char *sql, const char *format, ...);
/* The rows must be freed before the transaction ends. Errors as above. */
int store_query(struct store_txn *txn, struct store_rows **ret_rows, const char *sql, const char *format,
                ...);
/* 1 and the next row is current; 0 at the end; -EIO. */
int store_next(struct store_rows *rows);
/* Columns of the current row, from 0. Text is lent until the next step; NULL for SQL null. */
const char *store_text(struct store_rows *rows, int column);
int64_t store_int(struct store_rows *rows, int column); /* 0 for SQL null */
const void *store_blob(struct store_rows *rows, int column, size_t *ret_len);
struct store_rows *store_rows_free(struct store_rows *rows); /* NULL-safe; returns NULL */

/* Runs a query for one row: 1 and rows stand on it, 0 and *ret_rows is NULL when there is none, negative as
 * above. */
int store_query_one(struct store_txn *txn, struct store_rows **ret_rows, const char *sql, const char *format,
                    ...);

/* Copies a column into an array; null gives "". -ENAMETOOLONG when it does not fit: the schema and the struct
 * disagree. */
int store_copy(struct store_rows *rows, int column, char *dst, size_t size);

/* For locals: "cleanup_rows struct store_rows *rows = NULL;" */
#define cleanup_rows __attribute__((cleanup(store_rows_freep)))
static inline void store_rows_freep(struct store_rows **rows)
{
    store_rows_free(*rows);
}

#endif
