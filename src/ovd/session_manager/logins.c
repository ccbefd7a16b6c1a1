/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logins by form and by cookie. A cookie is made only for who has logged in, so strangers fill no table. */
#include <stdio.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define LOGIN_MAX 128
#define PASSWORD_MAX 1024
#define COOKIES_MAX 10000 /* the oldest ones go */

static void key_of(const char *cookie, char ret_key[2 * SECRET_HASH_LEN + 1])
{
    uint8_t hash[SECRET_HASH_LEN];
    secret_sha256(cookie, strlen(cookie), hash);
    hex_encode(hash, sizeof(hash), ret_key);
}

static const char *reason_of(int error)
{
    return error == -EACCES   ? "credentials"
           : error == -EAGAIN ? "throttled"
           : error == -EBUSY  ? "busy"
                              : "database";
}

/* The same line as for every other login (docs/protocol/iam.md). */
static void log_login(int result, const char *login, const char *client)
{
    cleanup_free char *line = identity_login_line(login, client, result < 0 ? reason_of(result) : NULL);
    log_event(result < 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, NULL, "%s", line);
}

int sm_login_check(struct manager *m, struct http_request *r, const char *login, const char *password,
                   struct identity_user *ret_user, char **ret_token)
{
    char client[ADDR_TEXT_LEN];
    int64_t expires;
    unsigned wait_s;
    if (strlen(login) > LOGIN_MAX || strlen(password) > PASSWORD_MAX)
        return -EACCES;
    m->s.client_address(m->s.process, r, client);
    int result =
        identity_login(m->s.identity, login, password, client, ret_user, ret_token, &expires, &wait_s);
    log_login(result, login, client);
    return result;
}

static void free_token(char *token)
{
    if (token)
        secret_wipe(token, strlen(token));
    free(token);
}

static int stored_token(struct manager *m, const char *cookie, char **ret_token)
{
    char key[2 * SECRET_HASH_LEN + 1];
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    key_of(cookie, key);
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query_one(txn, &rows, "SELECT token FROM ovd_cookies WHERE id = $1 AND expires >= $2", "si",
                        key, sm_manager_now_ms());
    if (r > 0)
        *ret_token = xstrdup(store_text(rows, 0));
    store_rows_free(rows);
    store_rollback(txn);
    return r > 0 ? 0 : r < 0 ? r : -EACCES;
}

int sm_login_user(struct manager *m, struct http_request *r, const struct args *args,
                  struct identity_user *ret_user)
{
    const char *login = form_get(&args->post, "login"), *password = form_get(&args->post, "password");
    const char *cookie = form_get(&args->cookies, MANAGER_COOKIE);
    char *token = NULL;
    int result;
    if (login && password) {
        result = sm_login_check(m, r, login, password, ret_user, &token);
    } else if (cookie) {
        result = stored_token(m, cookie, &token);
        if (result == 0)
            result = identity_check_token(m->s.identity, token, ret_user);
    } else {
        result = -EACCES;
    }
    free_token(token);
    return result;
}

static int run_on_cookies(struct manager *m, const char *sql, const char *text)
{
    struct store_txn *txn = NULL;
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = text ? store_exec(txn, sql, "s", text) : store_exec(txn, sql, "i", sm_manager_now_ms());
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn);
}

void sm_login_forget(struct manager *m, const struct args *args)
{
    const char *cookie = form_get(&args->cookies, MANAGER_COOKIE);
    char key[2 * SECRET_HASH_LEN + 1];
    if (!cookie)
        return;
    key_of(cookie, key);
    (void)run_on_cookies(m, "DELETE FROM ovd_cookies WHERE id = $1", key); /* or it expires */
}

int sm_logins_sweep(struct manager *m)
{
    return run_on_cookies(m, "DELETE FROM ovd_cookies WHERE expires < $1", NULL);
}

static int make_cookie(struct manager *m, const char *token, char ret_cookie[SECRET_ID_LEN])
{
    char key[2 * SECRET_HASH_LEN + 1];
    struct store_txn *txn = NULL;
    secret_random_id(ret_cookie);
    key_of(ret_cookie, key);
    int r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "DELETE FROM ovd_cookies WHERE id NOT IN"
                   " (SELECT id FROM ovd_cookies ORDER BY expires DESC LIMIT $1)",
                   "i", (int64_t)COOKIES_MAX - 1);
    if (r >= 0)
        r = store_exec(txn, "INSERT INTO ovd_cookies (id, token, expires) VALUES ($1, $2, $3)", "ssi", key,
                       token, sm_manager_now_ms() + config_int(m->s.config, "ovd.cookieMs"));
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn);
}

static int log_in(struct manager *m, struct http_request *r, char ret_cookie[SECRET_ID_LEN])
{
    struct args args = {0};
    struct identity_user user;
    char *token = NULL;
    int result = sm_args_read(r, &args);
    const char *login = form_get(&args.post, "login"), *password = form_get(&args.post, "password");
    if (result == 0)
        result = login && password && form_get(&args.post, "do_login")
                     ? sm_login_check(m, r, login, password, &user, &token)
                     : -EACCES;
    if (result == 0)
        result = make_cookie(m, token, ret_cookie);
    free_token(token);
    sm_args_finish(&args);
    return result;
}

static void answer_login(struct http_request *r, void *ctx)
{
    char cookie[SECRET_ID_LEN];
    if (log_in(ctx, r, cookie) < 0) {
        sm_manager_answer(r, 404, MANAGER_TEXT, "Authentication failed");
        return;
    }
    cleanup_free char *line = xasprintf(MANAGER_COOKIE "=%s; path=/; HttpOnly; SameSite=Lax%s", cookie,
                                        http_is_tls(r) ? "; Secure" : "");
    http_add_header(r, "Set-Cookie", line);
    sm_manager_say(r, "You are now logged in");
}

static void refuse_login(struct http_request *r, void *ctx)
{
    (void)ctx;
    sm_manager_answer(r, 404, MANAGER_TEXT, "Authentication failed");
}

void sm_route_login(struct http_request *r, void *ctx)
{
    sm_turn_wait(ctx, SM_LANE_LOGIN, r, answer_login, refuse_login);
}
