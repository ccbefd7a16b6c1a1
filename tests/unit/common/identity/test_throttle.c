/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The counters on their own, without the cost of hashing, and once through login. */
#include "identity_fixture.h"

#include <stdio.h>

#include "identity/throttle.h"

/* One attempt: 0 when it may look at the password, else the seconds to wait. */
static unsigned attempt(struct fixture *f, const char *username, const char *peer, bool right)
{
    struct store_txn *txn = NULL;
    struct throttle throttle;
    unsigned wait = 0;
    assert_int_equal(store_begin(f->store, true, &txn), 0);
    int r = throttle_charge(txn, f->clock.wall_s, username, peer, &throttle, &wait);
    if (r == 0 && right)
        r = throttle_clear(txn, f->clock.wall_s, &throttle);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(r, wait > 0 ? -EAGAIN : 0);
    return wait;
}

static void fail_times(struct fixture *f, const char *username, const char *peer, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(attempt(f, username, peer, false), 0);
}

static void test_waits_double(void **state)
{
    struct fixture *f = *state;
    const unsigned waits[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        unsigned wait = attempt(f, "alice", PEER, true); /* even the right password waits */
        assert_in_range(wait, waits[i], waits[i] + 1);
        f->clock.wall_s += wait - 1;
        assert_int_equal(attempt(f, "alice", PEER, false), 1);
        f->clock.wall_s += 1;
        assert_int_equal(attempt(f, "alice", PEER, false), 0);
    }
}

static void test_success_forgets(void **state)
{
    struct fixture *f = *state;
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT - 1);
    assert_int_equal(attempt(f, "alice", PEER, true), 0);
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    assert_true(attempt(f, "alice", PEER, false) > 0);
    assert_int_equal(attempt(f, "bob", PEER, false), 0); /* others go on */
}

static void test_time_forgets(void **state)
{
    struct fixture *f = *state;
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    f->clock.wall_s += THROTTLE_FORGET_S + 1;
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    f->clock.wall_s += THROTTLE_FORGET_S + 1;
    assert_int_equal(attempt(f, "other", PEER, false), 0);
    /* Rows of long ago are gone: user and address of "other" are what is left. */
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM login_throttle"), 2);
}

/* Many names from one place, and one /64 with many addresses. */
static void test_address(void **state)
{
    struct fixture *f = *state;
    char name[32], peer[64];
    for (int i = 0; i < THROTTLE_ADDRESS_LIMIT; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        snprintf(peer, sizeof(peer), "2001:db8:1:2::%x", i + 1);
        assert_int_equal(attempt(f, name, peer, false), 0);
    }
    assert_true(attempt(f, "fresh", "2001:db8:1:2:ffff::1", false) > 0);
    assert_int_equal(attempt(f, "fresh", "2001:db8:1:3::1", false), 0);
}

static void test_success_gives_address_its_charge_back(void **state)
{
    struct fixture *f = *state;
    char name[32];
    for (int i = 0; i < 3 * THROTTLE_ADDRESS_LIMIT; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        assert_int_equal(attempt(f, name, PEER, true), 0);
    }
}

/* Guesses from all over the world do not keep a user out of the usual place. */
static void test_known_place(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(attempt(f, "alice", PEER, true), 0);
    fail_times(f, "alice", "198.51.100.1", THROTTLE_USER_LIMIT);
    assert_true(attempt(f, "alice", "198.51.100.2", true) > 0);
    assert_int_equal(attempt(f, "alice", PEER, true), 0);
    /* The place has its own count. */
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    assert_true(attempt(f, "alice", PEER, true) > 0);
    /* After 30 days it is as strange as any other. */
    f->clock.wall_s += THROTTLE_PLACE_S + 1;
    fail_times(f, "alice", "198.51.100.1", THROTTLE_USER_LIMIT);
    assert_true(attempt(f, "alice", PEER, true) > 0);
}

static void test_clock_that_was_wrong(void **state)
{
    struct fixture *f = *state;
    f->clock.wall_s += 10 * 365 * 86400;
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    assert_true(attempt(f, "alice", PEER, false) > 0);
    f->clock.wall_s = START_TIME;
    assert_int_equal(attempt(f, "alice", PEER, true), 0);
}

static void test_forget_user(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = NULL;
    assert_int_equal(attempt(f, "alice", PEER, true), 0);
    fail_times(f, "alice", PEER, THROTTLE_USER_LIMIT);
    fail_times(f, "alice", "198.51.100.1", THROTTLE_USER_LIMIT);
    assert_int_equal(store_begin(f->store, true, &txn), 0);
    assert_int_equal(throttle_forget_user(txn, "alice"), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(attempt(f, "alice", PEER, false), 0);
    assert_int_equal(attempt(f, "alice", "198.51.100.1", false), 0);
}

static void test_names_are_not_kept(void **state)
{
    struct fixture *f = *state;
    attempt(f, "my secret password", PEER, false);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM login_throttle WHERE subject LIKE '%secret%'"),
                     0);
}

static void test_through_login(void **state)
{
    struct fixture *f = *state;
    unsigned wait = 0;
    for (int i = 0; i < THROTTLE_USER_LIMIT; i++)
        assert_int_equal(fixture_login(f, i % 2 ? "ADMIN" : "admin", "wrong", PEER, NULL, &wait), -EACCES);
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, NULL, &wait), -EAGAIN);
    assert_in_range(wait, 1, 2);
    f->clock.wall_s += wait;
    assert_int_equal(fixture_login(f, "admin", f->password, PEER, NULL, &wait), 0);
    /* The same for a name that nobody has. */
    for (int i = 0; i < THROTTLE_USER_LIMIT; i++)
        assert_int_equal(fixture_login(f, "nobody", "wrong", PEER, NULL, &wait), -EACCES);
    assert_int_equal(fixture_login(f, "nobody", "wrong", PEER, NULL, &wait), -EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_waits_double, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_success_forgets, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_time_forgets, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_address, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_success_gives_address_its_charge_back, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_known_place, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_clock_that_was_wrong, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_forget_user, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_names_are_not_kept, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_through_login, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
