/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seed, login, tokens and password resets as a caller sees them. */
#include "identity_fixture.h"

#include <pthread.h>
#include <stdio.h>

#include "identity/token.h"

/* Of "password", with 64 KiB and one pass. */
#define OLD_HASH                                                                                             \
    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$55PWTvddWPUD1GMbKxSff4ASfF85k9ibHJt4HlHQtBM"

static void test_seed_once(void **state)
{
    struct fixture *f = *state;
    char *again = (char *)"";
    assert_true(strlen(f->password) >= 16);
    assert_int_equal(identity_seed(f->identity, &again), 0);
    assert_null(again);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM users"), 1);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM user_group_memberships"), 2);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM policy_sets"), 4);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM organisation_policy o JOIN policy_sets p"
                                       " ON p.id = o.policy_set_id WHERE p.name = 'notrust'"),
                     1);
    char hash[160];
    fixture_text(f, "SELECT password_hash FROM users", hash, sizeof(hash));
    assert_true(str_starts_with(hash, "$argon2id$v=19$m=19456,t=2,p=1$"));
}

static void test_login(void **state)
{
    struct fixture *f = *state;
    struct identity_user user, checked;
    cleanup_free char *token = NULL;
    int64_t expires = 0;
    unsigned wait = 0;
    assert_int_equal(identity_login(f->identity, "ADMIN", f->password, PEER, &user, &token, &expires, &wait),
                     0);
    assert_string_equal(user.username, "admin");
    assert_string_equal(user.display_name, "Administrator");
    assert_true(str_is_id(user.id));
    assert_true(str_is_id(user.organisation_id));
    assert_true(user.admin);
    assert_int_equal(expires, START_TIME + 12 * 3600);
    assert_int_equal(identity_check_token(f->identity, token, &checked), 0);
    assert_string_equal(checked.id, user.id);
    assert_true(checked.admin);
    assert_int_equal(fixture_number(f, "SELECT last_login FROM users"), START_TIME);
}

static void test_refused_logins(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *longest = xcalloc(1, 2000);
    cleanup_free char *lower = xstrdup(f->password);
    memset(longest, 'x', 1024);
    lower[0] = lower[0] == 'x' ? 'y' : 'x';
    assert_int_equal(fixture_login(f, "admin", lower, PEER, NULL, NULL), -EACCES);
    assert_int_equal(fixture_login(f, "admin", "", PEER, NULL, NULL), -EACCES);
    assert_int_equal(fixture_login(f, "", f->password, PEER, NULL, NULL), -EACCES);
    assert_int_equal(fixture_login(f, "nobody", f->password, PEER, NULL, NULL), -EACCES);
    assert_int_equal(fixture_login(f, "admin' OR '1'='1", "x", PEER, NULL, NULL), -EACCES);
    assert_int_equal(fixture_login(f, "ad\nmin", "x", PEER, NULL, NULL), -EACCES);
    assert_int_equal(fixture_login(f, "admin", longest, PEER, NULL, NULL), -EACCES);
    memset(longest, 'x', 1025);
    assert_int_equal(fixture_login(f, "admin", longest, PEER, NULL, NULL), -EACCES);
    fixture_sql(f, "UPDATE users SET enabled = 0");
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, NULL, NULL), -EACCES);
    fixture_sql(f, "UPDATE users SET enabled = 1, password_hash = NULL");
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, NULL, NULL), -EACCES);
}

static void test_token_ends(void **state)
{
    struct fixture *f = *state;
    struct identity_user user;
    cleanup_free char *token = fixture_token(f);
    f->clock.wall_s += 12 * 3600 - 1;
    assert_int_equal(identity_check_token(f->identity, token, &user), 0);
    f->clock.wall_s += 1;
    assert_int_equal(identity_check_token(f->identity, token, &user), -EACCES);
    f->clock.wall_s = START_TIME - 3600; /* and it does not come early either */
    assert_int_equal(identity_check_token(f->identity, token, &user), -EACCES);
}

static void test_logout(void **state)
{
    struct fixture *f = *state;
    struct identity_user user;
    cleanup_free char *token = fixture_token(f);
    cleanup_free char *other = fixture_token(f);
    assert_int_equal(identity_revoke_token(f->identity, token), 0);
    assert_int_equal(identity_check_token(f->identity, token, &user), -EACCES);
    assert_int_equal(identity_revoke_token(f->identity, token), -EACCES);
    assert_int_equal(identity_check_token(f->identity, other, &user), 0);
    /* The list of revoked ones does not grow for ever. */
    f->clock.wall_s += 13 * 3600;
    cleanup_free char *late = fixture_token(f);
    assert_int_equal(identity_revoke_token(f->identity, late), 0);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM auth_tokens"), 1);
}

