/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-time tickets for WebSockets, which cannot carry a bearer token. */
#include "base/codec.h"
#include "base/str.h"
#include "identity/identity_priv.h"

#define TICKET_LIFETIME_S 30
#define TICKETS_OF_A_USER INT64_C(32)
#define TICKET_HASH_LEN (2 * SECRET_HASH_LEN + 1)
#define CHANNEL_MAX 32

static void hash_ticket(const char *ticket, char ret_hex[TICKET_HASH_LEN])
{
    uint8_t hash[SECRET_HASH_LEN];
    secret_sha256(ticket, strlen(ticket), hash);
    hex_encode(hash, sizeof(hash), ret_hex);
}

static bool channel_is_valid(const char *channel)
{
    return str_is_token(channel, "abcdefghijklmnopqrstuvwxyz", CHANNEL_MAX);
}

/* Tickets that nobody fetches must not fill the table: the oldest of a user make room. */
static int make_room(struct store_txn *txn, int64_t now, const char *user_id)
{
    int r = store_exec(txn, "DELETE FROM tickets WHERE expires <= $1", "i", now);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "DELETE FROM tickets WHERE user_id = $1 AND ticket NOT IN"
                   " (SELECT ticket FROM tickets WHERE user_id = $1 ORDER BY expires DESC LIMIT $2)",
                   "si", user_id, TICKETS_OF_A_USER - 1);
    return r < 0 ? r : 0;
}

int identity_ticket_make(struct identity *identity, const char *user_id, const char *token,
                         const char *session_id, const char *channel, char ret_ticket[SECRET_ID_LEN],
                         int64_t *ret_expires)
{
    char ticket[SECRET_ID_LEN], hash[TICKET_HASH_LEN];
    struct store_txn *txn = NULL;
    struct identity_caller caller = {.role = IDENTITY_OWNER};
    int64_t now = clock_wall_s(identity->clock);
    if (!str_is_id(session_id) || !channel_is_valid(channel))
        return -EINVAL;
    secret_random_id(ticket);
    hash_ticket(ticket, hash);
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    int r = token ? identity_token_stands(identity, txn, token, user_id, &caller) : 0;
    if (r == 0 && caller.role != IDENTITY_OWNER && !str_eq(caller.session_id, session_id))
        r = -EACCES;
    if (r == 0)
        r = make_room(txn, now, user_id);
    if (r == 0)
        r = store_exec(txn,
                       "INSERT INTO tickets (ticket, user_id, session_id, channel, expires, role, guest)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                       "ssssiss", hash, user_id, session_id, channel, now + TICKET_LIFETIME_S,
                       identity_role_words[caller.role], caller.guest);
    if (r < 0) {
        store_rollback(txn);
        return r == -ESTALE ? -ENOENT : r == -EACCES ? r : -EIO;
    }
    r = store_commit(txn);
    if (r < 0)
        return r;
    memcpy(ret_ticket, ticket, sizeof(ticket));
    *ret_expires = now + TICKET_LIFETIME_S;
    return 0;
}

struct ticket {
    struct identity_ticket what;
    char channel[CHANNEL_MAX + 1];
    int64_t expires;
};

static int load(struct store_txn *txn, const char *hash, struct ticket *ret_ticket)
{
    cleanup_rows struct store_rows *rows = NULL;
    struct identity_ticket *what = &ret_ticket->what;
    int r =
        store_query_one(txn, &rows,
                        "SELECT t.user_id, t.session_id, t.channel, t.expires, t.role, t.guest FROM tickets t"
                        " JOIN users u ON u.id = t.user_id WHERE t.ticket = $1 AND u.enabled = 1",
                        "s", hash);
    if (r <= 0)
        return r < 0 ? r : -EACCES;
    if (store_copy(rows, 0, what->user_id, sizeof(what->user_id)) < 0 ||
        store_copy(rows, 1, what->session_id, sizeof(what->session_id)) < 0 ||
        store_copy(rows, 2, ret_ticket->channel, sizeof(ret_ticket->channel)) < 0 || !store_text(rows, 4) ||
        identity_role_read(store_text(rows, 4), &what->role) < 0 ||
        store_copy(rows, 5, what->guest, sizeof(what->guest)) < 0)
        return -EIO;
    ret_ticket->expires = store_int(rows, 3);
    return 0;
}

/* Whoever deletes the row has won; the number of deleted rows decides, on every database. */
static int take(struct store_txn *txn, const char *hash, struct ticket *ret_ticket)
{
    int r = load(txn, hash, ret_ticket);
    if (r < 0)
        return r;
    r = store_exec(txn, "DELETE FROM tickets WHERE ticket = $1", "s", hash);
    return r == 1 ? 0 : r < 0 ? r : -EACCES;
}

int identity_ticket_redeem(struct identity *identity, const char *ticket, const char *channel,
                           struct identity_ticket *ret_ticket)
{
    char hash[TICKET_HASH_LEN];
    struct ticket found;
    struct store_txn *txn = NULL;
    if (!str_is_id(ticket))
        return -EACCES;
    hash_ticket(ticket, hash);
    if (store_begin(identity->store, true, &txn) < 0)
        return -EIO;
    int r = take(txn, hash, &found);
    if (r < 0) {
        store_rollback(txn);
        return r == -EACCES ? r : -EIO;
    }
    r = store_commit(txn);
    if (r < 0)
        return r;
    /* Shown on the wrong channel or too late, it is spent all the same. */
    if (!str_eq(found.channel, channel) || found.expires <= clock_wall_s(identity->clock))
        return -EACCES;
    *ret_ticket = found.what;
    return 0;
}
