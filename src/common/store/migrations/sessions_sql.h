/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control plane's tables of hosts and sessions (session/session_broker.h). Times are Unix seconds. */
#ifndef ISTHMUS_STORE_MIGRATIONS_SESSIONS_SQL_H
#define ISTHMUS_STORE_MIGRATIONS_SESSIONS_SQL_H

/* hosts.placed: number of the last placement, for taking turns. hosts.sequence: the highest report that was
 * stored. cpu and memory are thousandths. sessions.end_requested: released here, the host may not know yet.
 * sessions_living is what makes select idempotent even between two gateways. */
#define STORE_SESSIONS_SQL                                                                                   \
    "CREATE TABLE hosts ("                                                                                   \
    " server_url TEXT PRIMARY KEY,"                                                                          \
    " max_sessions INTEGER NOT NULL CHECK (max_sessions >= 0),"                                              \
    " instance_type TEXT NOT NULL,"                                                                          \
    " tags TEXT NOT NULL,"                                                                                   \
    " capabilities TEXT NOT NULL,"                                                                           \
    " version TEXT NOT NULL,"                                                                                \
    " status TEXT NOT NULL,"                                                                                 \
    " active_sessions INTEGER NOT NULL,"                                                                     \
    " cpu INTEGER NOT NULL,"                                                                                 \
    " memory INTEGER NOT NULL,"                                                                              \
    " registered BIGINT NOT NULL,"                                                                           \
    " seen BIGINT NOT NULL,"                                                                                 \
    " placed BIGINT NOT NULL,"                                                                               \
    " sequence BIGINT NOT NULL);"                                                                            \
    "CREATE TABLE sessions ("                                                                                \
    " id TEXT PRIMARY KEY,"                                                                                  \
    " user_id TEXT NOT NULL,"                                                                                \
    " username TEXT NOT NULL,"                                                                               \
    " organisation_id TEXT NOT NULL,"                                                                        \
    " workspace_id TEXT NOT NULL,"                                                                           \
    " app_id TEXT NOT NULL,"                                                                                 \
    " server_url TEXT NOT NULL,"                                                                             \
    " status INTEGER NOT NULL CHECK (status IN (-1, 0, 1, 22, 2, 3, 4, 9, 10, 11)),"                         \
    " end_requested INTEGER NOT NULL,"                                                                       \
    " viewers INTEGER NOT NULL,"                                                                             \
    " ws_port INTEGER NOT NULL,"                                                                             \
    " http_port INTEGER NOT NULL,"                                                                           \
    " reason TEXT NOT NULL,"                                                                                 \
    " sequence BIGINT NOT NULL,"                                                                             \
    " created BIGINT NOT NULL,"                                                                              \
    " changed BIGINT NOT NULL,"                                                                              \
    " launch TEXT NOT NULL);"                                                                                \
    "CREATE UNIQUE INDEX sessions_living ON sessions (user_id, workspace_id, app_id)"                        \
    " WHERE status NOT IN (3, 4);"                                                                           \
    "CREATE INDEX sessions_host ON sessions (server_url, status);"                                           \
    "CREATE INDEX sessions_status ON sessions (status, changed);"

#endif
