/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server names with a name service that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/str.h"
#include "ovd/session_manager/fqdn.h"

struct names {
    const char *name, *address, *reverse;
    bool down;
    int asked;
};

static int forward(void *arg, const char *name, const char *address)
{
    struct names *names = arg;
    names->asked++;
    if (names->down)
        return -EAGAIN;
    return str_eq(name, names->name) && str_eq(address, names->address);
}

static int reverse(void *arg, const char *address, char ret_name[FQDN_SIZE])
{
    struct names *names = arg;
    names->asked++;
    if (names->down)
        return -EAGAIN;
    if (!str_eq(address, names->address) || !names->reverse)
        return 0;
    assert_int_equal(str_copy(ret_name, FQDN_SIZE, names->reverse), 0);
    return 1;
}

struct fixture {
    struct names names;
    struct clock clock;
    struct fqdn_checker *checker;
    struct fqdn_rules rules;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->names = (struct names){.name = "aps1.farm", .address = "10.0.0.1", .reverse = "aps1.farm."};
    const struct fqdn_resolver resolver = {forward, reverse, &f->names};
    f->checker = fqdn_checker_create(&resolver, &f->clock);
    f->rules = (struct fqdn_rules){.authorized = "*", .private_addresses = ""};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fqdn_checker_destroy(f->checker);
    free(f);
    return 0;
}

static bool is_ok(struct fixture *f, const char *name, const char *peer)
{
    return fqdn_is_authorized(f->checker, &f->rules, name, peer);
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    f->rules.authorized = "other.farm, *.FARM";
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    f->rules.authorized = "farm, aps?.farm, aps1xfarm, aps1.far";
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
    f->rules.unanchored = true;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    f->rules.authorized = "";
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
}

static void test_both_directions(void **state)
{
    struct fixture *f = *state;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    assert_false(is_ok(f, "aps1.farm", "10.0.0.2"));
    assert_false(is_ok(f, "aps2.farm", "10.0.0.1"));
    assert_false(is_ok(f, "", "10.0.0.1"));
    f->clock.monotonic_ms += 60000; /* what was found out is old */
    f->names.reverse = "evil.example";
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
    f->rules.disable_check = true; /* the reverse test alone */
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    f->names.name = "elsewhere";
    f->clock.monotonic_ms += 60000;
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
}

static void test_as_the_original(void **state)
{
    struct fixture *f = *state;
    f->rules.original = true;
    f->names.name = "not asked for";
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    assert_false(is_ok(f, "aps1.farm", "10.0.0.9"));
    f->rules.disable_check = true;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.9"));
    assert_true(is_ok(f, "10.0.0.1", "10.0.0.9"));
}

static void test_addresses(void **state)
{
    struct fixture *f = *state;
    assert_true(is_ok(f, "10.0.0.7", "10.0.0.7"));
    assert_true(is_ok(f, "fd00::7", "fd00::7"));
    assert_false(is_ok(f, "10.0.0.7", "10.0.0.8"));
    f->rules.disable_check = true;
    assert_false(is_ok(f, "10.0.0.7", "10.0.0.8"));
    assert_int_equal(f->names.asked, 0);
}

static void test_private_addresses(void **state)
{
    struct fixture *f = *state;
    f->rules.private_addresses = "a.farm=192.168.0.1, b.farm=192.168.0.2";
    assert_true(is_ok(f, "b.farm", "192.168.0.2"));
    assert_false(is_ok(f, "b.farm", "192.168.0.1"));
    assert_false(is_ok(f, "b.farm", "192.168.0"));
    assert_false(is_ok(f, "farm", "192.168.0.2"));
}

