/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What users see and what they can launch: the two must agree. */
#include "identity_fixture.h"

static json_t *entitlements(struct fixture *f, const char *user_id)
{
    json_t *list = NULL;
    assert_int_equal(identity_entitlements(f->identity, user_id, &list), 0);
    return list;
}

static void ids(struct fixture *f, char user[SECRET_ID_LEN], char desktop[SECRET_ID_LEN],
                char collection[SECRET_ID_LEN], char terminal[SECRET_ID_LEN])
{
    fixture_text(f, "SELECT id FROM users", user, SECRET_ID_LEN);
    fixture_text(f, "SELECT id FROM workspaces WHERE name = 'Desktop'", desktop, SECRET_ID_LEN);
    fixture_text(f, "SELECT id FROM workspaces WHERE name = 'Applications'", collection, SECRET_ID_LEN);
    fixture_text(f, "SELECT id FROM applications WHERE name = 'Terminal'", terminal, SECRET_ID_LEN);
}

#define IDS                                                                                                  \
    char user[SECRET_ID_LEN], desktop[SECRET_ID_LEN], collection[SECRET_ID_LEN], terminal[SECRET_ID_LEN];    \
    ids(f, user, desktop, collection, terminal)

static int launch(struct fixture *f, const char *user, const char *workspace, const char *app)
{
    struct identity_launch l;
    int r = identity_launch(f->identity, user, workspace, app, &l);
    if (r == 0)
        identity_launch_finish(&l);
    return r;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void test_seeded_tree(void **state)
{
    struct fixture *f = *state;
    IDS;
    cleanup_json json_t *list = entitlements(f, user);
    assert_int_equal(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0);
    const json_t *second = json_array_get(list, 1);
    assert_string_equal(member(first, "name"), "Applications");
    assert_string_equal(member(first, "type"), "app_collection");
    assert_string_equal(member(first, "id"), collection);
    assert_string_equal(member(second, "name"), "Desktop");
    assert_string_equal(member(second, "type"), "virtual_desktop");
    const json_t *apps = json_object_get(first, "applications");
    assert_int_equal(json_array_size(apps), 2);
    assert_string_equal(member(json_array_get(apps, 0), "name"), "Terminal");
    assert_string_equal(member(json_array_get(apps, 1), "name"), "Text Editor");
    const json_t *policy = json_object_get(first, "policy");
    assert_true(json_is_true(json_object_get(json_object_get(policy, "session"), "allowReconnect")));
    assert_int_equal(json_object_size(policy), 3);
    cleanup_free char *text = json_text(list);
    assert_null(strstr(text, "/usr/bin"));
    assert_null(strstr(text, "remotedesktop"));
}

static void test_launch(void **state)
{
    struct fixture *f = *state;
    IDS;
    struct identity_launch l;
    assert_int_equal(identity_launch(f->identity, user, desktop, NULL, &l), 0);
    assert_string_equal(l.workspace_id, desktop);
    assert_string_equal(l.workspace_name, "Desktop");
    assert_string_equal(l.workspace_type, "virtual_desktop");
    assert_string_equal(l.app_id, "");
    assert_string_equal(l.app_exe, "remotedesktop");
    assert_string_equal(l.app_args, "");
    assert_true(json_is_object(json_object_get(l.policy, "security")));
    identity_launch_finish(&l);
    assert_int_equal(identity_launch(f->identity, user, collection, terminal, &l), 0);
    assert_string_equal(l.app_id, terminal);
    assert_string_equal(l.app_name, "Terminal");
    assert_string_equal(l.app_exe, "/usr/bin/xterm");
    identity_launch_finish(&l);
}

static void test_launch_needs_a_fitting_choice(void **state)
{
    struct fixture *f = *state;
    IDS;
    assert_int_equal(launch(f, user, collection, NULL), -ENOENT); /* never a desktop instead */
    assert_int_equal(launch(f, user, collection, ""), -ENOENT);
    assert_int_equal(launch(f, user, collection, desktop), -ENOENT);
    assert_int_equal(launch(f, user, desktop, terminal), -ENOENT); /* not of this workspace */
    assert_int_equal(launch(f, user, terminal, NULL), -ENOENT);
    assert_int_equal(launch(f, user, "", NULL), -ENOENT);
    assert_int_equal(launch(f, user, "' OR '1'='1", NULL), -ENOENT);
    assert_int_equal(launch(f, "nobody", desktop, NULL), -ENOENT);
    fixture_sql(f, "UPDATE applications SET published = 0 WHERE name = 'Terminal'");
    assert_int_equal(launch(f, user, collection, terminal), -EACCES);
    fixture_sql(f, "UPDATE applications SET published = 1, status = 'inactive' WHERE name = 'Terminal'");
    assert_int_equal(launch(f, user, collection, terminal), -EACCES);
    cleanup_json json_t *list = entitlements(f, user);
    assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "applications")), 1);
    fixture_sql(f, "UPDATE applications SET published = 0");
    cleanup_json json_t *less = entitlements(f, user);
    assert_int_equal(json_array_size(less), 1); /* an empty collection is not shown */
}

