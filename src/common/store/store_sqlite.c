/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SQLite as the embedded database.
 *
 * Durability: write-ahead log with synchronous=FULL. NORMAL would already survive a killed process (the log
 * is in the page cache), but it loses the last commits with the power, and an acknowledged release or
 * password reset must not come back. FULL costs one fdatasync per commit; commits here are logins, session
 * changes and tickets, tens per second at most. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"
#include "store/store_priv.h"

#define SQLITE_WAIT_MS 5000
#define MEMORY ":memory:"

struct store_conn {
    sqlite3 *db;
};

struct store_cursor {
    struct store_conn *conn;
    sqlite3_stmt *stmt;
};

static int to_errno(int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return -EEXIST;
    }
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_CONSTRAINT:
        return -ESTALE;
    case SQLITE_BUSY:
        return -EBUSY;
    }
    return -EIO;
}

static int script(struct store_conn *conn, const char *sql)
{
    return to_errno(sqlite3_exec(conn->db, sql, NULL, NULL, NULL));
}

static const char *message(struct store_conn *conn)
{
    return sqlite3_errmsg(conn->db);
}

static unsigned connections(const char *where)
{
    return str_eq(where, MEMORY) ? 1 : 4; /* every connection to :memory: is a database of its own */
}

static void disconnect(struct store_conn *conn)
{
    sqlite3_close(conn->db);
    free(conn);
}

/* SQLite gives its log and shared memory files the mode of the database file: make that private from its
 * first moment. A file that is there is never opened here: to close any descriptor of it gives up all locks
 * that this process has on it (POSIX), those of the connections that are open already, too. The next process
 * that opened and closed the database would then think itself the last one and remove the log under them. */
static int make_private(const char *where)
{
    struct stat st;
    if (str_eq(where, MEMORY))
        return 0;
    int fd = open(where, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST || lstat(where, &st) < 0)
        return -errno;
    else if (S_ISLNK(st.st_mode))
        return -ELOOP;
    return 0;
}

static int checked_text(struct store_conn *conn, const char *sql, const char *wanted)
{
    sqlite3_stmt *stmt = NULL;
    int r = to_errno(sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL));
    if (r < 0)
        return r;
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW)
        r = rc == SQLITE_DONE ? -EIO : to_errno(rc);
    else if (!str_eq((const char *)sqlite3_column_text(stmt, 0), wanted))
        r = -EIO;
    sqlite3_finalize(stmt);
    return r;
}

/* The switch to the write-ahead log, which happens once in a file's life, does not wait for other processes
 * that open it at the same moment (SQLite fears a deadlock of two that switch): so try again, for as long as
 * everything else waits. */
static int use_log(struct store_conn *conn)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int r = checked_text(conn, "PRAGMA journal_mode=WAL", "wal");
    for (int tried = 0; r == -EBUSY && tried < SQLITE_WAIT_MS / 10; tried++) {
        nanosleep(&pause, NULL);
        r = checked_text(conn, "PRAGMA journal_mode=WAL", "wal");
    }
    return r;
}

static int configure(struct store_conn *conn, const char *where, bool first)
{
    sqlite3_extended_result_codes(conn->db, 1);
    sqlite3_busy_timeout(conn->db, SQLITE_WAIT_MS);
    /* Hardening: no SQL that a schema from a foreign file could smuggle in, no double-quoted strings, no
     * attached library. */
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    int r = script(conn, "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL");
    if (r < 0 || str_eq(where, MEMORY))
        return r;
    r = use_log(conn);
    if (r == 0 && first)
        r = checked_text(conn, "PRAGMA quick_check(1)", "ok");
    return r;
}

static int connect_db(const char *where, bool first, struct store_conn **ret_conn, char **ret_cause)
{
    int r = make_private(where);
    if (r < 0) {
        *ret_cause = xasprintf("%s: %s", where, strerror(-r));
        return -EIO;
    }
    struct store_conn *conn = xcalloc(1, sizeof(*conn));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    r = to_errno(sqlite3_open_v2(where, &conn->db, flags, NULL));
    if (r == 0)
        r = configure(conn, where, first);
    if (r < 0) {
        const char *why = conn->db ? sqlite3_errmsg(conn->db) : "no memory";
        if (conn->db && sqlite3_errcode(conn->db) == SQLITE_OK)
            why = "the file is damaged or on a file system without locks";
        *ret_cause = xasprintf("%s: %s", where, why);
        disconnect(conn);
        return r;
    }
    *ret_conn = conn;
    return 0;
}

