/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which display a guest belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <utlist.h>

#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

#define SESSION "0123456789abcdef0123456789abcdef"

static void add_instance(struct aps_session *session, const char *id, bool own_display)
{
    struct aps_instance *instance = xcalloc(1, sizeof(*instance));
    (void)str_copy(instance->id, sizeof(instance->id), id);
    instance->own_display = own_display;
    DL_APPEND(session->instances, instance);
}

static const char *display_of(struct aps_session *session, const char *access_id)
{
    struct aps_guest *guest = aps_guest_find(session, access_id);
    if (!guest)
        guest = aps_guest_new(session, access_id, "x@y.z", OVD_GUEST_ACTIVE, access_id);
    assert_non_null(guest);
    return aps_guest_display(session, guest);
}

static void test_display_of_a_guest(void **state)
{
    (void)state;
    struct aps *aps = xcalloc(1, sizeof(*aps));
    struct aps_session *session = aps_session_make(aps, SESSION, "1795230122zRL5O");
    add_instance(session, "first", false);
    add_instance(session, "other", true);
    assert_string_equal(display_of(session, "first"), "");
    assert_string_equal(display_of(session, "other"), "other");
    assert_string_equal(display_of(session, "desktop"), "");
    /* An application that is over is not the session itself. */
    assert_null(display_of(session, "gone1"));
    aps_session_free(session);
    free(aps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_display_of_a_guest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
