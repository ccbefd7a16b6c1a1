/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The database behind one interface: SQL with $1, $2 … parameters that both SQLite (today) and PostgreSQL (later, same schema) understand. Blocking:
 * call from worker threads, or before the loop runs. A store keeps a few connections; store_begin takes one, store_commit and store_rollback give it
 * back. Only this folder knows SQLite. */
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

/* url: "sqlite:/path/to/file" or "sqlite::memory:". Applies the migrations that are missing, each in a transaction, and refuses a database newer than the
 * program (-EPROTO). ret_cause: a sentence, the caller frees. */
int store_open(const char *url, const struct store_migration *migrations, size_t count, struct store **ret_store,
               char **ret_cause);
struct store *store_close(struct store *store); /* NULL-safe; returns NULL */

/* The schemas: the gateway's main store and the session host's journal. */
extern const struct store_migration store_main_migrations[];
extern const size_t store_main_migration_count;
extern const struct store_migration store_host_migrations[];
extern const size_t store_host_migration_count;

/* write: takes the write lock now, so that the transaction cannot fail half way. -EBUSY after 5 s, -EIO. */
int store_begin(struct store *store, bool write, struct store_txn **ret_txn);
int store_commit(struct store_txn *txn);      /* gives the connection back in every case */
void store_rollback(struct store_txn *txn);   /* NULL-safe */

/* Parameters follow a format of one letter each: s (const char *, NULL allowed), i (int64_t), b (const void *, size_t).
 *   store_exec(txn, "INSERT INTO users (id, name) VALUES ($1, $2)", "ss", id, name)
 * Number of rows changed, or -EEXIST for a broken unique constraint, -ESTALE for a broken foreign key or check, -EIO. */
int store_exec(struct store_txn *txn, const char *sql, const char *format, ...);
int store_query(struct store_txn *txn, struct store_rows **ret_rows, const char *sql, const char *format, ...);
/* 1 and the next row is current; 0 at the end; -EIO. */
int store_next(struct store_rows *rows);
/* Columns of the current row, from 0. Text is lent until the next step; NULL for SQL null. */
const char *store_text(struct store_rows *rows, int column);
int64_t store_int(struct store_rows *rows, int column);
struct store_rows *store_rows_free(struct store_rows *rows); /* NULL-safe; returns NULL */

#endif
