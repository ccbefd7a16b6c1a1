/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The object, its users as rows, and the checks of tokens. */
#include "identity/identity_priv.h"

#include "base/str.h"
#include "identity/token.h"

#define TOKEN_LIFETIME_S (12 * 3600)
#define ACTIVITY_KEPT_S (90 * 86400)
/* Two cores' worth of hashing. Four more may wait: with these, logins hold six of a process's eight worker
 * threads (loop/loop.c) at most. */
#define HASHES_AT_ONCE 2
#define HASHES_WAITING 4

/* A hash that no password fits, of the same cost as any other. */
static int make_dummy(char **ret_hash)
{
    cleanup_free char *password = secret_random_password();
    int r = password_hash(password, ret_hash);
    secret_wipe(password, strlen(password));
    return r;
}

int identity_create(const struct identity_options *options, struct identity **ret_identity)
{
    struct identity *identity = xcalloc(1, sizeof(*identity));
    identity->store = options->store;
    memcpy(identity->token_key, options->token_key, sizeof(identity->token_key));
    identity->token_lifetime_s = options->token_lifetime_s > 0 ? options->token_lifetime_s : TOKEN_LIFETIME_S;
    identity->clock = options->clock;
    int r = password_gate_init(&identity->gate, HASHES_AT_ONCE, HASHES_WAITING);
    if (r < 0) {
        free(identity);
        return r;
    }
    r = make_dummy(&identity->dummy_hash);
    if (r < 0) {
        identity_destroy(identity);
        return r;
    }
    *ret_identity = identity;
    return 0;
}

struct identity *identity_destroy(struct identity *identity)
{
    if (!identity)
        return NULL;
    password_gate_finish(&identity->gate);
    secret_wipe(identity->token_key, sizeof(identity->token_key));
    free(identity->dummy_hash);
    free(identity);
    return NULL;
}

int identity_normalise_username(const char *username, char ret_username[129])
{
    size_t len = strnlen(username, 129);
    if (len == 0 || len > 128 || !str_is_utf8(username, len, true))
        return -EINVAL;
    for (size_t i = 0; i <= len; i++) {
        char c = username[i];
        ret_username[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return 0;
}

int identity_read_user(struct store_rows *rows, struct identity_user *ret_user)
{
    struct identity_user user;
    if (store_copy(rows, 0, user.id, sizeof(user.id)) < 0 ||
        store_copy(rows, 1, user.organisation_id, sizeof(user.organisation_id)) < 0 ||
        store_copy(rows, 2, user.username, sizeof(user.username)) < 0 ||
        store_copy(rows, 3, user.display_name, sizeof(user.display_name)) < 0)
        return -EIO;
    user.admin = store_int(rows, 7) > 0;
    *ret_user = user;
    return 0;
}

const char *const identity_role_words[IDENTITY_ROLES] = {"owner", "active", "passive"};

int identity_role_read(const char *word, enum identity_role *ret_role)
{
    for (size_t i = 0; i < ARRAY_SIZE(identity_role_words); i++) {
        if (strcmp(word, identity_role_words[i]) == 0) {
            *ret_role = (enum identity_role)i;
            return 0;
        }
    }
    return -EINVAL;
}

int identity_find_user(struct store_txn *txn, const char *user_id, struct identity_user *ret_user,
                       int64_t *ret_generation)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows, "SELECT " IDENTITY_USER_COLUMNS " FROM users u WHERE u.id = $1", "s",
                            user_id);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    if (!identity_row_enabled(rows))
        return -EACCES;
    *ret_generation = identity_row_generation(rows);
    return identity_read_user(rows, ret_user);
}

