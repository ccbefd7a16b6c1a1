/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/host_journal_sql.h"

#include <utlist.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#define RETRY_MS 2000
#define CHANGES_MAX                                                                                          \
    100000 /* unconfirmed ones; past that the oldest are dropped and a full report has to tell */

struct change {
    int64_t sequence;
    char session_id[SECRET_ID_LEN];
    int status;
    char reason[33];
    int64_t time;
    struct change *prev, *next;
};

struct waiter {
    uint64_t until; /* the number of the last write that it waits for */
    void (*fn)(void *arg, int result);
    void *arg;
    struct waiter *prev, *next;
};

struct host_journal {
    struct loop *loop;
    struct store *store;
    void (*written)(void *arg);
    void *arg;
    int64_t sequence;
    struct change *changes; /* on disk, not acknowledged */
    size_t change_count;
    struct host_journal_write *waiting; /* the loop's */
    struct host_journal_write *busy;    /* the worker's, while working is set */
    /* Writes are numbered from 1: the last one that was asked for, is being written, is on disk. */
    uint64_t asked, begun, written_up_to;
    struct waiter *waiters;
    bool working, healthy, closing;
    int result;
    struct loop_timer *retry;
};

static int write_all(struct host_journal *j)
{
    struct store_txn *txn;
    struct host_journal_write *write;
    int r = store_begin(j->store, true, &txn);
    if (r < 0)
        return r;
    DL_FOREACH(j->busy, write)
    {
        r = host_journal_sql_write(txn, write);
        if (r < 0) {
            store_rollback(txn);
            return r;
        }
    }
    return store_commit(txn);
}

static void work(void *arg)
{
    struct host_journal *j = arg;
    j->result = write_all(j);
}

static void keep_change(void *arg, const struct host_journal_session *s)
{
    struct host_journal *j = arg;
    struct change *change = xcalloc(1, sizeof *change);
    change->sequence = s->sequence;
    memcpy(change->session_id, s->session_id, sizeof change->session_id);
    change->status = s->status;
    memcpy(change->reason, s->reason, sizeof change->reason);
    change->time = s->changed;
    DL_APPEND(j->changes, change);
    if (++j->change_count > CHANGES_MAX) {
        struct change *oldest = j->changes;
        DL_DELETE(j->changes, oldest);
        free(oldest);
        j->change_count--;
    }
}

static void free_write(struct host_journal_write *write)
{
    free(write->order);
    free(write->note);
    free(write);
}

/* Frees what was written; true when there was a change among it. */
static bool take_written(struct host_journal *j)
{
    bool changed = false;
    struct host_journal_write *write, *next;
    DL_FOREACH_SAFE(j->busy, write, next)
    {
        if (write->kind == WRITE_SESSION && write->change) {
            keep_change(j, &write->session);
            changed = true;
        }
        DL_DELETE(j->busy, write);
        free_write(write);
    }
    return changed;
}

/* They may ask for more. */
static void tell_waiters(struct host_journal *j, uint64_t until, int result)
{
    struct waiter *told = NULL, *waiter, *next;
    DL_FOREACH_SAFE(j->waiters, waiter, next)
    {
        if (waiter->until > until)
            continue;
        DL_DELETE(j->waiters, waiter);
        DL_APPEND(told, waiter);
    }
    DL_FOREACH_SAFE(told, waiter, next)
    {
        DL_DELETE(told, waiter);
        waiter->fn(waiter->arg, result);
        free(waiter);
    }
}

static void start_writing(struct host_journal *j);

static void free_journal(struct host_journal *j)
{
    struct host_journal_write *write, *next;
    DL_FOREACH_SAFE(j->waiting, write, next)
    {
        DL_DELETE(j->waiting, write);
        free_write(write);
    }
    DL_FOREACH_SAFE(j->busy, write, next)
    {
        DL_DELETE(j->busy, write);
        free_write(write);
    }
    struct change *change, *next_change;
    DL_FOREACH_SAFE(j->changes, change, next_change)
    {
        DL_DELETE(j->changes, change);
        free(change);
    }
    loop_timer_destroy(j->retry);
    store_close(j->store);
    free(j);
}

static void done(void *arg)
{
    struct host_journal *j = arg;
    j->working = false;
    j->healthy = j->result >= 0;
    if (j->closing) {
        if (j->result >= 0)
            (void)take_written(j);
        DL_CONCAT(j->busy, j->waiting);
        j->waiting = NULL;
        if (j->busy)
            work(j);
        free_journal(j);
        return;
    }
    uint64_t begun = j->begun;
    if (j->result < 0) {
        loop_timer_start(j->retry, RETRY_MS, 0); /* the same ones again, in front of newer ones */
        tell_waiters(j, begun, j->result);
        return;
    }
    bool changed = take_written(j);
    j->written_up_to = begun;
    start_writing(j);
    if (changed)
        j->written(j->arg);
    tell_waiters(j, begun, 0);
}

static void start_writing(struct host_journal *j)
{
    if (j->working || (!j->waiting && !j->busy))
        return;
    DL_CONCAT(j->busy, j->waiting);
    j->waiting = NULL;
    j->begun = j->asked;
    j->working = true;
    if (loop_work(j->loop, work, done, j) < 0) {
        j->working = false;
        loop_timer_start(j->retry, RETRY_MS, 0);
    }
}

static void on_retry(void *arg)
{
    start_writing(arg);
}

