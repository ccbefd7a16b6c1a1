/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The register of session hosts. A host is its server URL. */
#include "base/str.h"
#include "session/broker_priv.h"

static int thousandths(double value)
{
    return value >= 0 && value <= 1e6 ? (int)(value * 1000) : 0;
}

int session_broker_register(struct session_broker *broker, const struct session_host_info *host)
{
    cleanup_free char *tags = host->tags ? json_text(host->tags) : xstrdup("[]");
    cleanup_free char *capabilities = host->capabilities ? json_text(host->capabilities) : xstrdup("[]");
    struct store_txn *txn = NULL;
    if (!tags || !capabilities)
        return -ENOMEM;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    /* Registering again keeps the turn and the sequence: the full report that follows sets things right. */
    r = store_exec(txn,
                   "INSERT INTO hosts (server_url, max_sessions, instance_type, tags, capabilities, version, "
                   "status, active_sessions, cpu, memory, registered, seen, placed, sequence) "
                   "VALUES ($1, $2, $3, $4, $5, $6, 'healthy', 0, 0, 0, $7, $7, 0, 0) "
                   "ON CONFLICT (server_url) DO UPDATE SET max_sessions = excluded.max_sessions, "
                   "instance_type = excluded.instance_type, tags = excluded.tags, "
                   "capabilities = excluded.capabilities, version = excluded.version, "
                   "status = excluded.status, registered = excluded.registered, seen = excluded.seen",
                   "sissssi", host->server_url, (int64_t)host->max_sessions, host->instance_type, tags,
                   capabilities, host->version, broker_now(broker));
    return broker_finish(txn, broker_none_is_fine(r));
}

int session_broker_heartbeat(struct session_broker *broker, const char *server_url, const char *status,
                             int active_sessions, int max_sessions, double cpu, double memory)
{
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "UPDATE hosts SET status = $1, active_sessions = $2, max_sessions = $3, cpu = $4, "
                   "memory = $5, seen = $6 WHERE server_url = $7 AND registered > 0",
                   "siiiiis", status, (int64_t)active_sessions, (int64_t)max_sessions,
                   (int64_t)thousandths(cpu), (int64_t)thousandths(memory), broker_now(broker), server_url);
    return broker_finish(txn, r == 0 ? -ENOENT : broker_none_is_fine(r));
}

int session_broker_unregister(struct session_broker *broker, const char *server_url)
{
    struct store_txn *txn = NULL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    /* The row stays, and its sessions keep their pin: a host that stops for a new version finds them again.
     */
    r = store_exec(txn, "UPDATE hosts SET registered = 0 WHERE server_url = $1", "s", server_url);
    return broker_finish(txn, broker_none_is_fine(r));
}

static int read_host(struct store_rows *rows, struct session_host_info *host)
{
    char error[JSON_ERROR_LEN];
    const char *tags = store_text(rows, 3), *capabilities = store_text(rows, 4);
    if (store_copy(rows, 0, host->server_url, sizeof(host->server_url)) < 0 ||
        store_copy(rows, 2, host->instance_type, sizeof(host->instance_type)) < 0 ||
        store_copy(rows, 5, host->version, sizeof(host->version)) < 0 || !tags || !capabilities)
        return -EIO;
    host->max_sessions = (int)store_int(rows, 1);
    int r = json_read(tags, strlen(tags), &host->tags, error);
    if (r == 0)
        r = json_read(capabilities, strlen(capabilities), &host->capabilities, error);
    return r < 0 ? -EIO : 0;
}

int session_broker_each_host(struct session_broker *broker,
                             bool (*fn)(void *arg, const struct session_host_info *host, bool in_service),
                             void *arg)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    bool more = true;
    int r = store_begin(broker->store, false, &txn);
    if (r < 0)
        return r;
    r = store_query(txn, &rows,
                    "SELECT server_url, max_sessions, instance_type, tags, capabilities, version,"
                    " registered > 0 AND seen >= $1 FROM hosts ORDER BY server_url",
                    "i", broker_now(broker) - broker->heartbeat_expiry_s);
    while (r >= 0 && more && (r = store_next(rows)) > 0) {
        struct session_host_info host = {0};
        r = read_host(rows, &host);
        if (r == 0)
            more = fn(arg, &host, store_int(rows, 6) != 0);
        json_decref(host.tags);
        json_decref(host.capabilities);
    }
    store_rows_free(rows);
    store_rollback(txn);
    return r < 0 ? r : 0;
}