static int begin(struct store_conn *conn, bool write)
{
    return script(conn, write ? "BEGIN IMMEDIATE" : "BEGIN");
}

static void rollback(struct store_conn *conn)
{
    /* Some errors roll back by themselves; a second ROLLBACK would only spoil the message. */
    if (!sqlite3_get_autocommit(conn->db))
        script(conn, "ROLLBACK");
}

static int commit(struct store_conn *conn)
{
    /* A full disk in the middle makes SQLite roll back at once: COMMIT must not report that as success. */
    if (sqlite3_get_autocommit(conn->db))
        return -EIO;
    int r = script(conn, "COMMIT");
    if (r < 0) {
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
        return -EIO;
    }
    return 0;
}

static int bind_one(sqlite3_stmt *stmt, int index, const struct store_value *v)
{
    if (v->kind == 'i')
        return sqlite3_bind_int64(stmt, index, v->number);
    if (!v->data)
        return sqlite3_bind_null(stmt, index);
    /* Copied: rows are stepped after the caller's arguments are gone. */
    if (v->kind == 'b')
        return sqlite3_bind_blob64(stmt, index, v->data, v->len, SQLITE_TRANSIENT);
    return sqlite3_bind_text64(stmt, index, v->data, v->len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int prepare(struct store_conn *conn, const char *sql, const struct store_value *values, size_t count,
                   sqlite3_stmt **ret_stmt)
{
    sqlite3_stmt *stmt = NULL;
    if (!sqlite3_get_autocommit(conn->db)) {
        int r = to_errno(sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL));
        if (r < 0)
            return r;
    }
    /* No statement, or outside a transaction because SQLite has rolled it back: nothing may be half done. */
    if (!stmt || (size_t)sqlite3_bind_parameter_count(stmt) != count)
        goto fail;
    for (size_t i = 0; i < count; i++) {
        char name[3 + sizeof("32")] = {'$'};
        size_t n = i + 1;
        size_t at = 1;
        if (n >= 10)
            name[at++] = (char)('0' + n / 10);
        name[at] = (char)('0' + n % 10);
        int index = sqlite3_bind_parameter_index(stmt, name);
        if (index == 0 || bind_one(stmt, index, &values[i]) != SQLITE_OK)
            goto fail;
    }
    *ret_stmt = stmt;
    return 0;
fail:
    sqlite3_finalize(stmt);
    return -EIO;
}

static int exec(struct store_conn *conn, const char *sql, const struct store_value *values, size_t count)
{
    sqlite3_stmt *stmt = NULL;
    int r = prepare(conn, sql, values, count, &stmt);
    if (r < 0)
        return r;
    int rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(stmt);
    r = to_errno(rc);
    if (r == 0)
        r = sqlite3_changes(conn->db);
    sqlite3_finalize(stmt);
    return r;
}

static int query(struct store_conn *conn, const char *sql, const struct store_value *values, size_t count,
                 struct store_cursor **ret_cursor)
{
    sqlite3_stmt *stmt = NULL;
    int r = prepare(conn, sql, values, count, &stmt);
    if (r < 0)
        return r;
    struct store_cursor *cursor = xcalloc(1, sizeof(*cursor));
    cursor->conn = conn;
    cursor->stmt = stmt;
    *ret_cursor = cursor;
    return 0;
}

static int next(struct store_cursor *cursor)
{
    int rc = sqlite3_step(cursor->stmt);
    return rc == SQLITE_ROW ? 1 : to_errno(rc);
}

static const char *text(struct store_cursor *cursor, int column)
{
    return (const char *)sqlite3_column_text(cursor->stmt, column);
}

static int64_t integer(struct store_cursor *cursor, int column)
{
    return sqlite3_column_int64(cursor->stmt, column);
}

static const void *blob(struct store_cursor *cursor, int column, size_t *ret_len)
{
    const void *data = sqlite3_column_blob(cursor->stmt, column);
    *ret_len = (size_t)sqlite3_column_bytes(cursor->stmt, column);
    return data;
}

static void finish(struct store_cursor *cursor)
{
    sqlite3_finalize(cursor->stmt);
    free(cursor);
}

const struct store_ops store_sqlite_ops = {
    .scheme = "sqlite:",
    .one_writer = true,
    .connections = connections,
    .connect = connect_db,
    .disconnect = disconnect,
    .message = message,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .script = script,
    .exec = exec,
    .query = query,
    .next = next,
    .text = text,
    .integer = integer,
    .blob = blob,
    .finish = finish,
};