/* A disk that stalls must not make copies of a long note pile up: the newest one is enough. */
static void drop_older_texts(struct host_journal *j, const struct host_journal_write *newer)
{
    struct host_journal_write *write;
    DL_FOREACH(j->waiting, write)
    {
        if (write->kind != WRITE_SESSION || !str_eq(write->session.session_id, newer->session.session_id))
            continue;
        if (newer->order) {
            free(write->order);
            write->order = NULL;
        }
        if (newer->note) {
            free(write->note);
            write->note = NULL;
        }
    }
}

/* Takes over the texts. */
static void add_write(struct host_journal *j, const struct host_journal_write *write)
{
    struct host_journal_write *copy = xcalloc(1, sizeof *copy);
    *copy = *write;
    copy->prev = copy->next = NULL;
    if (copy->order || copy->note)
        drop_older_texts(j, copy);
    DL_APPEND(j->waiting, copy);
    j->asked++;
    start_writing(j);
}

int host_journal_open(struct loop *loop, const char *state_dir, host_journal_found found,
                      void (*written)(void *arg), void *arg, struct host_journal **ret_journal,
                      char **ret_cause)
{
    cleanup_free char *dir = xasprintf("%s/db", state_dir);
    cleanup_free char *url = xasprintf("sqlite:%s/db/host.sqlite", state_dir);
    int r = dir_make(dir, 0700);
    if (r < 0) {
        *ret_cause = xasprintf("%s cannot be created: %s", dir, strerror(-r));
        return r;
    }
    struct host_journal *j = xcalloc(1, sizeof *j);
    j->loop = loop;
    j->written = written;
    j->arg = arg;
    j->healthy = true;
    r = store_open(url, store_host_migrations, store_host_migration_count, &j->store, ret_cause);
    struct store_txn *txn = NULL;
    if (r >= 0)
        r = store_begin(j->store, false, &txn);
    if (r >= 0) {
        r = host_journal_sql_sequence(txn, &j->sequence);
        if (r >= 0)
            r = host_journal_sql_changes(txn, keep_change, j);
        if (r >= 0)
            r = host_journal_sql_sessions(txn, found, arg);
        store_rollback(txn);
    }
    if (r >= 0)
        r = loop_timer_create(loop, on_retry, j, &j->retry);
    if (r < 0) {
        if (!*ret_cause)
            *ret_cause = xasprintf("%s cannot be read: %s", url, strerror(-r));
        free_journal(j);
        return r;
    }
    *ret_journal = j;
    return 0;
}

struct host_journal *host_journal_close(struct host_journal *j)
{
    if (!j)
        return NULL;
    j->closing = true;
    j->retry = loop_timer_destroy(j->retry);
    if (j->working)
        return NULL; /* the worker's end frees it, in loop_destroy at the latest */
    j->working = true;
    j->result = 0;
    done(j);
    return NULL;
}

void host_journal_put(struct host_journal *j, struct host_journal_session *session, bool change,
                      const char *order, const char *note)
{
    session->changed = clock_wall_s(NULL);
    if (change)
        session->sequence = ++j->sequence;
    struct host_journal_write write = {.kind = WRITE_SESSION,
                                       .session = *session,
                                       .change = change,
                                       .order = order ? xstrdup(order) : NULL,
                                       .note = note ? xstrdup(note) : NULL};
    add_write(j, &write);
}

void host_journal_forget(struct host_journal *j, const char *session_id)
{
    struct host_journal_write write = {.kind = WRITE_FORGET};
    (void)str_copy(write.session.session_id, sizeof write.session.session_id, session_id);
    add_write(j, &write);
}

void host_journal_wait(struct host_journal *j, void (*fn)(void *arg, int result), void *arg)
{
    if (j->written_up_to == j->asked) {
        fn(arg, 0);
        return;
    }
    struct waiter *waiter = xcalloc(1, sizeof *waiter);
    *waiter = (struct waiter){.until = j->asked, .fn = fn, .arg = arg};
    DL_APPEND(j->waiters, waiter);
}

void host_journal_dismiss(struct host_journal *j, int result)
{
    tell_waiters(j, UINT64_MAX, result);
}

json_t *host_journal_changes(struct host_journal *j, size_t max)
{
    json_t *array = json_array();
    struct change *change;
    DL_FOREACH(j->changes, change)
    {
        if (json_array_size(array) >= max)
            break;
        json_array_append_new(array,
                              json_pack("{s:s, s:I, s:i, s:s, s:I}", "sessionId", change->session_id,
                                        "sequence", (json_int_t)change->sequence, "status", change->status,
                                        "reason", change->reason, "time", (json_int_t)change->time));
    }
    return array;
}

void host_journal_acknowledge(struct host_journal *j, int64_t sequence)
{
    bool any = false;
    struct change *change, *next;
    DL_FOREACH_SAFE(j->changes, change, next)
    {
        if (change->sequence > sequence)
            break;
        DL_DELETE(j->changes, change);
        free(change);
        j->change_count--;
        any = true;
    }
    struct host_journal_write write = {.kind = WRITE_ACKNOWLEDGE, .session = {.sequence = sequence}};
    if (any)
        add_write(j, &write);
}

bool host_journal_has_changes(const struct host_journal *j)
{
    return j->changes != NULL;
}

bool host_journal_healthy(const struct host_journal *j)
{
    return j->healthy;
}