static void check_nothing(struct fixture *f, const char *user, const char *desktop, int wanted)
{
    cleanup_json json_t *list = entitlements(f, user);
    assert_int_equal(json_array_size(list), 0);
    assert_int_equal(launch(f, user, desktop, NULL), wanted);
}

static void test_rights(void **state)
{
    struct fixture *f = *state;
    IDS;
    fixture_sql(f, "UPDATE workspaces SET published = 0");
    check_nothing(f, user, desktop, -EACCES);
    fixture_sql(f, "UPDATE workspaces SET published = 1");
    fixture_sql(f, "DELETE FROM workspace_rights");
    check_nothing(f, user, desktop, -EACCES);
    fixture_sql(f, "INSERT INTO workspace_rights (workspace_id, group_id)"
                   " SELECT w.id, g.id FROM workspaces w, groups g WHERE g.name = 'administrators'");
    assert_int_equal(launch(f, user, desktop, NULL), 0);
    fixture_sql(f, "DELETE FROM user_group_memberships");
    check_nothing(f, user, desktop, -EACCES);
}

/* Two groups that grant the same thing grant it once. */
static void test_union_of_groups(void **state)
{
    struct fixture *f = *state;
    IDS;
    fixture_sql(f, "INSERT INTO workspace_rights (workspace_id, group_id)"
                   " SELECT w.id, g.id FROM workspaces w, groups g WHERE g.name = 'administrators'");
    cleanup_json json_t *list = entitlements(f, user);
    assert_int_equal(json_array_size(list), 2);
}

static void test_other_organisation(void **state)
{
    struct fixture *f = *state;
    IDS;
    fixture_sql(f, "INSERT INTO organisations (id, name, created) VALUES ('o2', 'Other', 0)");
    fixture_sql(f, "UPDATE workspaces SET organisation_id = 'o2'");
    check_nothing(f, user, desktop, -ENOENT);
}

static void test_policy_of_workspace_or_organisation(void **state)
{
    struct fixture *f = *state;
    IDS;
    struct identity_launch l;
    fixture_sql(f, "UPDATE workspaces SET policy_set_id = NULL");
    assert_int_equal(identity_launch(f->identity, user, desktop, NULL, &l), 0);
    assert_string_equal(
        member(json_object_get(json_object_get(l.policy, "security"), "fileSystem"), "trustLevel"),
        "noTrust");
    identity_launch_finish(&l);
    fixture_sql(f,
                "DELETE FROM organisation_policy"); /* no policy at all: nothing is allowed, not everything */
    check_nothing(f, user, desktop, -EACCES);
}

static void test_broken_policy(void **state)
{
    struct fixture *f = *state;
    IDS;
    json_t *list = NULL;
    fixture_sql(f, "UPDATE policy_sets SET security = '[]' WHERE name = 'fulltrust'");
    assert_int_equal(launch(f, user, desktop, NULL), -EIO);
    assert_int_equal(identity_entitlements(f->identity, user, &list), -EIO);
}