int identity_note(struct store_txn *txn, int64_t now, const char *kind, const char *user_id,
                  const char *address, const char *detail)
{
    char id[SECRET_ID_LEN];
    secret_random_id(id);
    int r = store_exec(txn, "DELETE FROM activity_log WHERE time < $1", "i", now - ACTIVITY_KEPT_S);
    if (r < 0)
        return r;
    r = store_exec(
        txn,
        "INSERT INTO activity_log (id, time, kind, user_id, address, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        "sissss", id, now, kind, user_id, address, detail);
    return r < 0 ? r : 0;
}

/* 0 when the user is enabled and the token neither revoked nor older than the latest password. */
static int check_standing(struct store_txn *txn, const struct token_claims *claims,
                          struct identity_caller *ret_caller)
{
    struct identity_caller caller = {.role = claims->role};
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows,
                            "SELECT " IDENTITY_USER_COLUMNS " FROM users u WHERE u.id = $1"
                            " AND NOT EXISTS (SELECT 1 FROM auth_tokens t WHERE t.id = $2)",
                            "ss", claims->subject, claims->id);
    if (r <= 0)
        return r < 0 ? r : -EACCES;
    if (!identity_row_enabled(rows) || identity_row_generation(rows) != claims->generation)
        return -EACCES;
    r = identity_read_user(rows, &caller.user);
    if (r < 0)
        return r;
    if (claims->role != IDENTITY_OWNER) {
        memcpy(caller.session_id, claims->session_id, sizeof(caller.session_id));
        memcpy(caller.guest_id, claims->id, sizeof(caller.guest_id));
        memcpy(caller.guest, claims->guest, sizeof(caller.guest));
    }
    *ret_caller = caller;
    return 0;
}

static int read_token(struct identity *identity, const char *token, struct token_claims *ret_claims)
{
    int r = token_read(identity->token_key, token, ret_claims);
    return r < 0 ? r : token_check_time(ret_claims, clock_wall_s(identity->clock));
}

static int check(struct identity *identity, const char *token, struct token_claims *ret_claims,
                 struct identity_caller *ret_caller)
{
    struct store_txn *txn = NULL;
    int r = read_token(identity, token, ret_claims);
    if (r < 0)
        return r;
    r = store_begin(identity->store, false, &txn);
    if (r < 0)
        return -EIO;
    r = check_standing(txn, ret_claims, ret_caller);
    store_rollback(txn);
    return r == 0 || r == -EACCES ? r : -EIO;
}

int identity_token_stands(struct identity *identity, struct store_txn *txn, const char *token,
                          const char *user_id, struct identity_caller *ret_caller)
{
    struct token_claims claims;
    int r = read_token(identity, token, &claims);
    if (r == 0)
        r = check_standing(txn, &claims, ret_caller);
    return r < 0 ? r : str_eq(ret_caller->user.id, user_id) ? 0 : -EACCES;
}

int identity_check_caller(struct identity *identity, const char *token, struct identity_caller *ret_caller)
{
    struct token_claims claims;
    return check(identity, token, &claims, ret_caller);
}

int identity_check_token(struct identity *identity, const char *token, struct identity_user *ret_user)
{
    struct identity_caller caller;
    int r = identity_check_caller(identity, token, &caller);
    if (r == 0 && caller.role != IDENTITY_OWNER)
        r = -EPERM;
    if (r == 0)
        *ret_user = caller.user;
    return r;
}

static int add_revocation(struct store_txn *txn, int64_t now, const struct token_claims *claims)
{
    int r = store_exec(txn, "DELETE FROM auth_tokens WHERE expires < $1", "i", now);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "INSERT INTO auth_tokens (id, user_id, revoked, expires) VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (id) DO NOTHING",
                   "ssii", claims->id, claims->subject, now, claims->expires);
    /* A ticket got with the token would outlive it. Tickets do not say with which, so all of the user go. */
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM tickets WHERE user_id = $1", "s", claims->subject);
    return r < 0 ? r : 0;
}

int identity_revoke_token(struct identity *identity, const char *token)
{
    struct token_claims claims;
    struct identity_caller caller;
    struct store_txn *txn = NULL;
    int r = check(identity, token, &claims, &caller);
    if (r < 0)
        return r;
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    r = add_revocation(txn, clock_wall_s(identity->clock), &claims);
    if (r < 0) {
        store_rollback(txn);
        return -EIO;
    }
    return store_commit(txn);
}
