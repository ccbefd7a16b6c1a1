/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/file.h"

#define SESSION "00112233445566778899aabbccddeeff"

static void user_id_of(struct fixture *f, char ret_id[SECRET_ID_LEN])
{
    fixture_text(f, "SELECT id FROM users", ret_id, SECRET_ID_LEN);
}

static void make(struct fixture *f, const char *channel, char ret_ticket[SECRET_ID_LEN])
{
    char user[SECRET_ID_LEN];
    int64_t expires = 0;
    user_id_of(f, user);
    assert_int_equal(identity_ticket_make(f->identity, user, NULL, SESSION, channel, ret_ticket, &expires),
                     0);
    assert_int_equal(expires, f->clock.wall_s + 30);
}

static int redeem(struct fixture *f, const char *ticket, const char *channel)
{
    struct identity_ticket redeemed;
    return identity_ticket_redeem(f->identity, ticket, channel, &redeemed);
}

static void test_once(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN], wanted[SECRET_ID_LEN];
    struct identity_ticket redeemed;
    user_id_of(f, wanted);
    make(f, "capture", ticket);
    assert_int_equal(identity_ticket_redeem(f->identity, ticket, "capture", &redeemed), 0);
    assert_string_equal(redeemed.user_id, wanted);
    assert_string_equal(redeemed.session_id, SESSION);
    assert_int_equal(redeemed.role, IDENTITY_OWNER);
    assert_string_equal(redeemed.guest, "");
    assert_int_equal(redeem(f, ticket, "capture"), -EACCES);
}

static void test_wrong_use_spends_it(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN];
    make(f, "control", ticket);
    assert_int_equal(redeem(f, ticket, "capture"), -EACCES);
    assert_int_equal(redeem(f, ticket, "control"), -EACCES);
    make(f, "control", ticket);
    f->clock.wall_s += 29;
    assert_int_equal(redeem(f, ticket, "control"), 0);
    make(f, "control", ticket);
    f->clock.wall_s += 30;
    assert_int_equal(redeem(f, ticket, "control"), -EACCES);
}

static void test_bad_input(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN], user[SECRET_ID_LEN];
    int64_t expires;
    user_id_of(f, user);
    assert_int_equal(identity_ticket_make(f->identity, user, NULL, "x", "capture", ticket, &expires),
                     -EINVAL);
    assert_int_equal(identity_ticket_make(f->identity, user, NULL, SESSION, "", ticket, &expires), -EINVAL);
    assert_int_equal(identity_ticket_make(f->identity, user, NULL, SESSION, "../x", ticket, &expires),
                     -EINVAL);
    assert_int_equal(identity_ticket_make(f->identity, SESSION, NULL, SESSION, "capture", ticket, &expires),
                     -ENOENT);
    assert_int_equal(redeem(f, "", "capture"), -EACCES);
    assert_int_equal(redeem(f, SESSION, "capture"), -EACCES);
    assert_int_equal(redeem(f, "' OR 1=1 --", "capture"), -EACCES);
}

static void test_disabled_user(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN];
    make(f, "capture", ticket);
    fixture_sql(f, "UPDATE users SET enabled = 0");
    assert_int_equal(redeem(f, ticket, "capture"), -EACCES);
}

/* No ticket survives the token, and none is made with it afterwards. */
static void test_logout(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN], user[SECRET_ID_LEN];
    int64_t expires;
    cleanup_free char *token = fixture_token(f);
    user_id_of(f, user);
    assert_int_equal(identity_ticket_make(f->identity, user, token, SESSION, "capture", ticket, &expires), 0);
    assert_int_equal(identity_revoke_token(f->identity, token), 0);
    assert_int_equal(redeem(f, ticket, "capture"), -EACCES);
    assert_int_equal(identity_ticket_make(f->identity, user, token, SESSION, "capture", ticket, &expires),
                     -EACCES);
}

/* A request that was let in just before a password reset comes too late for a ticket. */
static void test_reset(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN], user[SECRET_ID_LEN];
    int64_t expires;
    cleanup_free char *token = fixture_token(f);
    cleanup_free char *password = NULL;
    user_id_of(f, user);
    assert_int_equal(identity_reset_password(f->identity, "admin", &password), 0);
    assert_int_equal(identity_ticket_make(f->identity, user, token, SESSION, "capture", ticket, &expires),
                     -EACCES);
}

static void test_table_is_bounded_and_blind(void **state)
{
    struct fixture *f = *state;
    char ticket[SECRET_ID_LEN], stored[80];
    for (int i = 0; i < 50; i++)
        make(f, "capture", ticket);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM tickets"), 32);
    assert_int_equal(redeem(f, ticket, "capture"), 0);
    f->clock.wall_s += 60;
    make(f, "capture", ticket);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM tickets"), 1);
    fixture_text(f, "SELECT ticket FROM tickets", stored, sizeof(stored));
    assert_null(strstr(stored, ticket));
}

#define THREADS 4
#define ROUNDS 20

struct race {
    struct identity *identity;
    const char *ticket;
    atomic_int winners;
    pthread_barrier_t start;
};

static void *run(void *arg)
{
    struct race *race = arg;
    struct identity_ticket redeemed;
    pthread_barrier_wait(&race->start);
    int r = identity_ticket_redeem(race->identity, race->ticket, "capture", &redeemed);
    if (r == 0)
        atomic_fetch_add(&race->winners, 1);
    else
        assert_int_equal(r, -EACCES);
    return NULL;
}

static void race_once(struct fixture *f)
{
    char ticket[SECRET_ID_LEN];
    pthread_t threads[THREADS];
    make(f, "capture", ticket);
    struct race race = {.identity = f->identity, .ticket = ticket};
    pthread_barrier_init(&race.start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &race), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&race.start);
    assert_int_equal(atomic_load(&race.winners), 1);
}

static void test_race_in_memory(void **state)
{
    for (int i = 0; i < ROUNDS; i++)
        race_once(*state);
}

/* On a file the four threads have a connection each. */
static void test_race_on_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/isthmus-ticket-XXXXXX";
    assert_non_null(mkdtemp(dir));
    cleanup_free char *url = xasprintf("sqlite:%s/db", dir);
    struct fixture f;
    fixture_open_url(&f, url);
    for (int i = 0; i < ROUNDS; i++)
        race_once(&f);
    fixture_close(&f);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, dir + strlen("/tmp/")), 0);
    close(tmp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use_spends_it, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_input, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_disabled_user, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_logout, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reset, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_table_is_bounded_and_blind, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_race_in_memory, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_race_on_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
