/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/host_journal_sql.h"

#include "base/clock.h"
#include "base/str.h"

#define SEQUENCE_GAP 1000 /* numbers that a crashed host may have used without having written them */

static int write_session(struct store_txn *txn, const struct host_journal_write *write)
{
    const struct host_journal_session *s = &write->session;
    int r = store_exec(
        txn,
        "INSERT INTO sessions (session_id, slot, status, reason, ever_seen, persistent, sequence, changed, "
        "start_order, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, COALESCE($9, ''), COALESCE($10, '')) "
        "ON CONFLICT (session_id) DO UPDATE SET slot = $2, status = $3, reason = $4, ever_seen = $5, "
        "persistent = $6, sequence = $7, changed = $8, start_order = COALESCE($9, sessions.start_order), "
        "note = COALESCE($10, sessions.note)",
        "siisiiiiss", s->session_id, (int64_t)s->slot, (int64_t)s->status, s->reason, (int64_t)s->ever_seen,
        (int64_t)s->persistent, s->sequence, s->changed, write->order, write->note);
    if (r < 0 || !write->change)
        return r;
    r = store_exec(
        txn, "INSERT INTO changes (sequence, session_id, status, reason, time) VALUES ($1, $2, $3, $4, $5)",
        "isisi", s->sequence, s->session_id, (int64_t)s->status, s->reason, s->changed);
    cleanup_free char *number = xasprintf("%lld", (long long)s->sequence);
    return r < 0 ? r
                 : store_exec(txn,
                              "INSERT INTO meta (name, value) VALUES ('sequence', $1) ON CONFLICT (name) DO "
                              "UPDATE SET value = $1",
                              "s", number);
}

int host_journal_sql_write(struct store_txn *txn, const struct host_journal_write *write)
{
    switch (write->kind) {
    case WRITE_SESSION:
        return write_session(txn, write);
    case WRITE_FORGET:
        return store_exec(txn, "DELETE FROM sessions WHERE session_id = $1", "s", write->session.session_id);
    case WRITE_ACKNOWLEDGE:
        return store_exec(txn, "DELETE FROM changes WHERE sequence <= $1", "i", write->session.sequence);
    }
    return -EINVAL;
}

int host_journal_sql_sequence(struct store_txn *txn, int64_t *ret_sequence)
{
    struct store_rows *rows;
    int r = store_query(txn, &rows, "SELECT value FROM meta WHERE name = 'sequence'", "");
    if (r < 0)
        return r;
    /* Without a memory of its own a host starts above every number it can have used before. */
    *ret_sequence = clock_wall_s(NULL) * 1000;
    r = store_next(rows);
    if (r > 0 && str_to_int(store_text(rows, 0), 0, INT64_MAX - SEQUENCE_GAP, ret_sequence) < 0)
        r = -EIO;
    if (r > 0)
        *ret_sequence += SEQUENCE_GAP;
    store_rows_free(rows);
    return r < 0 ? r : 0;
}

int host_journal_sql_changes(struct store_txn *txn,
                             void (*found)(void *arg, const struct host_journal_session *change), void *arg)
{
    struct store_rows *rows;
    int r = store_query(
        txn, &rows, "SELECT sequence, session_id, status, reason, time FROM changes ORDER BY sequence", "");
    if (r < 0)
        return r;
    while ((r = store_next(rows)) > 0) {
        struct host_journal_session s = {
            .sequence = store_int(rows, 0), .status = (int)store_int(rows, 2), .changed = store_int(rows, 4)};
        (void)str_copy(s.session_id, sizeof s.session_id, store_text(rows, 1));
        (void)str_copy(s.reason, sizeof s.reason, store_text(rows, 3));
        found(arg, &s);
    }
    store_rows_free(rows);
    return r;
}

int host_journal_sql_sessions(struct store_txn *txn, host_journal_found found, void *arg)
{
    struct store_rows *rows;
    int r = store_query(txn, &rows,
                        "SELECT session_id, slot, status, reason, ever_seen, persistent, sequence, changed, "
                        "start_order, note "
                        "FROM sessions ORDER BY changed",
                        "");
    if (r < 0)
        return r;
    while ((r = store_next(rows)) > 0) {
        struct host_journal_session s = {.slot = (unsigned)store_int(rows, 1),
                                         .status = (int)store_int(rows, 2),
                                         .ever_seen = store_int(rows, 4) != 0,
                                         .persistent = store_int(rows, 5) != 0,
                                         .sequence = store_int(rows, 6),
                                         .changed = store_int(rows, 7)};
        (void)str_copy(s.session_id, sizeof s.session_id, store_text(rows, 0));
        (void)str_copy(s.reason, sizeof s.reason, store_text(rows, 3));
        found(arg, &s, store_text(rows, 8), store_text(rows, 9));
    }
    store_rows_free(rows);
    return r;
}
