/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool of connections, transactions and the calls on them. */
#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "base/str.h"
#include "store/store_migrate.h"
#include "store/store_priv.h"

#define STORE_CONNECTIONS 4
#define STORE_WAIT_S 5

struct store_txn {
    struct store *store;
    struct store_conn *conn;
    bool write;
    bool used;
};

struct store_rows {
    struct store_txn *txn;
    struct store_cursor *cursor;
};

struct store {
    const struct store_ops *ops;
    unsigned count;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t freed;
    bool writing;
    struct store_txn slots[STORE_CONNECTIONS];
    char error[STORE_ERROR_LEN];
};

static const struct store_ops *const databases[] = {&store_sqlite_ops};

static const struct store_ops *find_ops(const char *url)
{
    for (size_t i = 0; i < ARRAY_SIZE(databases); i++) {
        if (str_starts_with(url, databases[i]->scheme))
            return databases[i];
    }
    return NULL;
}

/* Waiting is on the monotonic clock: a stepped wall clock must not turn 5 s into an hour. */
static int init_sync(struct store *store)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&store->lock, NULL) != 0)
        return -ENOMEM;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int r = pthread_cond_init(&store->freed, &attr);
    pthread_condattr_destroy(&attr);
    if (r == 0)
        return 0;
    pthread_mutex_destroy(&store->lock);
    return -ENOMEM;
}

static int open_connections(struct store *store, const char *where, const struct store_migration *migrations,
                            size_t migration_count, char **ret_cause)
{
    for (unsigned i = 0; i < store->count; i++) {
        struct store_txn *slot = &store->slots[i];
        slot->store = store;
        int r = store->ops->connect(where, i == 0, &slot->conn, ret_cause);
        if (r < 0)
            return r;
        if (i > 0)
            continue;
        r = store_migrate(store->ops, slot->conn, migrations, migration_count, ret_cause);
        if (r < 0)
            return r;
    }
    return 0;
}

int store_open(const char *url, const struct store_migration *migrations, size_t count,
               struct store **ret_store, char **ret_cause)
{
    const struct store_ops *ops = find_ops(url);
    if (!ops) {
        if (ret_cause)
            *ret_cause = xasprintf("unknown kind of database: %s", url);
        return -EINVAL;
    }
    const char *where = url + strlen(ops->scheme);
    struct store *store = xcalloc(1, sizeof(*store));
    store->ops = ops;
    store->count = MIN(ops->connections(where), STORE_CONNECTIONS);
    int r = init_sync(store);
    if (r < 0) {
        free(store);
        return r;
    }
    char *cause = NULL;
    r = open_connections(store, where, migrations, count, &cause);
    if (r < 0) {
        store_close(store);
        if (ret_cause)
            *ret_cause = cause;
        else
            free(cause);
        return r;
    }
    *ret_store = store;
    return 0;
}

struct store *store_close(struct store *store)
{
    if (!store)
        return NULL;
    for (unsigned i = 0; i < store->count; i++) {
        if (store->slots[i].conn)
            store->ops->disconnect(store->slots[i].conn);
    }
    pthread_cond_destroy(&store->freed);
    pthread_mutex_destroy(&store->lock);
    free(store);
    return NULL;
}

static void set_error(struct store *store, const char *text)
{
    pthread_mutex_lock(&store->lock);
    size_t len = strnlen(text, STORE_ERROR_LEN - 1);
    memcpy(store->error, text, len);
    store->error[len] = '\0';
    pthread_mutex_unlock(&store->lock);
}

void store_error(struct store *store, char ret_text[STORE_ERROR_LEN])
{
    pthread_mutex_lock(&store->lock);
    memcpy(ret_text, store->error, STORE_ERROR_LEN);
    pthread_mutex_unlock(&store->lock);
}

/* Broken constraints are answers, not failures: only the rest is remembered. */
static int note(struct store_txn *txn, int r)
{
    if (r < 0 && r != -EEXIST && r != -ESTALE)
        set_error(txn->store, txn->store->ops->message(txn->conn));
    return r;
}

static struct store_txn *free_slot(struct store *store, bool write)
{
    if (write && store->writing && store->ops->one_writer)
        return NULL;
    for (unsigned i = 0; i < store->count; i++) {
        if (!store->slots[i].used)
            return &store->slots[i];
    }
    return NULL;
}

static struct store_txn *take_slot(struct store *store, bool write)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STORE_WAIT_S;
    pthread_mutex_lock(&store->lock);
    struct store_txn *txn = free_slot(store, write);
    int r = 0;
    while (!txn && r == 0) {
        r = pthread_cond_timedwait(&store->freed, &store->lock, &until);
        txn = free_slot(store, write);
    }
    if (txn) {
        txn->used = true;
        txn->write = write;
        store->writing = store->writing || write;
    }
    pthread_mutex_unlock(&store->lock);
    return txn;
}

