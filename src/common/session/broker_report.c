/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a host says about its sessions (docs/protocol/internal.md). The host is the one writer of every status
 * from 0 on; here is the copy. Two things are decided here all the same: the end is final, and what was
 * released stays released. */
#include "base/str.h"
#include "session/broker_priv.h"

struct report {
    const char *session_id;
    const char *reason;
    int64_t sequence;
    int64_t status;
};

static int parse(const json_t *entry, struct report *ret_report)
{
    char error[JSON_ERROR_LEN];
    struct report report = {.reason = ""};
    if (json_get_string(entry, "sessionId", 32, &report.session_id, error) < 0 ||
        json_get_int(entry, "sequence", 0, INT64_MAX, &report.sequence, error) < 0 ||
        json_get_int(entry, "status", -1, 22, &report.status, error) < 0 ||
        json_opt_string(entry, "reason", 32, &report.reason, error) < 0)
        return -EINVAL;
    if (!str_is_id(report.session_id) || !session_status_is_known((int)report.status))
        return -EINVAL;
    *ret_report = report;
    return 0;
}

static int tell_to_end(json_t *end, const char *session_id)
{
    return json_array_append_new(end, json_string(session_id)) == 0 ? 0 : -ENOMEM;
}

static int store_status(struct session_broker *broker, struct store_txn *txn, const struct report *report,
                        const struct broker_row *known)
{
    if (report->status == SESSION_DESTROYED)
        return broker_row_set_ended(broker, txn, report->session_id, report->reason);
    /* A reason once known, like that of a release, is not replaced by none. */
    const char *reason = *report->reason ? report->reason : known->row.reason;
    int64_t changed = report->status == known->row.status ? known->row.changed : broker_now(broker);
    return broker_none_is_fine(store_exec(
        txn, "UPDATE sessions SET status = $1, reason = $2, sequence = $3, changed = $4 WHERE id = $5",
        "isiis", report->status, reason, report->sequence, changed, report->session_id));
}

static int apply(struct session_broker *broker, struct store_txn *txn, const char *server_url, bool full,
                 const struct report *report, json_t *end)
{
    struct broker_row known;
    bool lives = session_status_is_alive((int)report->status);
    int r = broker_row_by_id(txn, report->session_id, &known);
    if (r < 0 && r != -ENOENT)
        return r;
    /* Nobody's, somebody else's, or over: what the host still runs under that id is an orphan. */
    if (r == -ENOENT || strcmp(known.row.server_url, server_url) != 0 ||
        known.row.status == SESSION_DESTROYED)
        return lives ? tell_to_end(end, report->session_id) : 0;
    if (!full && report->sequence <= known.sequence)
        return 0;
    if (lives && known.row.status == SESSION_TO_DESTROY)
        return tell_to_end(end, report->session_id);
    return store_status(broker, txn, report, &known);
}

static bool is_listed(const json_t *reports, const char *session_id)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(reports, i, entry) if (str_eq(json_string_value(json_object_get(entry, "sessionId")),
                                                     session_id)) return true;
    return false;
}

/* A full report: sessions that the host should have and does not are over. */
static int reconcile(struct session_broker *broker, struct store_txn *txn, const char *server_url,
                     const json_t *reports)
{
    struct store_rows *rows = NULL;
    cleanup_json json_t *gone = json_array();
    int r = store_query(txn, &rows,
                        "SELECT id FROM sessions WHERE server_url = $1 AND status <> 4 AND changed < $2 AND "
                        "NOT (status = -1 AND ws_port = 0)",
                        "si", server_url, broker_now(broker) - BROKER_FULL_GRACE_S);
    if (r < 0)
        return r;
    while ((r = store_next(rows)) > 0) {
        const char *id = store_text(rows, 0);
        if (id && !is_listed(reports, id))
            json_array_append_new(gone, json_string(id));
    }
    store_rows_free(rows);
    for (size_t i = 0; r >= 0 && i < json_array_size(gone); i++)
        r = broker_row_set_ended(broker, txn, json_string_value(json_array_get(gone, i)), "lost");
    return r < 0 ? r : 0;
}

