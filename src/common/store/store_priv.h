/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between store.c (pool of connections, transactions, migrations) and a database. A second database is a
 * second struct store_ops and one line in store.c's table. */
#ifndef ISTHMUS_STORE_STORE_PRIV_H
#define ISTHMUS_STORE_STORE_PRIV_H

#include "store/store.h"

#define STORE_PARAMETERS 32

/* One parameter, as the format letter says. */
struct store_value {
    char kind; /* s, i, b */
    const void *data;
    size_t len;
    int64_t number;
};

/* Defined by each database; store.c only passes them around. */
struct store_conn;
struct store_cursor;

/* A connection is used by one thread at a time. Errors are those of store.h; message() has the database's own
 * words for the latest one. */
struct store_ops {
    const char *scheme; /* "sqlite:" */
    /* Writers of one process wait for each other in store.c, in turn, instead of polling the database's lock.
     */
    bool one_writer;
    unsigned (*connections)(const char *where); /* how many a pool may hold */
    int (*connect)(const char *where, bool first, struct store_conn **ret_conn, char **ret_cause);
    void (*disconnect)(struct store_conn *conn);
    const char *(*message)(struct store_conn *conn);
    int (*begin)(struct store_conn *conn, bool write);
    int (*commit)(struct store_conn *conn); /* on failure the transaction is rolled back */
    void (*rollback)(struct store_conn *conn);
    int (*script)(struct store_conn *conn, const char *sql); /* several statements, no parameters */
    int (*exec)(struct store_conn *conn, const char *sql, const struct store_value *values, size_t count);
    int (*query)(struct store_conn *conn, const char *sql, const struct store_value *values, size_t count,
                 struct store_cursor **ret_cursor);
    int (*next)(struct store_cursor *cursor);
    const char *(*text)(struct store_cursor *cursor, int column);
    int64_t (*integer)(struct store_cursor *cursor, int column);
    const void *(*blob)(struct store_cursor *cursor, int column, size_t *ret_len);
    void (*finish)(struct store_cursor *cursor);
};

extern const struct store_ops store_sqlite_ops;

#endif
