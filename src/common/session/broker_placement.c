/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which host gets the next session. */
#include "base/str.h"
#include "session/broker_priv.h"

struct candidate {
    char url[513];
    int64_t max;
    int64_t used;
    int64_t placed;
};

/* Negative when a is the better one. Hosts that are equal take turns, in every strategy. */
typedef int64_t (*strategy_fn)(const struct candidate *a, const struct candidate *b);

static int64_t by_turn(const struct candidate *a, const struct candidate *b)
{
    return a->placed - b->placed;
}

static int64_t by_count(const struct candidate *a, const struct candidate *b)
{
    return a->used != b->used ? a->used - b->used : by_turn(a, b);
}

/* A host's weight is its capacity: the one with the smallest share of its slots in use, compared crosswise.
 */
static int64_t by_share(const struct candidate *a, const struct candidate *b)
{
    int64_t left = a->used * b->max, right = b->used * a->max;
    return left != right ? left - right : by_turn(a, b);
}

static strategy_fn strategy_of(const char *name)
{
    if (str_eq(name, "RoundRobin"))
        return by_turn;
    if (str_eq(name, "Weighted"))
        return by_share;
    return by_count;
}

/* The words by which a host says that it wants no new session. */
static bool is_willing(const char *status)
{
    static const char *const unwilling[] = {"unhealthy", "draining", "stopping", "down", "broken"};
    for (size_t i = 0; i < ARRAY_SIZE(unwilling); i++)
        if (str_eq(status, unwilling[i]))
            return false;
    return true;
}

static int read_candidate(struct store_rows *rows, struct candidate *ret_candidate)
{
    const char *url = store_text(rows, 0);
    if (!url || str_copy(ret_candidate->url, sizeof(ret_candidate->url), url) < 0)
        return -EIO;
    ret_candidate->max = store_int(rows, 1);
    ret_candidate->placed = store_int(rows, 2);
    ret_candidate->used = store_int(rows, 4);
    return 0;
}

/* sticky: the URL that wins over every strategy while it has room, or "". */
static int choose(struct store_rows *rows, strategy_fn better, const char *wanted, const char *sticky,
                  struct candidate *ret_best)
{
    bool any = false, found = false, stuck = false;
    struct candidate best = {0}, next;
    int r;
    while ((r = store_next(rows)) > 0) {
        const char *status = store_text(rows, 3);
        r = read_candidate(rows, &next);
        if (r < 0)
            return r;
        if (!status || !is_willing(status) || (wanted && strcmp(wanted, next.url) != 0))
            continue;
        any = true;
        if (next.used >= next.max || stuck)
            continue;
        stuck = strcmp(sticky, next.url) == 0;
        if (!stuck && found && better(&next, &best) >= 0)
            continue;
        best = next;
        found = true;
    }
    if (r < 0)
        return r;
    if (!found)
        return any ? -ENOSPC : -EHOSTDOWN;
    *ret_best = best;
    return 0;
}

/* Where the user was last, when that is recent enough; else "". */
static int find_sticky(struct session_broker *broker, struct store_txn *txn, const char *user_id,
                       char ret_url[513])
{
    struct store_rows *rows = NULL;
    ret_url[0] = '\0';
    if (broker->affinity_s <= 0)
        return 0;
    int r = store_query(txn, &rows,
                        "SELECT server_url FROM sessions WHERE user_id = $1 AND changed >= $2 "
                        "ORDER BY changed DESC LIMIT 1",
                        "si", user_id, broker_now(broker) - broker->affinity_s);
    if (r >= 0)
        r = store_next(rows);
    if (r > 0)
        r = str_copy(ret_url, 513, store_text(rows, 0));
    store_rows_free(rows);
    return r;
}

int broker_place(struct session_broker *broker, struct store_txn *txn, const char *user_id,
                 const char *wanted, char ret_url[513])
{
    struct store_rows *rows = NULL;
    struct candidate best;
    char sticky[513];
    int r = find_sticky(broker, txn, user_id, sticky);
    if (r < 0)
        return r;
    r = store_query(txn, &rows,
                    "SELECT h.server_url, h.max_sessions, h.placed, h.status, "
                    "(SELECT COUNT(*) FROM sessions s WHERE s.server_url = h.server_url AND "
                    "s." BROKER_SQL_HOLDS_SLOT ") "
                    "FROM hosts h WHERE h.seen >= $1 AND h.registered > 0 ORDER BY h.server_url",
                    "i", broker_now(broker) - broker->heartbeat_expiry_s);
    if (r < 0)
        return r;
    r = choose(rows, strategy_of(broker->strategy), wanted, sticky, &best);
    store_rows_free(rows);
    if (r < 0)
        return r;
    r = store_exec(txn, "UPDATE hosts SET placed = (SELECT MAX(placed) + 1 FROM hosts) WHERE server_url = $1",
                   "s", best.url);
    if (r < 0)
        return r;
    return str_copy(ret_url, 513, best.url);
}

int broker_in_service(struct session_broker *broker, struct store_txn *txn, const char *server_url)
{
    struct store_rows *rows = NULL;
    int r =
        store_query(txn, &rows, "SELECT 1 FROM hosts WHERE server_url = $1 AND seen >= $2 AND registered > 0",
                    "si", server_url, broker_now(broker) - broker->heartbeat_expiry_s);
    if (r >= 0)
        r = store_next(rows);
    store_rows_free(rows);
    return r;
}

int session_broker_any_host(struct session_broker *broker, char ret_url[513])
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    int r = store_begin(broker->store, false, &txn);
    if (r < 0)
        return r;
    r = store_query(
        txn, &rows,
        "SELECT server_url FROM hosts WHERE seen >= $1 AND registered > 0 ORDER BY server_url LIMIT 1", "i",
        broker_now(broker) - broker->heartbeat_expiry_s);
    if (r >= 0)
        r = store_next(rows);
    if (r > 0)
        r = str_copy(ret_url, 513, store_text(rows, 0));
    else if (r == 0)
        r = -EHOSTDOWN;
    store_rows_free(rows);
    store_rollback(txn);
    return r;
}
