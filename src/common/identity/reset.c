/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New passwords. Works beside a running gateway: the store is shared, and the gateway asks it about every
 * token. */
#include "identity/identity_priv.h"
#include "identity/throttle.h"

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
