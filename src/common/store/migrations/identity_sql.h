/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identity: who there is, what they may start, and what they proved. Times are Unix seconds, truth values 0
 * or 1, ids 32 hex digits.
 *
 * users: username is lower case; token_generation is copied into each token, and raising it makes all of the
 *   user's tokens void; password_hash is null for a user who cannot log in with a password.
 * policy_sets: JSON columns (spec/webstream.md 6); organisation_id is null for the built-in ones that every
 *   organisation sees.
 * organisation_policy: an organisation's default; a table of its own, because organisations and policy_sets
 *   would otherwise need each other first.
 * auth_tokens: the tokens that were revoked before their end.
 * revocations: whose access was taken away while connections may be open; sequence never goes back.
 * login_throttle: subject is a hash, because people type passwords into the name field.
 * tickets: ticket is a hash, so that reading the database does not open a socket. */
#ifndef ISTHMUS_STORE_MIGRATIONS_IDENTITY_SQL_H
#define ISTHMUS_STORE_MIGRATIONS_IDENTITY_SQL_H

#define STORE_IDENTITY_SQL                                                                                   \
    "CREATE TABLE organisations ("                                                                           \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " name TEXT NOT NULL UNIQUE,"                                                                            \
    " created BIGINT NOT NULL);"                                                                             \
    "CREATE TABLE policy_sets ("                                                                             \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " organisation_id TEXT REFERENCES organisations (id) ON DELETE CASCADE,"                                 \
    " name TEXT NOT NULL,"                                                                                   \
    " description TEXT NOT NULL,"                                                                            \
    " revision INTEGER NOT NULL CHECK (revision >= 1),"                                                      \
    " security TEXT NOT NULL,"                                                                               \
    " session TEXT NOT NULL,"                                                                                \
    " resources TEXT NOT NULL,"                                                                              \
    " metadata TEXT NOT NULL,"                                                                               \
    " created BIGINT NOT NULL,"                                                                              \
    " changed BIGINT NOT NULL,"                                                                              \
    " UNIQUE (organisation_id, name));"                                                                      \
    "CREATE UNIQUE INDEX policy_sets_built_in ON policy_sets (name) WHERE organisation_id IS NULL;"          \
    "CREATE TABLE organisation_policy ("                                                                     \
    " organisation_id TEXT NOT NULL PRIMARY KEY REFERENCES organisations (id) ON DELETE CASCADE,"            \
    " policy_set_id TEXT NOT NULL REFERENCES policy_sets (id));"                                             \
    "CREATE TABLE users ("                                                                                   \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,"                        \
    " username TEXT NOT NULL UNIQUE,"                                                                        \
    " display_name TEXT NOT NULL,"                                                                           \
    " email TEXT NOT NULL,"                                                                                  \
    " password_hash TEXT,"                                                                                   \
    " enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),"                                                   \
    " token_generation BIGINT NOT NULL,"                                                                     \
    " created BIGINT NOT NULL,"                                                                              \
    " changed BIGINT NOT NULL,"                                                                              \
    " last_login BIGINT);"                                                                                   \
    "CREATE INDEX users_organisation ON users (organisation_id);"                                            \
    "CREATE TABLE groups ("                                                                                  \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,"                        \
    " name TEXT NOT NULL,"                                                                                   \
    " description TEXT NOT NULL,"                                                                            \
    " created BIGINT NOT NULL,"                                                                              \
    " UNIQUE (organisation_id, name));"                                                                      \
    "CREATE TABLE user_group_memberships ("                                                                  \
    " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"                                        \
    " group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,"                                      \
    " PRIMARY KEY (user_id, group_id));"                                                                     \
    "CREATE INDEX user_group_memberships_group ON user_group_memberships (group_id);"                        \
    "CREATE TABLE applications ("                                                                            \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,"                        \
    " name TEXT NOT NULL,"                                                                                   \
    " description TEXT NOT NULL,"                                                                            \
    " executable TEXT NOT NULL,"                                                                             \
    " arguments TEXT NOT NULL,"                                                                              \
    " icon TEXT NOT NULL,"                                                                                   \
    " status TEXT NOT NULL CHECK (status IN ('active', 'inactive')),"                                        \
    " published INTEGER NOT NULL CHECK (published IN (0, 1)),"                                               \
    " created BIGINT NOT NULL,"                                                                              \
    " changed BIGINT NOT NULL,"                                                                              \
    " UNIQUE (organisation_id, name));"                                                                      \
    "CREATE TABLE workspaces ("                                                                              \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,"                        \
    " name TEXT NOT NULL,"                                                                                   \
    " description TEXT NOT NULL,"                                                                            \
    " type TEXT NOT NULL CHECK (type IN ('app_collection', 'virtual_desktop', 'remote_desktop')),"           \
    " policy_set_id TEXT REFERENCES policy_sets (id),"                                                       \
    " tags TEXT NOT NULL,"                                                                                   \
    " published INTEGER NOT NULL CHECK (published IN (0, 1)),"                                               \
    " created BIGINT NOT NULL,"                                                                              \
    " changed BIGINT NOT NULL,"                                                                              \
    " UNIQUE (organisation_id, name));"                                                                      \
    "CREATE TABLE workspace_apps ("                                                                          \
    " workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,"                              \
    " application_id TEXT NOT NULL REFERENCES applications (id) ON DELETE CASCADE,"                          \
    " position INTEGER NOT NULL,"                                                                            \
    " PRIMARY KEY (workspace_id, application_id));"                                                          \
    "CREATE INDEX workspace_apps_application ON workspace_apps (application_id);"                            \
    "CREATE TABLE workspace_rights ("                                                                        \
    " workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,"                              \
    " group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,"                                      \
    " PRIMARY KEY (workspace_id, group_id));"                                                                \
    "CREATE INDEX workspace_rights_group ON workspace_rights (group_id);"                                    \
    "CREATE TABLE auth_tokens ("                                                                             \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"                                        \
    " revoked BIGINT NOT NULL,"                                                                              \
    " expires BIGINT NOT NULL);"                                                                             \
    "CREATE INDEX auth_tokens_expires ON auth_tokens (expires);"                                             \
    "CREATE TABLE revocations ("                                                                             \
    " sequence BIGINT NOT NULL PRIMARY KEY,"                                                                 \
    " user_id TEXT NOT NULL,"                                                                                \
    " time BIGINT NOT NULL);"                                                                                \
    "CREATE TABLE login_throttle ("                                                                          \
    " kind TEXT NOT NULL CHECK (kind IN ('user', 'address', 'place')),"                                      \
    " subject TEXT NOT NULL,"                                                                                \
    " failures INTEGER NOT NULL,"                                                                            \
    " last_failure BIGINT NOT NULL,"                                                                         \
    " blocked_until BIGINT NOT NULL,"                                                                        \
    " PRIMARY KEY (kind, subject));"                                                                         \
    "CREATE INDEX login_throttle_age ON login_throttle (last_failure);"                                      \
    "CREATE TABLE tickets ("                                                                                 \
    " ticket TEXT NOT NULL PRIMARY KEY,"                                                                     \
    " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"                                        \
    " session_id TEXT NOT NULL,"                                                                             \
    " channel TEXT NOT NULL,"                                                                                \
    " expires BIGINT NOT NULL);"                                                                             \
    "CREATE INDEX tickets_expires ON tickets (expires);"                                                     \
    "CREATE INDEX tickets_user ON tickets (user_id);"                                                        \
    "CREATE TABLE activity_log ("                                                                            \
    " id TEXT NOT NULL PRIMARY KEY,"                                                                         \
    " time BIGINT NOT NULL,"                                                                                 \
    " kind TEXT NOT NULL,"                                                                                   \
    " user_id TEXT,"                                                                                         \
    " address TEXT NOT NULL,"                                                                                \
    " detail TEXT NOT NULL);"                                                                                \
    "CREATE INDEX activity_log_time ON activity_log (time);"                                                 \
    "CREATE TABLE system_settings ("                                                                         \
    " name TEXT NOT NULL PRIMARY KEY,"                                                                       \
    " value TEXT NOT NULL,"                                                                                  \
    " changed BIGINT NOT NULL);"

#endif
