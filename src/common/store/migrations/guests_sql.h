/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guests in sessions, and the codes by which a page comes into one (identity/identity.h). Times are Unix
 * seconds. */
#ifndef ISTHMUS_STORE_MIGRATIONS_GUESTS_SQL_H
#define ISTHMUS_STORE_MIGRATIONS_GUESTS_SQL_H

/* session_codes.code is the SHA-256 of the code, user_id the session's owner, guest a name or "". */
#define STORE_GUESTS_SQL                                                                                     \
    "CREATE TABLE session_codes ("                                                                           \
    " code TEXT NOT NULL PRIMARY KEY,"                                                                       \
    " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"                                        \
    " session_id TEXT NOT NULL,"                                                                             \
    " role TEXT NOT NULL CHECK (role IN ('owner', 'active', 'passive')),"                                    \
    " guest TEXT NOT NULL,"                                                                                  \
    " expires BIGINT NOT NULL);"                                                                             \
    "CREATE INDEX session_codes_expires ON session_codes (expires);"                                         \
    "CREATE INDEX session_codes_user ON session_codes (user_id);"                                            \
    "ALTER TABLE tickets ADD COLUMN role TEXT NOT NULL DEFAULT 'owner';"                                     \
    "ALTER TABLE tickets ADD COLUMN guest TEXT NOT NULL DEFAULT '';"

#endif
