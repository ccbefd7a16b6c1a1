/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New passwords. Works beside a running gateway: the store is shared, and the gateway asks it about every
 * token. */
#include "identity/identity_priv.h"
#include "identity/throttle.h"

#define REVOCATION_KEPT_S 86400

/* Every process that serves the user's connections reads this. The latest row stays: the next sequence comes
 * from it. */
static int add_revocation(struct store_txn *txn, int64_t now, const char *user_id)
{
    int r = store_exec(
        txn, "DELETE FROM revocations WHERE time < $1 AND sequence < (SELECT MAX(sequence) FROM revocations)",
        "i", now - REVOCATION_KEPT_S);
    if (r >= 0)
        r = store_exec(txn,
                       "INSERT INTO revocations (sequence, user_id, time)"
                       " SELECT COALESCE(MAX(sequence), 0) + 1, $1, $2 FROM revocations",
                       "si", user_id, now);
    return r < 0 ? r : 0;
}

int identity_revoked_since(struct identity *identity, int64_t *sequence,
                           void (*revoked)(void *arg, const char *user_id), void *arg)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    if (store_begin(identity->store, false, &txn) < 0)
        return -EIO;
    int r = store_query(txn, &rows,
                        "SELECT sequence, user_id FROM revocations WHERE sequence > $1 ORDER BY sequence",
                        "i", *sequence);
    while (r >= 0 && (r = store_next(rows)) == 1) {
        *sequence = store_int(rows, 0);
        if (revoked)
            revoked(arg, store_text(rows, 1));
    }
    store_rows_free(rows);
    store_rollback(txn);
    return r < 0 ? -EIO : 0;
}

static int store_password(struct store_txn *txn, int64_t now, const char *username, const char *hash)
{
    char id[SECRET_ID_LEN];
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows, "SELECT id FROM users WHERE username = $1", "s", username);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    r = store_copy(rows, 0, id, sizeof(id));
    rows = store_rows_free(rows);
    if (r == 0)
        r = store_exec(
            txn,
            "UPDATE users SET password_hash = $1, token_generation = token_generation + 1, changed = $2"
            " WHERE id = $3",
            "sis", hash, now, id);
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM tickets WHERE user_id = $1", "s", id);
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM session_codes WHERE user_id = $1", "s", id);
    if (r >= 0)
        r = add_revocation(txn, now, id);
    if (r >= 0)
        r = throttle_forget_user(txn, username);
    return r < 0 ? r : identity_note(txn, now, "password_reset", id, "", "");
}

int identity_reset_password(struct identity *identity, const char *username, char **ret_password)
{
    char name[129];
    struct store_txn *txn = NULL;
    if (identity_normalise_username(username, name) < 0)
        return -ENOENT;
    char *password = secret_random_password();
    cleanup_free char *hash = NULL;
    int r = password_hash(password, &hash);
    if (r == 0)
        r = store_begin(identity->store, true, &txn);
    if (r == 0) {
        r = store_password(txn, clock_wall_s(identity->clock), name, hash);
        if (r < 0)
            store_rollback(txn);
        else
            r = store_commit(txn);
    }
    if (r < 0) {
        secret_wipe(password, strlen(password));
        free(password);
        return r == -ENOENT || r == -EBUSY ? r : -EIO;
    }
    *ret_password = password;
    return 0;
}
