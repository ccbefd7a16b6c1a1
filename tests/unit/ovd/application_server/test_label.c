/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFB port labels of many sessions: 5900 to 8899, the first free one, as in the original. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <utlist.h>

#include "ovd/application_server/aps_priv.h"

#define SESSIONS 125 /* of 24 instances: all 3000 labels */
#define INSTANCES 24

static struct aps aps;

static struct aps_session *add_session(unsigned number)
{
    struct aps_session *session = xcalloc(1, sizeof *session);
    session->aps = &aps;
    snprintf(session->session_id, sizeof session->session_id, "%032x", number);
    HASH_ADD(hh_id, aps.by_id, session_id, strlen(session->session_id), session);
    return session;
}

static struct aps_instance *add_instance(struct aps_session *session)
{
    struct aps_instance *instance = xcalloc(1, sizeof *instance);
    instance->port = aps_label_free(session);
    DL_APPEND(session->instances, instance);
    return instance;
}

static void test_first_free(void **state)
{
    (void)state;
    struct aps_session *one = add_session(1), *two = add_session(2);
    struct aps_instance *first = add_instance(one);
    assert_int_equal(first->port, 5900);
    assert_int_equal(add_instance(two)->port, 5901);
    assert_int_equal(add_instance(one)->port, 5902);
    DL_DELETE(one->instances, first);
    free(first);
    assert_int_equal(aps_label_free(two), 5900);
}

/* When a host runs out of them they are unique in their session at least, and never outside their range. */
static void test_all_taken(void **state)
{
    (void)state;
    static bool used[65536];
    for (unsigned s = 0; s < SESSIONS; s++) {
        struct aps_session *session = add_session(s);
        for (unsigned i = 0; i < INSTANCES; i++) {
            unsigned port = add_instance(session)->port;
            assert_true(port >= 5900 && port <= 8899 && !used[port]);
            used[port] = true;
        }
    }
    struct aps_session *more = add_session(SESSIONS);
    assert_int_equal(add_instance(more)->port, 5900);
    assert_int_equal(add_instance(more)->port, 5901);
}

static int teardown(void **state)
{
    (void)state;
    struct aps_session *session, *next;
    struct aps_instance *instance, *after;
    HASH_ITER(hh_id, aps.by_id, session, next)
    {
        DL_FOREACH_SAFE(session->instances, instance, after)
        free(instance);
        HASH_DELETE(hh_id, aps.by_id, session);
        free(session);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_first_free, teardown),
        cmocka_unit_test_teardown(test_all_taken, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