static void test_name_service_is_down(void **state)
{
    struct fixture *f = *state;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    int asked = f->names.asked;
    f->clock.monotonic_ms += 59999;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    assert_int_equal(f->names.asked, asked); /* not each time */
    f->names.down = true;
    f->clock.monotonic_ms += 3600000;
    asked = f->names.asked;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    assert_false(is_ok(f, "aps2.farm", "10.0.0.1"));
    assert_int_equal(f->names.asked, asked + 2);
    f->clock.monotonic_ms += 4999;
    assert_true(is_ok(f, "aps1.farm", "10.0.0.1"));
    assert_false(is_ok(f, "aps2.farm", "10.0.0.1"));
    assert_int_equal(f->names.asked, asked + 2); /* it is given time to come back */
    f->clock.monotonic_ms++;
    /* Back again, and it was somebody else in between: forgotten. */
    f->names.down = false;
    f->names.reverse = NULL;
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
    f->names.down = true;
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
}

/* A name service that does not answer, until the test lets it. */
struct hang {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int waiting;
    bool over;
    struct fixture *fixture;
};

static int hanging(void *arg, const char *name, const char *address)
{
    struct hang *hang = arg;
    (void)name;
    (void)address;
    pthread_mutex_lock(&hang->lock);
    hang->waiting++;
    pthread_cond_broadcast(&hang->changed);
    while (!hang->over)
        pthread_cond_wait(&hang->changed, &hang->lock);
    pthread_mutex_unlock(&hang->lock);
    return -EAGAIN;
}

struct asker {
    struct hang *hang;
    char name[32];
    pthread_t thread;
};

static void *ask_alone(void *arg)
{
    struct asker *asker = arg;
    assert_false(is_ok(asker->hang->fixture, asker->name, "10.0.0.1"));
    return NULL;
}

/* As many as may wait do; nobody else does. */
static void test_name_service_hangs(void **state)
{
    struct fixture *f = *state;
    struct hang hang = {.fixture = f};
    struct asker askers[4];
    pthread_mutex_init(&hang.lock, NULL);
    pthread_cond_init(&hang.changed, NULL);
    f->rules.disable_check = true;
    fqdn_checker_destroy(f->checker);
    const struct fqdn_resolver resolver = {hanging, reverse, &hang};
    f->checker = fqdn_checker_create(&resolver, &f->clock);
    for (int i = 0; i < 4; i++) {
        askers[i].hang = &hang;
        (void)snprintf(askers[i].name, sizeof(askers[i].name), "aps%d.farm", i);
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_alone, &askers[i]), 0);
    }
    pthread_mutex_lock(&hang.lock);
    while (hang.waiting < 4)
        pthread_cond_wait(&hang.changed, &hang.lock);
    pthread_mutex_unlock(&hang.lock);
    assert_false(is_ok(f, "aps7.farm", "10.0.0.1")); /* at once: it would hang here, too */
    assert_false(is_ok(f, "aps1.farm", "10.0.0.1"));
    assert_int_equal(hang.waiting, 4);
    pthread_mutex_lock(&hang.lock);
    hang.over = true;
    pthread_cond_broadcast(&hang.changed);
    pthread_mutex_unlock(&hang.lock);
    for (int i = 0; i < 4; i++)
        pthread_join(askers[i].thread, NULL);
    assert_false(is_ok(f, "aps7.farm", "10.0.0.1"));
    assert_int_equal(hang.waiting, 5);
    pthread_cond_destroy(&hang.changed);
    pthread_mutex_destroy(&hang.lock);
}

static void test_many(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 600; i++) {
        cleanup_free char *name = xasprintf("aps%d.farm", i);
        f->names.name = f->names.reverse = name;
        f->clock.monotonic_ms++;
        assert_true(is_ok(f, name, "10.0.0.1"));
        f->names.name = f->names.reverse = NULL;
    }
    assert_true(is_ok(f, "aps599.farm", "10.0.0.1"));
    assert_false(is_ok(f, "aps0.farm", "10.0.0.1"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_list),
        T(test_both_directions),
        T(test_as_the_original),
        T(test_addresses),
        T(test_private_addresses),
        T(test_name_service_is_down),
        T(test_name_service_hangs),
        T(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