static void give_slot(struct store_txn *txn)
{
    struct store *store = txn->store;
    pthread_mutex_lock(&store->lock);
    txn->used = false;
    if (txn->write)
        store->writing = false;
    /* All of them: the one woken might wait for the write turn while another one only wants a connection. */
    pthread_cond_broadcast(&store->freed);
    pthread_mutex_unlock(&store->lock);
}

int store_begin(struct store *store, bool write, struct store_txn **ret_txn)
{
    struct store_txn *txn = take_slot(store, write);
    if (!txn) {
        set_error(store, "no connection became free in time");
        return -EBUSY;
    }
    int r = note(txn, store->ops->begin(txn->conn, write));
    if (r < 0) {
        give_slot(txn);
        return r;
    }
    *ret_txn = txn;
    return 0;
}

int store_commit(struct store_txn *txn)
{
    if (!txn)
        return -EINVAL;
    int r = note(txn, txn->store->ops->commit(txn->conn));
    give_slot(txn);
    return r;
}

void store_rollback(struct store_txn *txn)
{
    if (!txn)
        return;
    txn->store->ops->rollback(txn->conn);
    give_slot(txn);
}

/* Reads the arguments that the format names: how many, or -EINVAL for a letter or a count that is a
 * programming error. */
static int read_values(const char *format, va_list args, struct store_value values[STORE_PARAMETERS])
{
    size_t count = strlen(format);
    if (count > STORE_PARAMETERS)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        struct store_value *v = &values[i];
        *v = (struct store_value){.kind = format[i]};
        if (format[i] == 's') {
            v->data = va_arg(args, const char *);
            v->len = v->data ? strlen(v->data) : 0;
        } else if (format[i] == 'i') {
            v->number = va_arg(args, int64_t);
        } else if (format[i] == 'b') {
            v->data = va_arg(args, const void *);
            v->len = va_arg(args, size_t);
        } else {
            return -EINVAL;
        }
    }
    return (int)count;
}

int store_exec(struct store_txn *txn, const char *sql, const char *format, ...)
{
    struct store_value values[STORE_PARAMETERS];
    if (!txn->write)
        return -EPERM;
    va_list args;
    va_start(args, format);
    int count = read_values(format, args, values);
    va_end(args);
    if (count < 0)
        return count;
    return note(txn, txn->store->ops->exec(txn->conn, sql, values, (size_t)count));
}

static int query(struct store_txn *txn, struct store_rows **ret_rows, const char *sql, const char *format,
                 va_list args)
{
    struct store_value values[STORE_PARAMETERS];
    int count = read_values(format, args, values);
    if (count < 0)
        return count;
    struct store_cursor *cursor = NULL;
    int r = note(txn, txn->store->ops->query(txn->conn, sql, values, (size_t)count, &cursor));
    if (r < 0)
        return r;
    struct store_rows *rows = xcalloc(1, sizeof(*rows));
    rows->txn = txn;
    rows->cursor = cursor;
    *ret_rows = rows;
    return 0;
}

int store_query(struct store_txn *txn, struct store_rows **ret_rows, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int r = query(txn, ret_rows, sql, format, args);
    va_end(args);
    return r;
}

int store_query_one(struct store_txn *txn, struct store_rows **ret_rows, const char *sql, const char *format,
                    ...)
{
    struct store_rows *rows = NULL;
    va_list args;
    va_start(args, format);
    int r = query(txn, &rows, sql, format, args);
    va_end(args);
    if (r < 0)
        return r;
    r = store_next(rows);
    *ret_rows = r == 1 ? rows : store_rows_free(rows);
    return r;
}

int store_next(struct store_rows *rows)
{
    return note(rows->txn, rows->txn->store->ops->next(rows->cursor));
}

const char *store_text(struct store_rows *rows, int column)
{
    return rows->txn->store->ops->text(rows->cursor, column);
}

int64_t store_int(struct store_rows *rows, int column)
{
    return rows->txn->store->ops->integer(rows->cursor, column);
}

const void *store_blob(struct store_rows *rows, int column, size_t *ret_len)
{
    return rows->txn->store->ops->blob(rows->cursor, column, ret_len);
}

int store_copy(struct store_rows *rows, int column, char *dst, size_t size)
{
    const char *text = store_text(rows, column);
    return str_copy(dst, size, text ? text : "");
}

struct store_rows *store_rows_free(struct store_rows *rows)
{
    if (rows) {
        rows->txn->store->ops->finish(rows->cursor);
        free(rows);
    }
    return NULL;
}
