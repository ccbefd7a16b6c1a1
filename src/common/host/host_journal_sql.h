/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the journal says to its database. Blocking: on a worker, or before the loop runs. Results as those of
 * store/store.h. */
#ifndef ISTHMUS_HOST_HOST_JOURNAL_SQL_H
#define ISTHMUS_HOST_HOST_JOURNAL_SQL_H

#include "host/host_journal.h"
#include "store/store.h"

enum write_kind { WRITE_SESSION, WRITE_FORGET, WRITE_ACKNOWLEDGE };

struct host_journal_write {
    enum write_kind kind;
    struct host_journal_session session;
    bool change;
    char *order, *note; /* NULL: as they are */
    struct host_journal_write *prev, *next;
};

int host_journal_sql_write(struct store_txn *txn, const struct host_journal_write *write);
/* The number from which on the changes are counted. */
int host_journal_sql_sequence(struct store_txn *txn, int64_t *ret_sequence);
/* The changes that are not acknowledged, the oldest first: id, sequence, status, reason and time. */
int host_journal_sql_changes(struct store_txn *txn,
                             void (*found)(void *arg, const struct host_journal_session *change), void *arg);
int host_journal_sql_sessions(struct store_txn *txn, host_journal_found found, void *arg);

#endif
