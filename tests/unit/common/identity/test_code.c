/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-time codes and the tokens of guests. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/str.h"
#include "identity_fixture.h"

#define SESSION "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define GUEST "x@y.z"
#define THREADS 12

struct entry {
    struct identity_caller caller;
    char session[SECRET_ID_LEN];
    char *token;
    int64_t expires;
};

static void user_id_of(struct fixture *f, char ret_id[SECRET_ID_LEN])
{
    fixture_text(f, "SELECT id FROM users", ret_id, SECRET_ID_LEN);
}

static void make(struct fixture *f, enum identity_role role, char ret_code[SECRET_ID_LEN])
{
    char user[SECRET_ID_LEN];
    user_id_of(f, user);
    assert_int_equal(
        identity_code_make(f->identity, user, SESSION, role, role == IDENTITY_OWNER ? "" : GUEST, ret_code),
        0);
    assert_true(str_is_id(ret_code));
}

static int redeem(struct fixture *f, const char *code, struct entry *e)
{
    free(e->token);
    *e = (struct entry){0};
    return identity_code_redeem(f->identity, code, PEER, &e->caller, e->session, &e->token, &e->expires);
}

static void test_owner_gets_a_login(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN];
    struct entry e = {0};
    struct identity_user user;
    make(f, IDENTITY_OWNER, code);
    assert_int_equal(redeem(f, code, &e), 0);
    assert_string_equal(e.session, SESSION);
    assert_int_equal(e.caller.role, IDENTITY_OWNER);
    assert_string_equal(e.caller.session_id, "");
    assert_int_equal(identity_check_token(f->identity, e.token, &user), 0);
    assert_string_equal(user.username, "admin");
    assert_true(user.admin);
    assert_int_equal(identity_revoke_token(f->identity, e.token), 0);
    assert_int_equal(identity_check_token(f->identity, e.token, &user), -EACCES);
    assert_int_equal(redeem(f, code, &e), -EACCES); /* used */
    free(e.token);
}

static void test_guest_is_no_user(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN];
    struct entry e = {0};
    struct identity_user user;
    struct identity_caller caller;
    make(f, IDENTITY_PASSIVE, code);
    assert_int_equal(redeem(f, code, &e), 0);
    assert_int_equal(identity_check_token(f->identity, e.token, &user), -EPERM);
    assert_int_equal(identity_check_caller(f->identity, e.token, &caller), 0);
    assert_int_equal(caller.role, IDENTITY_PASSIVE);
    assert_string_equal(caller.session_id, SESSION);
    assert_string_equal(caller.guest, GUEST);
    assert_string_equal(caller.guest_id, e.caller.guest_id);
    assert_true(str_is_id(caller.guest_id));
    f->clock.wall_s += 40 * 86400; /* longer than any login */
    assert_int_equal(identity_check_caller(f->identity, e.token, &caller), 0);
    free(e.token);
}

static void test_guest_tickets_say_so(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN], ticket[SECRET_ID_LEN];
    struct entry e = {0};
    struct identity_ticket redeemed;
    int64_t expires;
    make(f, IDENTITY_ACTIVE, code);
    assert_int_equal(redeem(f, code, &e), 0);
    const char *owner = e.caller.user.id;
    assert_int_equal(identity_ticket_make(f->identity, owner, e.token, OTHER, "capture", ticket, &expires),
                     -EACCES);
    assert_int_equal(identity_ticket_make(f->identity, owner, e.token, SESSION, "capture", ticket, &expires),
                     0);
    assert_int_equal(identity_ticket_redeem(f->identity, ticket, "capture", &redeemed), 0);
    assert_int_equal(redeemed.role, IDENTITY_ACTIVE);
    assert_string_equal(redeemed.guest, GUEST);
    assert_string_equal(redeemed.session_id, SESSION);
    free(e.token);
}

static void test_lifetime_and_nonsense(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN], user[SECRET_ID_LEN];
    struct entry e = {0};
    make(f, IDENTITY_OWNER, code);
    f->clock.wall_s += IDENTITY_CODE_LIFETIME_S - 1;
    assert_int_equal(redeem(f, code, &e), 0);
    make(f, IDENTITY_OWNER, code);
    f->clock.wall_s += IDENTITY_CODE_LIFETIME_S;
    assert_int_equal(redeem(f, code, &e), -EACCES);
    assert_int_equal(redeem(f, SESSION, &e), -EACCES);
    assert_int_equal(redeem(f, "", &e), -EACCES);
    assert_int_equal(redeem(f, "' OR 1=1 --", &e), -EACCES);
    user_id_of(f, user);
    assert_int_equal(identity_code_make(f->identity, OTHER, SESSION, IDENTITY_OWNER, "", code), -ENOENT);
    assert_int_equal(identity_code_make(f->identity, user, "x", IDENTITY_OWNER, "", code), -EINVAL);
    assert_int_equal(identity_code_make(f->identity, user, SESSION, IDENTITY_ACTIVE, "a\nb", code), -EINVAL);
    free(e.token);
}

static void test_new_password_takes_all_back(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN], guest_code[SECRET_ID_LEN];
    struct entry e = {0}, late = {0};
    struct identity_caller caller;
    cleanup_free char *password = NULL;
    make(f, IDENTITY_ACTIVE, guest_code);
    make(f, IDENTITY_OWNER, code);
    assert_int_equal(redeem(f, guest_code, &e), 0);
    assert_int_equal(identity_reset_password(f->identity, "admin", &password), 0);
    assert_int_equal(identity_check_caller(f->identity, e.token, &caller), -EACCES);
    assert_int_equal(redeem(f, code, &late), -EACCES);
    free(e.token);
}

static void test_disabled_user(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN];
    struct entry e = {0};
    make(f, IDENTITY_OWNER, code);
    fixture_sql(f, "UPDATE users SET enabled = 0");
    assert_int_equal(redeem(f, code, &e), -EACCES);
    fixture_sql(f, "UPDATE users SET enabled = 1");
    assert_int_equal(redeem(f, code, &e), -EACCES); /* spent */
}

static void test_codes_do_not_pile_up(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN];
    for (int i = 0; i < 80; i++)
        make(f, IDENTITY_OWNER, code);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM session_codes"), 64);
    f->clock.wall_s += IDENTITY_CODE_LIFETIME_S;
    make(f, IDENTITY_OWNER, code);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM session_codes"), 1);
}

struct race {
    struct identity *identity;
    const char *code;
    atomic_int winners;
    pthread_barrier_t start;
};

static void *run(void *arg)
{
    struct race *race = arg;
    struct entry e = {0};
    pthread_barrier_wait(&race->start);
    int r =
        identity_code_redeem(race->identity, race->code, PEER, &e.caller, e.session, &e.token, &e.expires);
    if (r == 0)
        atomic_fetch_add(&race->winners, 1);
    else
        assert_int_equal(r, -EACCES);
    free(e.token);
    return NULL;
}

static void test_one_winner(void **state)
{
    struct fixture *f = *state;
    char code[SECRET_ID_LEN];
    pthread_t threads[THREADS];
    make(f, IDENTITY_OWNER, code);
    struct race race = {.identity = f->identity, .code = code};
    pthread_barrier_init(&race.start, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &race), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&race.start);
    assert_int_equal(atomic_load(&race.winners), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_owner_gets_a_login, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_guest_is_no_user, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_guest_tickets_say_so, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lifetime_and_nonsense, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_new_password_takes_all_back, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_disabled_user, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_codes_do_not_pile_up, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_one_winner, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
