/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this folder. */
#ifndef ISTHMUS_IDENTITY_IDENTITY_PRIV_H
#define ISTHMUS_IDENTITY_IDENTITY_PRIV_H

#include "identity/identity.h"
#include "identity/password.h"

#define IDENTITY_ADMINISTRATORS "administrators"

struct identity {
    struct store *store;
    uint8_t token_key[32];
    int64_t token_lifetime_s;
    const struct clock *clock;
    struct password_gate gate;
    char *dummy_hash; /* what an unknown user's password is compared with */
};

/* "Alice" is "alice": ASCII only, so that no two scripts or locales disagree. -EINVAL for what can be no user
 * name. */
int identity_normalise_username(const char *username, char ret_username[129]);

/* The columns of a user, for "SELECT " IDENTITY_USER_COLUMNS " FROM users u WHERE …". */
#define IDENTITY_USER_COLUMNS                                                                                \
    "u.id, u.organisation_id, u.username, u.display_name, u.enabled, u.token_generation, u.password_hash,"   \
    " (SELECT COUNT(*) FROM user_group_memberships m JOIN groups g ON g.id = m.group_id"                     \
    " WHERE m.user_id = u.id AND g.name = '" IDENTITY_ADMINISTRATORS "')"
int identity_read_user(struct store_rows *rows, struct identity_user *ret_user);
static inline bool identity_row_enabled(struct store_rows *rows)
{
    return store_int(rows, 4) == 1;
}
static inline int64_t identity_row_generation(struct store_rows *rows)
{
    return store_int(rows, 5);
}
static inline const char *identity_row_hash(struct store_rows *rows)
{
    return store_text(rows, 6);
}

/* Whether the user's token, or one of a guest of that user's session, is still good, seen from inside the
 * caller's transaction: 0, -EACCES, or an error of the store. */
int identity_token_stands(struct identity *identity, struct store_txn *txn, const char *token,
                          const char *user_id, struct identity_caller *ret_caller);
/* A user with everything that a token needs, inside the caller's transaction. -ENOENT; -EACCES when disabled.
 */
int identity_find_user(struct store_txn *txn, const char *user_id, struct identity_user *ret_user,
                       int64_t *ret_generation);

/* One line of the audit trail; old ones go. user_id may be NULL. */
int identity_note(struct store_txn *txn, int64_t now, const char *kind, const char *user_id,
                  const char *address, const char *detail);

/* A policy set's three columns as one document {security, session, resources}; -EIO for broken JSON. */
int identity_read_policy(struct store_rows *rows, int first_column, json_t **ret_policy);

/* Whether the user's groups grant published workspaces: a condition on workspaces w, $1 is the user. */
#define IDENTITY_GRANTED                                                                                     \
    "w.published = 1 AND w.organisation_id = (SELECT organisation_id FROM users WHERE id = $1)"              \
    " AND EXISTS (SELECT 1 FROM workspace_rights r JOIN user_group_memberships m"                            \
    " ON m.group_id = r.group_id WHERE r.workspace_id = w.id AND m.user_id = $1)"
/* Joins the policy set that holds for a workspace w: its own, else the organisation's. None: nothing is
 * granted. */
#define IDENTITY_POLICY_JOIN                                                                                 \
    " LEFT JOIN organisation_policy o ON o.organisation_id = w.organisation_id"                              \
    " JOIN policy_sets p ON p.id = COALESCE(w.policy_set_id, o.policy_set_id)"

/* The built-in policy sets (policy.c). */
struct policy_template {
    const char *name, *description;
    const char *security, *session, *resources;
};
extern const struct policy_template policy_templates[];
extern const size_t policy_template_count;

#endif
