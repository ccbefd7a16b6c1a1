/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session as it is kept with the host's, and back: everything that its clients and guests notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <utlist.h>

#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

#define SESSION "0123456789abcdef0123456789abcdef"
#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GUEST_KEY "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TOKEN "1795229214AbCdEfGhIjKlMnOpQrSt01"

static struct aps *new_aps(void)
{
    return xcalloc(1, sizeof(struct aps));
}

static void add_instance(struct aps_session *session)
{
    struct aps_instance *instance = xcalloc(1, sizeof(*instance));
    (void)str_copy(instance->id, sizeof(instance->id), "gPPjz");
    (void)str_copy(instance->app_id, sizeof(instance->app_id), "12");
    instance->own_display = true;
    instance->status = APS_INSTANCE_SUSPENDED;
    instance->width = 640;
    instance->height = 480;
    instance->port = 5917;
    DL_APPEND(session->instances, instance);
}

static struct aps_session *make(struct aps *aps)
{
    struct aps_session *session = aps_session_make(aps, SESSION, "1795230122zRL5O");
    session->mode = OVD_MODE_EXTERNAL;
    session->owned = true;
    session->argument = xstrdup("/a \"b'");
    (void)str_copy(session->own_app, sizeof(session->own_app), "70000");
    session->opened = 1795230122;
    session->print_announced = 1795230326;
    (void)str_copy(session->ssh_user, sizeof(session->ssh_user), "SSH7");
    (void)str_copy(session->ssh_password, sizeof(session->ssh_password), "c2ef2eb5");
    (void)str_copy(session->rfb_password, sizeof(session->rfb_password), "12345678");
    aps_session_set(session, OVD_SETTING_QUALITY, "high");
    aps_session_set(session, OVD_SETTING_TIMEOUT_MESSAGE, "one\n\"two\" \303\274");
    session->menu = xcalloc(2, sizeof(*session->menu));
    session->menu[session->menu_count++].id = 7;
    session->menu[session->menu_count++].id = 70000;
    add_instance(session);
    struct aps_guest *guest = aps_guest_new(session, TOKEN, "x@y.z", OVD_GUEST_PASSIVE, "gPPjz");
    (void)str_copy(guest->rfb_password, sizeof(guest->rfb_password), "abc");
    guest->joined = true;
    struct aps_visitor *owner = aps_visitor_restore(session, KEY);
    owner->type = OVD_TOKEN_RESUME;
    owner->width = 800;
    owner->height = 600;
    owner->seen = 1795230124;
    struct aps_visitor *visitor = aps_visitor_restore(session, GUEST_KEY);
    visitor->type = OVD_TOKEN_INVITE;
    visitor->guest = guest;
    return session;
}

static void free_all(struct aps *aps)
{
    struct aps_session *session, *next;
    HASH_ITER(hh_id, aps->by_id, session, next)
    aps_session_free(session);
    assert_null(aps->visitors);
    free(aps);
}

static struct aps_visitor *visitor_of(struct aps *aps, const char *key)
{
    struct aps_visitor *visitor;
    HASH_FIND_STR(aps->visitors, key, visitor);
    assert_non_null(visitor);
    return visitor;
}

static void check_people(struct aps *aps, struct aps_session *session)
{
    const struct aps_visitor *owner = visitor_of(aps, KEY), *visitor = visitor_of(aps, GUEST_KEY);
    struct aps_guest *guest = aps_guest_find(session, TOKEN);
    assert_non_null(guest);
    assert_string_equal(guest->email, "x@y.z");
    assert_int_equal(guest->mode, OVD_GUEST_PASSIVE);
    assert_string_equal(guest->access_id, "gPPjz");
    assert_string_equal(guest->rfb_password, "abc");
    assert_true(guest->joined && !guest->left && guest->invited > 0);
    assert_ptr_equal(visitor->guest, guest);
    assert_null(owner->guest);
    assert_int_equal(owner->type, OVD_TOKEN_RESUME);
    assert_int_equal(owner->width, 800);
    assert_int_equal(owner->height, 600);
    assert_int_equal(owner->seen, 1795230124);
    assert_int_equal(session->visitors, 2);
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct aps *before = new_aps(), *after = new_aps();
    json_t *note = aps_note_write(make(before));
    assert_non_null(note);
    free_all(before);
    struct aps_session *session = aps_note_read(after, SESSION, note);
    assert_non_null(session);
    assert_ptr_equal(aps_session_by_ovd(after, "1795230122zRL5O"), session);
    assert_ptr_equal(aps_session_find(after, SESSION), session);
    assert_true(session->owned && session->mode == OVD_MODE_EXTERNAL);
    assert_string_equal(session->argument, "/a \"b'");
    assert_string_equal(session->own_app, "70000");
    assert_int_equal(session->opened, 1795230122);
    assert_int_equal(session->print_announced, 1795230326);
    assert_string_equal(session->ssh_user, "SSH7");
    assert_string_equal(session->ssh_password, "c2ef2eb5");
    assert_string_equal(session->rfb_password, "12345678");
    assert_string_equal(aps_session_setting(session, OVD_SETTING_TIMEOUT_MESSAGE), "one\n\"two\" \303\274");
    assert_string_equal(aps_session_setting(session, OVD_SETTING_LOCALE), "");
    assert_int_equal(session->menu_count, 2);
    assert_int_equal(session->menu[1].id, 70000);
    const struct aps_instance *instance = session->instances;
    assert_string_equal(instance->id, "gPPjz");
    assert_string_equal(instance->app_id, "12");
    assert_true(instance->own_display && instance->status == APS_INSTANCE_SUSPENDED);
    assert_true(instance->width == 640 && instance->height == 480 && instance->port == 5917);
    check_people(after, session);
    json_t *again = aps_note_write(session);
    assert_true(json_equal(note, again));
    json_decref(again);
    json_decref(note);
    free_all(after);
}

