/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session host's journal: its sessions and the changes that the control plane has not acknowledged yet.
 * Times are Unix seconds.
 *
 * What runs is in its slot's order.json, beside the keeper that runs it. changes.sequence never goes back:
 * the last one given out is meta 'sequence', which outlives the acknowledged rows. */
#ifndef ISTHMUS_STORE_MIGRATIONS_HOST_SQL_H
#define ISTHMUS_STORE_MIGRATIONS_HOST_SQL_H

#define STORE_HOST_SQL                                                                                       \
    "CREATE TABLE sessions ("                                                                                \
    " session_id TEXT NOT NULL PRIMARY KEY,"                                                                 \
    " slot INTEGER NOT NULL,"                                                                                \
    " status INTEGER NOT NULL CHECK (status IN (0, 1, 22, 2, 3, 4, 9, 10, 11)),"                             \
    " reason TEXT NOT NULL,"                                                                                 \
    " ever_seen INTEGER NOT NULL CHECK (ever_seen IN (0, 1)),"                                               \
    " persistent INTEGER NOT NULL CHECK (persistent IN (0, 1)),"                                             \
    " sequence BIGINT NOT NULL,"                                                                             \
    " changed BIGINT NOT NULL);"                                                                             \
    "CREATE TABLE changes ("                                                                                 \
    " sequence BIGINT NOT NULL PRIMARY KEY,"                                                                 \
    " session_id TEXT NOT NULL,"                                                                             \
    " status INTEGER NOT NULL,"                                                                              \
    " reason TEXT NOT NULL,"                                                                                 \
    " time BIGINT NOT NULL);"                                                                                \
    "CREATE TABLE meta ("                                                                                    \
    " name TEXT NOT NULL PRIMARY KEY,"                                                                       \
    " value TEXT NOT NULL);"

/* start_order: what is to be started and how it may live, a JSON object: a session that has not been started
 * has no other place for it. note: a JSON object that belongs to a front-end. "" for none. */
#define STORE_HOST_ORDER_SQL                                                                                 \
    "ALTER TABLE sessions ADD COLUMN start_order TEXT NOT NULL DEFAULT '';"                                  \
    "ALTER TABLE sessions ADD COLUMN note TEXT NOT NULL DEFAULT '';"

#endif
