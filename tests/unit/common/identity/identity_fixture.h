/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A seeded identity on a database in memory, with a clock that the test turns. */
#ifndef TEST_IDENTITY_FIXTURE_H
#define TEST_IDENTITY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "identity/identity.h"

#define START_TIME INT64_C(1800000000)
#define PEER "192.0.2.7"

struct fixture {
    struct store *store;
    struct clock clock;
    struct identity *identity;
    char *password; /* of admin */
};

static inline void fixture_open_url(struct fixture *f, const char *url)
{
    char *cause = NULL;
    *f = (struct fixture){0};
    if (store_open(url, store_main_migrations, store_main_migration_count, &f->store, &cause) < 0)
        fail_msg("%s", cause);
    f->clock.wall_s = START_TIME;
    struct identity_options options = {.store = f->store, .clock = &f->clock};
    memset(options.token_key, 0x5a, sizeof(options.token_key));
    assert_int_equal(identity_create(&options, &f->identity), 0);
    assert_int_equal(identity_seed(f->identity, &f->password), 0);
    assert_non_null(f->password);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    fixture_open_url(f, "sqlite::memory:");
    *state = f;
    return 0;
}

static inline void fixture_close(struct fixture *f)
{
    free(f->password);
    identity_destroy(f->identity);
    store_close(f->store);
}

static inline int fixture_teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

/* What an administration page will do some day. */
static inline void fixture_sql(struct fixture *f, const char *sql)
{
    struct store_txn *txn = NULL;
    assert_int_equal(store_begin(f->store, true, &txn), 0);
    assert_true(store_exec(txn, sql, "") >= 0);
    assert_int_equal(store_commit(txn), 0);
}

static inline int64_t fixture_number(struct fixture *f, const char *sql)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    assert_int_equal(store_begin(f->store, false, &txn), 0);
    assert_int_equal(store_query_one(txn, &rows, sql, ""), 1);
    int64_t value = store_int(rows, 0);
    store_rows_free(rows);
    store_rollback(txn);
    return value;
}

static inline void fixture_text(struct fixture *f, const char *sql, char *ret_text, size_t size)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    assert_int_equal(store_begin(f->store, false, &txn), 0);
    assert_int_equal(store_query_one(txn, &rows, sql, ""), 1);
    assert_int_equal(store_copy(rows, 0, ret_text, size), 0);
    store_rows_free(rows);
    store_rollback(txn);
}

static inline int fixture_login(struct fixture *f, const char *username, const char *password,
                                const char *peer, char **ret_token, unsigned *ret_wait)
{
    struct identity_user user;
    int64_t expires = 0;
    unsigned wait = 0;
    char *token = NULL;
    int r = identity_login(f->identity, username, password, peer, &user, &token, &expires, &wait);
    if (ret_token)
        *ret_token = token;
    else
        free(token);
    if (ret_wait)
        *ret_wait = wait;
    return r;
}

/* The caller frees. */
static inline char *fixture_token(struct fixture *f)
{
    char *token = NULL;
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, &token, NULL), 0);
    return token;
}

#endif
