/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Legacy names of sessions, and what was asked for at their start. */
#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define ENDED_MAX 1000 /* that are looked at in one sweep */
#define COLUMNS "id, session_id, user_id, mode, settings, reported, stop_why, created"

void sm_record_finish(struct record *record)
{
    json_decref(record->settings);
    record->settings = NULL;
}

/* One statement in a transaction of its own: the number of rows, or an error. */
static int finish(struct store_txn *txn, int result)
{
    if (result < 0) {
        store_rollback(txn);
        return result;
    }
    int r = store_commit(txn);
    return r < 0 ? r : result;
}

static int mode_read(const char *word, enum ovd_mode *ret_mode)
{
    for (size_t i = 0; word && i < ARRAY_SIZE(ovd_mode_words); i++) {
        if (strcmp(word, ovd_mode_words[i]) == 0) {
            *ret_mode = (enum ovd_mode)i;
            return 0;
        }
    }
    return -EIO;
}

static int read_record(struct store_rows *rows, struct record *record)
{
    char error[JSON_ERROR_LEN];
    const char *settings = store_text(rows, 4);
    if (store_copy(rows, 0, record->id, sizeof(record->id)) < 0 ||
        store_copy(rows, 1, record->session_id, sizeof(record->session_id)) < 0 ||
        store_copy(rows, 2, record->user_id, sizeof(record->user_id)) < 0 ||
        mode_read(store_text(rows, 3), &record->mode) < 0 ||
        store_copy(rows, 6, record->stop_why, sizeof(record->stop_why)) < 0)
        return -EIO;
    record->reported = store_int(rows, 5) != 0;
    record->age_ms = sm_manager_now_ms() - store_int(rows, 7);
    return settings && json_read(settings, strlen(settings), &record->settings, error) == 0 ? 0 : -EIO;
}

static int find(struct manager *m, const char *sql, const char *key, struct record *ret_record)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    struct record record = {0};
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query_one(txn, &rows, sql, "s", key);
    r = r == 0 ? -ENOENT : r > 0 ? read_record(rows, &record) : r;
    store_rows_free(rows);
    store_rollback(txn);
    if (r == 0)
        *ret_record = record;
    return r;
}

int sm_record_by_id(struct manager *m, const char *id, struct record *ret_record)
{
    return find(m, "SELECT " COLUMNS " FROM ovd_sessions WHERE id = $1", id, ret_record);
}

int sm_record_by_session(struct manager *m, const char *session_id, struct record *ret_record)
{
    return find(m, "SELECT " COLUMNS " FROM ovd_sessions WHERE session_id = $1", session_id, ret_record);
}

int sm_record_insert(struct manager *m, const struct record *record)
{
    cleanup_free char *settings = json_text(record->settings);
    struct store_txn *txn = NULL;
    if (!settings)
        return -ENOMEM;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(
        txn,
        "INSERT INTO ovd_sessions (id, session_id, user_id, mode, settings, created, started, reported,"
        " stop_why) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, '')",
        "sssssi", record->id, record->session_id, record->user_id, ovd_mode_words[record->mode], settings,
        sm_manager_now_ms());
    r = finish(txn, r);
    return r < 0 ? r : 0;
}

int sm_record_set_wish(struct manager *m, const char *id, enum ovd_mode mode, const json_t *settings)
{
    cleanup_free char *text = json_text(settings);
    struct store_txn *txn = NULL;
    if (!text)
        return -ENOMEM;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = finish(txn, store_exec(txn, "UPDATE ovd_sessions SET settings = $1, mode = $2 WHERE id = $3", "sss",
                               text, ovd_mode_words[mode], id));
    return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int sm_record_status(struct manager *m, const char *id, int status)
{
    struct store_txn *txn = NULL;
    int r = 0;
    if (status != SESSION_TO_START && status != SESSION_READY)
        return 0;
    r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    if (status == SESSION_TO_START)
        r = store_exec(txn, "UPDATE ovd_sessions SET started = $1 WHERE id = $2", "is", sm_manager_now_ms(),
                       id);
    else
        r = store_exec(txn, "UPDATE ovd_sessions SET reported = 1 WHERE id = $1", "s", id);
    r = finish(txn, r);
    return r < 0 ? r : 0;
}

int sm_record_stop_why(struct manager *m, const char *id, const char *why)
{
    struct store_txn *txn = NULL;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = finish(txn, store_exec(txn, "UPDATE ovd_sessions SET stop_why = $1 WHERE id = $2 AND reported = 1",
                               "ss", why, id));
    return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

/* Sessions that are over and have no reason yet: an array of pairs, id and the core's reason. */
static int read_ended(struct store_txn *txn, json_t **ret_list)
{
    struct store_rows *rows = NULL;
    json_t *list = json_array();
    int r = store_query(txn, &rows,
                        "SELECT s.id, c.reason FROM ovd_sessions s JOIN sessions c ON c.id = s.session_id"
                        " WHERE s.stop_why = '' AND c.status = 4",
                        "");
    while (r >= 0 && json_array_size(list) < ENDED_MAX && (r = store_next(rows)) > 0)
        json_array_append_new(list, json_pack("[s, s]", store_text(rows, 0), store_text(rows, 1)));
    store_rows_free(rows);
    *ret_list = list;
    return r < 0 ? r : 0;
}

int sm_records_end(struct manager *m)
{
    struct store_txn *txn = NULL;
    cleanup_json json_t *list = NULL;
    const json_t *pair;
    size_t i;
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = read_ended(txn, &list);
    store_rollback(txn);
    if (r < 0 || json_array_size(list) == 0)
        return r;
    r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    json_array_foreach(list, i, pair)
    {
        const char *id = json_string_value(json_array_get(pair, 0));
        const char *why = sm_end_reason(json_string_value(json_array_get(pair, 1)));
        if (r >= 0)
            r = store_exec(txn, "UPDATE ovd_sessions SET stop_why = $1 WHERE id = $2 AND stop_why = ''", "ss",
                           why, id);
    }
    r = finish(txn, r);
    return r < 0 ? r : 0;
}

int sm_records_sweep(struct manager *m)
{
    struct store_txn *txn = NULL;
    int64_t now = sm_manager_now_ms();
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn, "DELETE FROM ovd_tokens WHERE expires < $1", "i", now);
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM ovd_invites WHERE expires < $1", "i", now);
    /* The core knows ended sessions for a day. */
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM ovd_sessions WHERE session_id NOT IN (SELECT id FROM sessions)", "");
    r = finish(txn, r);
    return r < 0 ? r : 0;
}
