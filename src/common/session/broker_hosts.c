/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The register of session hosts. A host is its server URL. */
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
