/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity/throttle.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/secret.h"
#include "net/addr.h"

static void hash_text(const char *text, char ret_hex[2 * SECRET_HASH_LEN + 1])
{
    uint8_t hash[SECRET_HASH_LEN];
    secret_sha256(text, strlen(text), hash);
    hex_encode(hash, sizeof(hash), ret_hex);
}

static void make_subjects(const char *username, const char *peer, struct throttle *t)
{
    char prefix[ADDR_TEXT_LEN];
    addr_prefix(peer, prefix);
    hash_text(username, t->user);
    hash_text(prefix, t->address);
    snprintf(t->place, sizeof(t->place), "%.64s:%.64s", t->user, t->address);
}

struct counter {
    int64_t failures, last_failure, blocked_until;
};

static int load(struct store_txn *txn, const char *kind, const char *subject, struct counter *ret_counter)
{
    cleanup_rows struct store_rows *rows = NULL;
    *ret_counter = (struct counter){0};
    int r = store_query_one(
        txn, &rows,
        "SELECT failures, last_failure, blocked_until FROM login_throttle WHERE kind = $1 AND subject = $2",
        "ss", kind, subject);
    if (r == 1)
        *ret_counter = (struct counter){store_int(rows, 0), store_int(rows, 1), store_int(rows, 2)};
    return r;
}

/* The clock has whole seconds: a wait of 1 s that began at the end of one would be over at once, so the
 * second named counts as blocked, too. A block further away than any we make is left from a clock that was
 * wrong. */
static unsigned wait_left(const struct counter *c, int64_t now)
{
    if (c->blocked_until == 0 || now > c->blocked_until || c->blocked_until > now + THROTTLE_WAIT_MAX_S)
        return 0;
    return (unsigned)(c->blocked_until - now + 1);
}

static int64_t wait_for(int64_t failures, int64_t limit)
{
    int64_t doubled = failures - limit;
    if (doubled < 0)
        return 0;
    return doubled >= 9 ? THROTTLE_WAIT_MAX_S : MIN((int64_t)1 << doubled, THROTTLE_WAIT_MAX_S);
}

static int charge(struct store_txn *txn, const char *kind, const char *subject, struct counter c,
                  int64_t limit, int64_t now)
{
    int64_t failures = c.last_failure < now - THROTTLE_FORGET_S ? 1 : c.failures + 1;
    int64_t wait = wait_for(failures, limit);
    int r = store_exec(txn,
                       "INSERT INTO login_throttle (kind, subject, failures, last_failure, blocked_until)"
                       " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, subject) DO UPDATE"
                       " SET failures = $3, last_failure = $4, blocked_until = $5",
                       "ssiii", kind, subject, failures, now, wait > 0 ? now + wait : (int64_t)0);
    return r < 0 ? r : 0;
}

static int forget_old(struct store_txn *txn, int64_t now)
{
    int r = store_exec(txn,
                       "DELETE FROM login_throttle WHERE (kind <> 'place' AND last_failure < $1)"
                       " OR (kind = 'place' AND last_failure < $2)",
                       "ii", now - THROTTLE_FORGET_S, now - THROTTLE_PLACE_S);
    return r < 0 ? r : 0;
}

int throttle_charge(struct store_txn *txn, int64_t now, const char *username, const char *peer,
                    struct throttle *ret_throttle, unsigned *ret_wait_s)
{
    struct throttle t;
    struct counter place, user, address;
    make_subjects(username, peer, &t);
    int r = forget_old(txn, now);
    if (r < 0)
        return r;
    r = load(txn, "place", t.place, &place);
    if (r == 1)
        memcpy(t.user, t.place, sizeof(t.user));
    if (r < 0 || (r = load(txn, "user", t.user, &user)) < 0 ||
        (r = load(txn, "address", t.address, &address)) < 0)
        return r;
    unsigned wait = MAX(wait_left(&user, now), wait_left(&address, now));
    if (wait > 0) {
        *ret_wait_s = wait;
        return -EAGAIN;
    }
    r = charge(txn, "user", t.user, user, THROTTLE_USER_LIMIT, now);
    if (r == 0)
        r = charge(txn, "address", t.address, address, THROTTLE_ADDRESS_LIMIT, now);
    if (r == 0)
        *ret_throttle = t;
    return r;
}

/* The block goes, too: it began with this charge, or there would have been no attempt. */
static int give_back(struct store_txn *txn, const char *kind, const char *subject)
{
    int r = store_exec(txn,
                       "UPDATE login_throttle SET failures = failures - 1, blocked_until = 0"
                       " WHERE kind = $1 AND subject = $2 AND failures > 0",
                       "ss", kind, subject);
    return r < 0 ? r : 0;
}

int throttle_clear(struct store_txn *txn, int64_t now, const struct throttle *throttle)
{
    int r = store_exec(txn, "DELETE FROM login_throttle WHERE kind = 'user' AND subject = $1", "s",
                       throttle->user);
    if (r < 0)
        return r;
    r = store_exec(
        txn,
        "INSERT INTO login_throttle (kind, subject, failures, last_failure, blocked_until)"
        " VALUES ('place', $1, 0, $2, 0) ON CONFLICT (kind, subject) DO UPDATE SET last_failure = $2",
        "si", throttle->place, now);
    return r < 0 ? r : give_back(txn, "address", throttle->address);
}

int throttle_refund(struct store_txn *txn, const struct throttle *throttle)
{
    int r = give_back(txn, "user", throttle->user);
    return r < 0 ? r : give_back(txn, "address", throttle->address);
}

int throttle_forget_user(struct store_txn *txn, const char *username)
{
    char subject[2 * SECRET_HASH_LEN + 1];
    hash_text(username, subject);
    int r = store_exec(txn, "DELETE FROM login_throttle WHERE subject = $1 OR subject LIKE $1 || ':%'", "s",
                       subject);
    return r < 0 ? r : 0;
}