/* Sessions that were released here and of which the host said nothing this time. */
static int list_released(struct store_txn *txn, const char *server_url, json_t *end)
{
    struct store_rows *rows = NULL;
    int r = store_query(txn, &rows,
                        "SELECT id FROM sessions WHERE server_url = $1 AND status = 3 AND end_requested = 1",
                        "s", server_url);
    if (r < 0)
        return r;
    while ((r = store_next(rows)) > 0) {
        const char *id = store_text(rows, 0);
        bool listed = false;
        for (size_t i = 0; id && i < json_array_size(end); i++)
            listed |= str_eq(json_string_value(json_array_get(end, i)), id);
        if (id && !listed)
            r = tell_to_end(end, id);
        if (r < 0)
            break;
    }
    store_rows_free(rows);
    return r < 0 ? r : 0;
}

static int host_sequence(struct store_txn *txn, const char *server_url, int64_t *ret_sequence)
{
    struct store_rows *rows = NULL;
    int r = store_query(txn, &rows, "SELECT sequence FROM hosts WHERE server_url = $1 AND registered > 0",
                        "s", server_url);
    if (r < 0)
        return r;
    r = store_next(rows);
    if (r > 0)
        *ret_sequence = store_int(rows, 0);
    store_rows_free(rows);
    return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static int run(struct session_broker *broker, struct store_txn *txn, const char *server_url, bool full,
               const json_t *reports, json_t *end, int64_t *ret_acknowledged)
{
    int64_t acknowledged = 0;
    size_t i;
    const json_t *entry;
    int r = host_sequence(txn, server_url, &acknowledged);
    if (r < 0)
        return r;
    /* What is acknowledged is what came in this message, not the highest number ever: a host that lost its
     * journal counts anew. */
    if (json_array_size(reports) > 0)
        acknowledged = 0;
    json_array_foreach(reports, i, entry)
    {
        struct report report;
        r = parse(entry, &report);
        if (r == 0)
            r = apply(broker, txn, server_url, full, &report, end);
        if (r < 0)
            return r;
        acknowledged = MAX(acknowledged, report.sequence);
    }
    if (full)
        r = reconcile(broker, txn, server_url, reports);
    if (r == 0)
        r = list_released(txn, server_url, end);
    if (r == 0)
        r = broker_none_is_fine(store_exec(txn,
                                           "UPDATE hosts SET sequence = $1, seen = $2 WHERE server_url = $3",
                                           "iis", acknowledged, broker_now(broker), server_url));
    *ret_acknowledged = acknowledged;
    return r;
}

int session_broker_report(struct session_broker *broker, const char *server_url, bool full,
                          const json_t *reports, int64_t *ret_acknowledged, json_t **ret_end)
{
    struct store_txn *txn = NULL;
    int64_t acknowledged = 0;
    if (!json_is_array(reports) || json_array_size(reports) > BROKER_REPORTS_MAX)
        return -EINVAL;
    cleanup_json json_t *end = json_array();
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    r = broker_finish(txn, run(broker, txn, server_url, full, reports, end, &acknowledged));
    if (r < 0)
        return r;
    *ret_acknowledged = acknowledged;
    *ret_end = json_incref(end);
    return 0;
}

static int told(struct session_broker *broker, struct store_txn *txn, const char *server_url,
                struct report *report, struct session_row *ret_row)
{
    struct broker_row known;
    int r = broker_row_by_id(txn, report->session_id, &known);
    if (r < 0)
        return r;
    if (strcmp(known.row.server_url, server_url) != 0 || known.row.status == SESSION_DESTROYED)
        return -ENOENT;
    report->sequence = known.sequence; /* that protocol has none */
    if (known.row.status != SESSION_TO_DESTROY || !session_status_is_alive((int)report->status)) {
        r = store_status(broker, txn, report, &known);
        if (r == 0)
            r = broker_row_by_id(txn, report->session_id, &known);
    }
    if (r == 0)
        *ret_row = known.row;
    return r;
}

int session_broker_told(struct session_broker *broker, const char *server_url, const char *session_id,
                        int status, const char *reason, struct session_row *ret_row)
{
    struct report report = {.session_id = session_id, .reason = reason, .status = status};
    struct store_txn *txn = NULL;
    if (!session_status_is_known(status))
        return -EINVAL;
    int r = store_begin(broker->store, true, &txn);
    if (r < 0)
        return r;
    return broker_finish(txn, told(broker, txn, server_url, &report, ret_row));
}
