/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Login: charge the throttle, compare the password outside of any transaction, settle. */
#include "base/str.h"
#include "identity/identity_priv.h"
#include "identity/throttle.h"
#include "identity/token.h"

#define USERNAME_LOGGED_MAX 128

/* One attempt on its way through the steps. */
struct attempt {
    char username[129];
    const char *password;
    const char *peer;
    int64_t now;
    struct throttle throttle;
    struct identity_user user;
    char *hash;     /* NULL: no such user, or one without a password */
    char *new_hash; /* the stored one is of older parameters */
    int64_t generation;
    bool enabled;
};

static int find_user(struct store_txn *txn, struct attempt *a)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows, "SELECT " IDENTITY_USER_COLUMNS " FROM users u WHERE u.username = $1",
                            "s", a->username);
    if (r <= 0)
        return r;
    const char *hash = identity_row_hash(rows);
    a->hash = hash ? xstrdup(hash) : NULL;
    a->enabled = identity_row_enabled(rows);
    a->generation = identity_row_generation(rows);
    return identity_read_user(rows, &a->user);
}

static int charge(struct identity *identity, struct attempt *a, unsigned *ret_wait_s)
{
    struct store_txn *txn = NULL;
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    int r = throttle_charge(txn, a->now, a->username, a->peer, &a->throttle, ret_wait_s);
    if (r == 0)
        r = find_user(txn, a);
    if (r < 0) {
        store_rollback(txn);
        return r == -EAGAIN ? r : -EIO;
    }
    return store_commit(txn);
}

/* An unknown user costs as much as a known one: the comparison is made in every case, with a hash that
 * nothing fits. */
static int compare(struct identity *identity, struct attempt *a)
{
    int r = password_verify(a->hash ? a->hash : identity->dummy_hash, a->password);
    if (r == 0 && a->hash && password_is_outdated(a->hash))
        password_hash(a->password, &a->new_hash); /* or at the next login */
    if (r == 0 && (!a->hash || !a->enabled))
        r = -EACCES;
    return r;
}

static void refund(struct identity *identity, const struct attempt *a)
{
    struct store_txn *txn = NULL;
    if (store_begin(identity->store, true, &txn) < 0)
        return;
    throttle_refund(txn, &a->throttle);
    store_commit(txn);
}

static int settle(struct identity *identity, struct attempt *a)
{
    struct store_txn *txn = NULL;
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    int r = throttle_clear(txn, a->now, &a->throttle);
    if (r == 0)
        r = store_exec(txn, "UPDATE users SET last_login = $1 WHERE id = $2", "is", a->now, a->user.id);
    /* Only while the compared hash is still the stored one: a reset in between wins. */
    if (r >= 0 && a->new_hash)
        r = store_exec(txn, "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3", "sss",
                       a->new_hash, a->user.id, a->hash);
    if (r >= 0)
        r = identity_note(txn, a->now, "login", a->user.id, a->peer, "");
    if (r < 0) {
        store_rollback(txn);
        return -EIO;
    }
    return store_commit(txn);
}

static int issue(struct identity *identity, const struct attempt *a, char **ret_token, int64_t *ret_expires)
{
    struct token_claims claims = {
        .issued = a->now,
        .not_before = a->now,
        .expires = a->now + identity->token_lifetime_s,
        .generation = a->generation,
    };
    memcpy(claims.subject, a->user.id, sizeof(claims.subject));
    secret_random_id(claims.id);
    int r = token_make(identity->token_key, &claims, ret_token);
    if (r == 0)
        *ret_expires = claims.expires;
    return r;
}

static int run(struct identity *identity, struct attempt *a, char **ret_token, int64_t *ret_expires,
               unsigned *ret_wait_s)
{
    /* The gate comes first: whom it turns away costs neither memory nor a write to the database. */
    int r = password_gate_enter(&identity->gate);
    if (r < 0)
        return r;
    r = charge(identity, a, ret_wait_s);
    bool charged = r == 0;
    if (charged)
        r = compare(identity, a);
    password_gate_leave(&identity->gate);
    if (!charged || r == -EACCES)
        return r;
    if (r < 0) {
        refund(identity, a);
        return r;
    }
    r = settle(identity, a);
    return r < 0 ? r : issue(identity, a, ret_token, ret_expires);
}

char *identity_login_line(const char *username, const char *address, const char *reason)
{
    cleanup_free char *percent = str_replace(username, "%", "%25");
    cleanup_free char *quoted = percent ? str_replace(percent, "\"", "%22") : NULL;
    return xasprintf("login %s user=\"%.*s\" address=%s%s%s", reason ? "refused" : "accepted",
                     3 * USERNAME_LOGGED_MAX, quoted ? quoted : "", address, reason ? " reason=" : "",
                     reason ? reason : "");
}

int identity_login(struct identity *identity, const char *username, const char *password, const char *peer,
                   struct identity_user *ret_user, char **ret_token, int64_t *ret_expires,
                   unsigned *ret_wait_s)
{
    struct attempt a = {.password = password, .peer = peer, .now = clock_wall_s(identity->clock)};
    size_t len = strnlen(password, PASSWORD_MAX + 1);
    if (len == 0 || len > PASSWORD_MAX || identity_normalise_username(username, a.username) < 0)
        return -EACCES; /* the length of the input tells nothing about users */
    int r = run(identity, &a, ret_token, ret_expires, ret_wait_s);
    if (r == 0)
        *ret_user = a.user;
    free(a.hash);
    free(a.new_hash);
    return r;
}
