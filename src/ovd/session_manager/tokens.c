/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens and invitations: what a redirect or a mail carries. Random enough that nobody guesses one, good
 * once. */
#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define KEEP_MAX 1000

static int finish(struct store_txn *txn, int result)
{
    if (result < 0) {
        store_rollback(txn);
        return result;
    }
    int r = store_commit(txn);
    return r < 0 ? r : result;
}

static int64_t lifetime(const struct manager *m, enum ovd_token_type type)
{
    return config_int(m->s.config, type == OVD_TOKEN_INVITE ? "ovd.invitationMs" : "ovd.tokenMs");
}

static int insert(struct manager *m, struct store_txn *txn, enum ovd_token_type type, const char *record,
                  const char *invite, char ret_id[OVD_ID_SIZE])
{
    int64_t now = sm_manager_now_ms();
    ovd_id_make(now / 1000, ret_id);
    return store_exec(txn,
                      "INSERT INTO ovd_tokens (id, type, ovd_session, subject, created, expires)"
                      " VALUES ($1, $2, $3, $4, $5, $6)",
                      "ssssii", ret_id, ovd_token_type_words[type], record, invite, now,
                      now + lifetime(m, type));
}

int sm_token_make(struct manager *m, enum ovd_token_type type, const char *record, const char *invite,
                  char ret_id[OVD_ID_SIZE])
{
    struct store_txn *txn = NULL;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = finish(txn, insert(m, txn, type, record, invite, ret_id));
    return r < 0 ? r : 0;
}

static int read_token(struct store_rows *rows, struct token *token)
{
    const char *type = store_text(rows, 1);
    int found = -1;
    for (size_t i = 0; type && i < ARRAY_SIZE(ovd_token_type_words); i++) {
        if (strcmp(type, ovd_token_type_words[i]) == 0)
            found = (int)i;
    }
    if (found < 0 || store_copy(rows, 0, token->id, sizeof(token->id)) < 0 ||
        store_copy(rows, 2, token->record, sizeof(token->record)) < 0 ||
        store_copy(rows, 3, token->invite, sizeof(token->invite)) < 0)
        return -EIO;
    token->type = (enum ovd_token_type)found;
    return 0;
}

static int find(struct manager *m, const char *sql, const char *key, struct token *ret_token)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    struct token token = {0};
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query_one(txn, &rows, sql, "si", key, sm_manager_now_ms());
    r = r == 0 ? -ENOENT : r > 0 ? read_token(rows, &token) : r;
    store_rows_free(rows);
    store_rollback(txn);
    if (r == 0)
        *ret_token = token;
    return r;
}

int sm_token_find(struct manager *m, const char *id, struct token *ret_token)
{
    return find(m,
                "SELECT id, type, ovd_session, subject FROM ovd_tokens"
                " WHERE id = $1 AND expires >= $2",
                id, ret_token);
}

int sm_token_take(struct manager *m, const char *id)
{
    struct store_txn *txn = NULL;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = finish(txn, store_exec(txn, "DELETE FROM ovd_tokens WHERE id = $1 AND expires >= $2", "si", id,
                               sm_manager_now_ms()));
    return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int sm_tokens_keep_leases(struct manager *m)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    cleanup_json json_t *ids = json_array();
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query(
        txn, &rows,
        "SELECT DISTINCT s.session_id FROM ovd_tokens t JOIN ovd_sessions s ON s.id = t.ovd_session"
        " WHERE t.type = 'start' AND t.expires >= $1",
        "i", sm_manager_now_ms());
    while (r >= 0 && json_array_size(ids) < KEEP_MAX && (r = store_next(rows)) > 0)
        json_array_append_new(ids, json_string(store_text(rows, 0)));
    store_rows_free(rows);
    store_rollback(txn);
    for (size_t i = 0; r >= 0 && i < json_array_size(ids); i++)
        r = session_broker_renew(m->s.broker, json_string_value(json_array_get(ids, i)));
    return r < 0 ? r : 0;
}

static char *invite_text(const struct invite *invite)
{
    cleanup_json json_t *settings =
        json_pack("{s:s, s:s, s:s*, s:s*}", ovd_setting_name(OVD_SETTING_INVITE_EMAIL), invite->email,
                  ovd_setting_name(OVD_SETTING_VIEW_ONLY), invite->view_only ? "Yes" : "No",
                  ovd_setting_name(OVD_SETTING_ACCESS_ID), invite->access_id,
                  ovd_setting_name(OVD_SETTING_CLIENT), invite->client);
    return settings ? json_text(settings) : NULL;
}

int sm_invite_make(struct manager *m, struct invite *invite, char ret_token[OVD_ID_SIZE])
{
    cleanup_free char *settings = invite_text(invite);
    struct store_txn *txn = NULL;
    int64_t now = sm_manager_now_ms();
    if (!settings)
        return -EINVAL;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    ovd_id_make(now / 1000, invite->id);
    r = store_exec(txn,
                   "INSERT INTO ovd_invites (id, ovd_session, email, settings, expires)"
                   " VALUES ($1, $2, $3, $4, $5)",
                   "ssssi", invite->id, invite->record, invite->email, settings,
                   now + lifetime(m, OVD_TOKEN_INVITE));
    if (r >= 0)
        r = insert(m, txn, OVD_TOKEN_INVITE, invite->record, invite->id, ret_token);
    r = finish(txn, r);
    return r < 0 ? r : 0;
}

int sm_invite_settings(struct manager *m, const char *id, json_t **ret_settings)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    char error[JSON_ERROR_LEN];
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query_one(txn, &rows, "SELECT settings FROM ovd_invites WHERE id = $1 AND expires >= $2", "si",
                        id, sm_manager_now_ms());
    if (r == 0)
        r = -ENOENT;
    const char *text = r > 0 ? store_text(rows, 0) : NULL;
    if (r > 0)
        r = text && json_read(text, strlen(text), ret_settings, error) == 0 ? 0 : -EIO;
    store_rows_free(rows);
    store_rollback(txn);
    return r;
}

int sm_invites_open(struct manager *m, const char *record, int64_t *ret_count)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query_one(
        txn, &rows,
        "SELECT COUNT(*) FROM ovd_tokens WHERE ovd_session = $1 AND type = 'invite' AND expires >= $2", "si",
        record, sm_manager_now_ms());
    if (r > 0)
        *ret_count = store_int(rows, 0);
    store_rows_free(rows);
    store_rollback(txn);
    return r > 0 ? 0 : r < 0 ? r : -EIO;
}

int sm_invite_remove(struct manager *m, const char *id, const char *token)
{
    struct store_txn *txn = NULL;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn, "DELETE FROM ovd_tokens WHERE id = $1", "s", token);
    if (r >= 0)
        r = store_exec(txn, "DELETE FROM ovd_invites WHERE id = $1", "s", id);
    r = finish(txn, r);
    return r < 0 ? r : 0;
}