static void test_drive_secrets_stay_inside(void **state)
{
    struct fixture *f = *state;
    IDS;
    fixture_sql(
        f, "UPDATE policy_sets SET session = '{\"driveMappings\":[{\"name\":\"Team\",\"username\":\"svc\","
           "\"passwordRef\":\"env:TEAM\"}]}' WHERE name = 'fulltrust'");
    cleanup_json json_t *list = entitlements(f, user);
    cleanup_free char *text = json_text(list);
    assert_non_null(strstr(text, "Team"));
    assert_null(strstr(text, "env:TEAM"));
    assert_null(strstr(text, "svc"));
    struct identity_launch l;
    assert_int_equal(identity_launch(f->identity, user, desktop, NULL, &l), 0);
    cleanup_free char *inner = json_text(l.policy);
    assert_non_null(strstr(inner, "env:TEAM")); /* the host needs it */
    identity_launch_finish(&l);
}

static void test_disabled_user(void **state)
{
    struct fixture *f = *state;
    IDS;
    json_t *list = NULL;
    fixture_sql(f, "UPDATE users SET enabled = 0");
    assert_int_equal(identity_entitlements(f->identity, user, &list), -ENOENT);
    assert_int_equal(launch(f, user, desktop, NULL), -EACCES);
}

/* Required members and ranges of spec 6 in every built-in policy set. */
static void check_policy(struct store_rows *rows)
{
    char error[JSON_ERROR_LEN];
    json_t *part[3];
    const char *text = NULL;
    int64_t n = 0;
    bool b;
    for (int i = 0; i < 3; i++)
        assert_int_equal(json_read(store_text(rows, i), strlen(store_text(rows, i)), &part[i], error), 0);
    const json_t *security = part[0];
    assert_int_equal(json_get_bool(json_object_get(security, "clipboard"), "enabled", &b, error), 0);
    assert_int_equal(json_get_string(json_object_get(security, "fileSystem"), "trustLevel", 32, &text, error),
                     0);
    assert_int_equal(json_get_bool(json_object_get(security, "printing"), "enabled", &b, error), 0);
    assert_int_equal(json_get_bool(json_object_get(security, "network"), "isolated", &b, error), 0);
    assert_int_equal(json_get_int(part[1], "idleTimeoutSeconds", 60, 86400, &n, error), 0);
    assert_int_equal(json_get_int(part[1], "maxSessionsPerUser", 1, 10, &n, error), 0);
    assert_int_equal(json_get_bool(part[1], "allowReconnect", &b, error), 0);
    assert_int_equal(json_get_string(part[2], "priority", 32, &text, error), 0);
    assert_int_equal(json_get_string(part[2], "hostPlacement", 32, &text, error), 0);
    assert_int_equal(json_get_int(part[2], "maxMemoryMB", 512, 65536, &n, error), 0);
    assert_int_equal(json_get_int(part[2], "maxCpuPercent", 1, 100, &n, error), 0);
    assert_int_equal(json_get_int(part[2], "frameRateTarget", 1, 60, &n, error), 0);
    for (int i = 0; i < 3; i++)
        json_decref(part[i]);
}

static void test_built_in_policies(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    int count = 0;
    assert_int_equal(store_begin(f->store, false, &txn), 0);
    assert_int_equal(store_query(txn, &rows, "SELECT security, session, resources FROM policy_sets", ""), 0);
    for (; store_next(rows) == 1; count++)
        check_policy(rows);
    store_rows_free(rows);
    store_rollback(txn);
    assert_int_equal(count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seeded_tree, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_launch, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_launch_needs_a_fitting_choice, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_rights, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_union_of_groups, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_organisation, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_policy_of_workspace_or_organisation, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_broken_policy, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_drive_secrets_stay_inside, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_disabled_user, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_built_in_policies, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
