/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-time codes: how a page gets into a session that was started, or shared, by somebody who cannot hand it
 * a login. */
#include "base/codec.h"
#include "base/str.h"
#include "identity/identity_priv.h"
#include "identity/token.h"

#define CODES_OF_A_USER INT64_C(64)
#define CODE_HASH_LEN (2 * SECRET_HASH_LEN + 1)
/* The end of its session ends a guest's token; this is only so that none is for ever. */
#define GUEST_LIFETIME_S (INT64_C(366) * 86400)

struct code {
    char user_id[SECRET_ID_LEN];
    char session_id[SECRET_ID_LEN];
    enum identity_role role;
    char guest[IDENTITY_GUEST_MAX + 1];
    int64_t expires;
};

static void hash_code(const char *code, char ret_hex[CODE_HASH_LEN])
{
    uint8_t hash[SECRET_HASH_LEN];
    secret_sha256(code, strlen(code), hash);
    hex_encode(hash, sizeof(hash), ret_hex);
}

/* Codes that nobody redeems must not fill the table: the oldest of a user make room. */
static int make_room(struct store_txn *txn, int64_t now, const char *user_id)
{
    int r = store_exec(txn, "DELETE FROM session_codes WHERE expires <= $1", "i", now);
    if (r >= 0)
        r = store_exec(txn,
                       "DELETE FROM session_codes WHERE user_id = $1 AND code NOT IN"
                       " (SELECT code FROM session_codes WHERE user_id = $1 ORDER BY expires DESC LIMIT $2)",
                       "si", user_id, CODES_OF_A_USER - 1);
    return r < 0 ? r : 0;
}

int identity_code_make(struct identity *identity, const char *user_id, const char *session_id,
                       enum identity_role role, const char *guest, char ret_code[SECRET_ID_LEN])
{
    char code[SECRET_ID_LEN], hash[CODE_HASH_LEN];
    struct store_txn *txn = NULL;
    int64_t now = clock_wall_s(identity->clock);
    size_t len = strnlen(guest, IDENTITY_GUEST_MAX + 1);
    if (!str_is_id(session_id) || len > IDENTITY_GUEST_MAX || !str_is_utf8(guest, len, true))
        return -EINVAL;
    secret_random_id(code);
    hash_code(code, hash);
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    int r = make_room(txn, now, user_id);
    if (r == 0)
        r = store_exec(txn,
                       "INSERT INTO session_codes (code, user_id, session_id, role, guest, expires)"
                       " VALUES ($1, $2, $3, $4, $5, $6)",
                       "sssssi", hash, user_id, session_id, identity_role_words[role], guest,
                       now + IDENTITY_CODE_LIFETIME_S);
    if (r < 0) {
        store_rollback(txn);
        return r == -ESTALE ? -ENOENT : -EIO;
    }
    r = store_commit(txn);
    if (r == 0)
        memcpy(ret_code, code, sizeof(code));
    return r;
}

static int load(struct store_txn *txn, const char *hash, struct code *ret_code)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(
        txn, &rows, "SELECT user_id, session_id, role, guest, expires FROM session_codes WHERE code = $1",
        "s", hash);
    if (r <= 0)
        return r < 0 ? r : -EACCES;
    if (store_copy(rows, 0, ret_code->user_id, sizeof(ret_code->user_id)) < 0 ||
        store_copy(rows, 1, ret_code->session_id, sizeof(ret_code->session_id)) < 0 || !store_text(rows, 2) ||
        identity_role_read(store_text(rows, 2), &ret_code->role) < 0 ||
        store_copy(rows, 3, ret_code->guest, sizeof(ret_code->guest)) < 0)
        return -EIO;
    ret_code->expires = store_int(rows, 4);
    return 0;
}

/* Whoever deletes the row has won. Too late, it is spent all the same. */
static int take(struct store_txn *txn, int64_t now, const char *hash, struct code *ret_code)
{
    int r = load(txn, hash, ret_code);
    if (r < 0)
        return r;
    r = store_exec(txn, "DELETE FROM session_codes WHERE code = $1", "s", hash);
    if (r < 0)
        return r;
    return r == 1 && ret_code->expires > now ? 0 : -EACCES;
}

static int issue(struct identity *identity, const struct code *code, int64_t now, int64_t generation,
                 struct identity_caller *caller, char **ret_token, int64_t *ret_expires)
{
    struct token_claims claims = {
        .issued = now,
        .not_before = now,
        .expires = now + (code->role == IDENTITY_OWNER ? identity->token_lifetime_s : GUEST_LIFETIME_S),
        .generation = generation,
        .role = code->role,
    };
    caller->role = code->role;
    memcpy(claims.subject, code->user_id, sizeof(claims.subject));
    secret_random_id(claims.id);
    if (code->role != IDENTITY_OWNER) {
        memcpy(claims.session_id, code->session_id, sizeof(claims.session_id));
        memcpy(claims.guest, code->guest, sizeof(claims.guest));
        memcpy(caller->session_id, code->session_id, sizeof(caller->session_id));
        memcpy(caller->guest_id, claims.id, sizeof(caller->guest_id));
        memcpy(caller->guest, code->guest, sizeof(caller->guest));
    }
    int r = token_make(identity->token_key, &claims, ret_token);
    if (r == 0)
        *ret_expires = claims.expires;
    return r;
}

int identity_code_redeem(struct identity *identity, const char *code, const char *peer,
                         struct identity_caller *ret_caller, char ret_session_id[SECRET_ID_LEN],
                         char **ret_token, int64_t *ret_expires)
{
    char hash[CODE_HASH_LEN];
    struct code found = {0};
    struct identity_caller caller = {0};
    struct store_txn *txn = NULL;
    int64_t now = clock_wall_s(identity->clock), generation = 0;
    if (!str_is_id(code))
        return -EACCES;
    hash_code(code, hash);
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    int r = take(txn, now, hash, &found);
    bool spent = r == 0 || r == -EACCES;
    if (r == 0)
        r = identity_find_user(txn, found.user_id, &caller.user, &generation);
    if (r == 0)
        r = identity_note(txn, now, found.role == IDENTITY_OWNER ? "code" : "guest", found.user_id, peer,
                          found.session_id);
    if (!spent || (r < 0 && r != -EACCES)) {
        store_rollback(txn);
        return r == -ENOENT ? -EACCES : -EIO;
    }
    int committed = store_commit(txn);
    if (committed < 0 || r < 0)
        return committed < 0 ? committed : r;
    r = issue(identity, &found, now, generation, &caller, ret_token, ret_expires);
    if (r == 0) {
        *ret_caller = caller;
        memcpy(ret_session_id, found.session_id, SECRET_ID_LEN);
    }
    return r;
}