static void refuse(json_t *note)
{
    struct aps *aps = new_aps();
    assert_null(aps_note_read(aps, SESSION, note));
    assert_null(aps->by_id);
    assert_null(aps->by_ovd);
    free_all(aps);
    json_decref(note);
}

static json_t *changed(const char *name, json_t *value)
{
    struct aps *aps = new_aps();
    json_t *note = aps_note_write(make(aps));
    json_object_set_new(note, name, value);
    free_all(aps);
    return note;
}

static void test_a_note_of_somebody_else(void **state)
{
    (void)state;
    refuse(json_object());
    refuse(json_array());
    refuse(changed("ovdApplicationServer", json_integer(2)));
    refuse(changed("id", json_string("../x")));
    refuse(changed("mode", json_string("share")));
    refuse(changed("owned", json_integer(1)));
    refuse(changed("sshPassword", json_string("nine byte")));
    refuse(changed("settings", json_array()));
    refuse(changed("settings", json_pack("{s:i}", "quality", 1)));
    refuse(changed("menu", json_pack("[s]", "x")));
    refuse(changed("instances", json_pack("[{s:s}]", "id", "x")));
    refuse(changed("instances", json_null()));
    refuse(changed("guests", json_pack("[i]", 1)));
    refuse(changed("visitors", json_pack("[{s:s, s:n}]", "key", KEY, "guest")));
}

/* Whoever's guest has gone does not become the owner by that. */
static void test_a_guest_without_an_invitation(void **state)
{
    (void)state;
    refuse(changed("guests", json_array()));
}

static void test_what_is_there_already(void **state)
{
    (void)state;
    struct aps *aps = new_aps();
    json_t *note = aps_note_write(make(aps));
    assert_null(aps_note_read(aps, SESSION, note));
    assert_null(aps_note_read(aps, "1123456789abcdef0123456789abcdef", note));
    assert_int_equal(HASH_CNT(hh_id, aps->by_id), 1);
    json_decref(note);
    free_all(aps);
}

/* As large as everything together may be: the host takes it. */
static void test_the_largest(void **state)
{
    (void)state;
    struct aps *aps = new_aps();
    struct aps_session *session = aps_session_make(aps, SESSION, "1795230122zRL5O");
    char key[sizeof(KEY)], token[sizeof(TOKEN)];
    aps->s.config = config_new();
    session->menu = xcalloc(OVD_APPLICATIONS_MAX, sizeof(*session->menu));
    for (int i = 0; i < OVD_APPLICATIONS_MAX; i++)
        session->menu[session->menu_count++].id = INT32_MAX - i;
    for (unsigned i = 0; i < POOL_INSTANCES_MAX; i++)
        add_instance(session);
    for (unsigned i = 0; i < APS_GUESTS_MAX; i++) {
        (void)snprintf(token, sizeof(token), "1795229214AbCdEfGhIjKlMnOpQrS%03u", i);
        assert_non_null(aps_guest_new(session, token, "somebody@a-name-that-is-long.example.org",
                                      OVD_GUEST_ACTIVE, "desktop"));
    }
    for (unsigned i = 0; i < APS_VISITORS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "%064u", i);
        assert_non_null(aps_visitor_restore(session, key));
    }
    json_t *note = aps_note_write(session);
    cleanup_free char *text = json_text(note);
    assert_true(strlen(text) < HOST_NOTE_MAX / 2);
    json_decref(note);
    config_free((struct config *)(uintptr_t)aps->s.config);
    free_all(aps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_note_of_somebody_else),
        cmocka_unit_test(test_a_guest_without_an_invitation),
        cmocka_unit_test(test_what_is_there_already),
        cmocka_unit_test(test_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
