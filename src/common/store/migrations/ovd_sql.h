/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the OVD Session Manager keeps beside the sessions (ovd/session_manager). Times are Unix milliseconds.
 */
#ifndef ISTHMUS_STORE_MIGRATIONS_OVD_SQL_H
#define ISTHMUS_STORE_MIGRATIONS_OVD_SQL_H

/* ovd_sessions: the name that legacy clients and servers know a session by, what was asked for at its start
 * (settings, a JSON object), and what is reported about it: started 0 until status 1, reported 1 from status
 * 2 on. ovd_tokens.subject: the invitation of a token of type invite, else "". ovd_applications: the numbers
 * that legacy systems use as application ids. ovd_cookies: logins that wait for a startsession; id is the
 * SHA-256 of the cookie, token the login itself. */
#define STORE_OVD_SQL                                                                                        \
    "CREATE TABLE ovd_sessions ("                                                                            \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " session_id TEXT NOT NULL UNIQUE,"                                                                      \
    " user_id TEXT NOT NULL,"                                                                                \
    " mode TEXT NOT NULL CHECK (mode IN ('desktop', 'portal', 'external')),"                                 \
    " settings TEXT NOT NULL,"                                                                               \
    " created BIGINT NOT NULL,"                                                                              \
    " started BIGINT NOT NULL,"                                                                              \
    " reported INTEGER NOT NULL CHECK (reported IN (0, 1)),"                                                 \
    " stop_why TEXT NOT NULL);"                                                                              \
    "CREATE TABLE ovd_invites ("                                                                             \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " ovd_session TEXT NOT NULL REFERENCES ovd_sessions (id) ON DELETE CASCADE,"                             \
    " email TEXT NOT NULL,"                                                                                  \
    " settings TEXT NOT NULL,"                                                                               \
    " expires BIGINT NOT NULL);"                                                                             \
    "CREATE INDEX ovd_invites_session ON ovd_invites (ovd_session);"                                         \
    "CREATE TABLE ovd_tokens ("                                                                              \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " type TEXT NOT NULL CHECK (type IN ('start', 'resume', 'reuse', 'invite')),"                            \
    " ovd_session TEXT NOT NULL REFERENCES ovd_sessions (id) ON DELETE CASCADE,"                             \
    " subject TEXT NOT NULL,"                                                                                \
    " created BIGINT NOT NULL,"                                                                              \
    " expires BIGINT NOT NULL);"                                                                             \
    "CREATE INDEX ovd_tokens_session ON ovd_tokens (ovd_session);"                                           \
    "CREATE INDEX ovd_tokens_expires ON ovd_tokens (expires);"                                               \
    "CREATE TABLE ovd_applications ("                                                                        \
    " number BIGINT NOT NULL PRIMARY KEY,"                                                                   \
    " application_id TEXT NOT NULL UNIQUE);"                                                                 \
    "CREATE TABLE ovd_cookies ("                                                                             \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " token TEXT NOT NULL,"                                                                                  \
    " expires BIGINT NOT NULL);"                                                                             \
    "CREATE INDEX ovd_cookies_expires ON ovd_cookies (expires);"

#endif