static void test_disabled_or_deleted_user(void **state)
{
    struct fixture *f = *state;
    struct identity_user user;
    cleanup_free char *token = fixture_token(f);
    fixture_sql(f, "UPDATE users SET enabled = 0");
    assert_int_equal(identity_check_token(f->identity, token, &user), -EACCES);
    fixture_sql(f, "UPDATE users SET enabled = 1");
    assert_int_equal(identity_check_token(f->identity, token, &user), 0);
    fixture_sql(f, "DELETE FROM user_group_memberships WHERE group_id IN"
                   " (SELECT id FROM groups WHERE name = 'administrators')");
    assert_int_equal(identity_check_token(f->identity, token, &user), 0);
    assert_false(user.admin);
    fixture_sql(f, "DELETE FROM users");
    assert_int_equal(identity_check_token(f->identity, token, &user), -EACCES);
}

static void test_other_key(void **state)
{
    struct fixture *f = *state;
    struct identity_user user;
    struct identity *other = NULL;
    cleanup_free char *token = fixture_token(f);
    struct identity_options options = {.store = f->store, .clock = &f->clock, .token_lifetime_s = 60};
    assert_int_equal(identity_create(&options, &other), 0);
    assert_int_equal(identity_check_token(other, token, &user), -EACCES);
    identity_destroy(other);
    assert_null(identity_destroy(NULL));
}

static void test_reset_password(void **state)
{
    struct fixture *f = *state;
    struct identity_user user;
    struct identity_ticket redeemed;
    char session[SECRET_ID_LEN], ticket[SECRET_ID_LEN];
    int64_t expires = 0;
    cleanup_free char *token = fixture_token(f);
    cleanup_free char *password = NULL;
    secret_random_id(session);
    assert_int_equal(identity_check_token(f->identity, token, &user), 0);
    assert_int_equal(identity_ticket_make(f->identity, user.id, NULL, session, "capture", ticket, &expires),
                     0);
    for (int i = 0; i < 6; i++)
        fixture_login(f, "admin", "wrong", PEER, NULL, NULL);
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, NULL, NULL), -EAGAIN);

    assert_int_equal(identity_reset_password(f->identity, "nobody", &password), -ENOENT);
    assert_int_equal(identity_reset_password(f->identity, "Admin", &password), 0);
    assert_string_not_equal(password, f->password);
    assert_int_equal(identity_check_token(f->identity, token, &user), -EACCES);
    assert_int_equal(identity_ticket_redeem(f->identity, ticket, "capture", &redeemed), -EACCES);
    assert_int_equal(fixture_login(f, "admin", password, PEER, NULL, NULL), 0); /* not throttled any more */
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, NULL, NULL), -EACCES);
}

#define CROWD 16

struct guest {
    struct fixture *fixture;
    char name[32];
    int result;
};

static void *knock(void *arg)
{
    struct guest *guest = arg;
    guest->result = fixture_login(guest->fixture, guest->name, "wrong", PEER, NULL, NULL);
    return NULL;
}

/* A crowd: each login is decided or turned away at once, and who was turned away is not counted as wrong. */
static void test_crowd(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[CROWD];
    struct guest guests[CROWD];
    int decided = 0;
    for (int i = 0; i < CROWD; i++) {
        guests[i] = (struct guest){.fixture = f};
        snprintf(guests[i].name, sizeof(guests[i].name), "guest%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, knock, &guests[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_true(guests[i].result == -EACCES || guests[i].result == -EBUSY);
        decided += guests[i].result == -EACCES;
    }
    assert_true(decided >= 6);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM login_throttle WHERE kind = 'user'"), decided);
}

static void remember(void *arg, const char *user_id)
{
    memcpy(arg, user_id, SECRET_ID_LEN);
}

/* Who keeps a user's connections hears of a new password, once, and also after a day. */
static void test_revocations(void **state)
{
    struct fixture *f = *state;
    int64_t sequence = 0;
    for (int i = 0; i < 3; i++) {
        char heard[SECRET_ID_LEN] = "";
        cleanup_free char *password = NULL;
        assert_int_equal(identity_revoked_since(f->identity, &sequence, remember, heard), 0);
        assert_string_equal(heard, "");
        assert_int_equal(identity_reset_password(f->identity, "admin", &password), 0);
        assert_int_equal(identity_revoked_since(f->identity, &sequence, remember, heard), 0);
        assert_true(str_is_id(heard));
        f->clock.wall_s += 86401;
    }
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM revocations"), 2);
}

/* A hash of other cost is made again at the next login. */
static void test_old_hash(void **state)
{
    struct fixture *f = *state;
    char hash[160];
    fixture_sql(f, "UPDATE users SET password_hash = '$argon2id$v=19$m=64,t=1,p=1$"
                   "c29tZXNhbHRzb21lc2FsdA$bad'");
    assert_int_equal(fixture_login(f, "admin", "password", PEER, NULL, NULL), -EACCES);
    fixture_sql(f, "UPDATE users SET password_hash = '" OLD_HASH "'");
    assert_int_equal(fixture_login(f, "admin", "password", PEER, NULL, NULL), 0);
    fixture_text(f, "SELECT password_hash FROM users", hash, sizeof(hash));
    assert_true(str_starts_with(hash, "$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_int_equal(fixture_login(f, "admin", "password", PEER, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seed_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_login, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_refused_logins, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_token_ends, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_logout, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_disabled_or_deleted_user, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_key, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reset_password, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_crowd, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_revocations, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_old_hash, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
