/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <pthread.h>

#include "message_kit.h"

/* Every file of the folder is in the list and the other way round; ovd-types is what the others include. */
static void test_all(void **state)
{
    DIR *dir = opendir("xml-schemas");
    struct problems p = {0};
    struct dirent *entry;
    (void)state;

    assert_non_null(dir);
    if (ovd_schema_load_all(note_problem, &p) < 0)
        fail_msg("%s", p.text);
    assert_int_equal(p.count, 0);
    while ((entry = readdir(dir))) {
        struct xml_schema *schema = NULL;
        char name[64];

        if (!str_starts_with(entry->d_name, "ovd-") || str_eq(entry->d_name, "ovd-types.xsd"))
            continue;
        assert_true(str_ends_with(entry->d_name, ".xsd"));
        snprintf(name, sizeof(name), "%.*s", (int)strlen(entry->d_name) - 4, entry->d_name);
        if (ovd_schema_get(name, NULL, NULL, &schema) < 0)
            fail_msg("%s is not in the list", name);
        assert_non_null(schema);
    }
    closedir(dir);
}

static void test_names(void **state)
{
    struct xml_schema *one = NULL, *two = NULL;
    (void)state;

    assert_int_equal(ovd_schema_get("ovd-access", NULL, NULL, &one), 0);
    assert_int_equal(ovd_schema_get("ovd-access", NULL, NULL, &two), 0);
    assert_ptr_equal(one, two);
    two = NULL;
    assert_int_equal(ovd_schema_get("ovd-nothing", NULL, NULL, &two), -ENOENT);
    assert_int_equal(ovd_schema_get("../xml-schemas/ovd-access", NULL, NULL, &two), -ENOENT);
    assert_int_equal(ovd_schema_get(NULL, NULL, NULL, &two), -ENOENT);
    assert_null(two);
}

/* What is sent is held to more than what is accepted. */
static void test_sent_is_strict(void **state)
{
    static const char text[] = "<session status='2'> <new/><applications/></session>";
    struct problems p = {0};
    (void)state;

    assert_int_equal(ovd_schema_check("ovd-whatsup-received", text, strlen(text), note_problem, &p), 0);
    assert_int_equal(p.count, 0);
    assert_int_equal(ovd_schema_check("ovd-whatsup", text, strlen(text), note_problem, &p), -EINVAL);
    assert_true(p.count > 0);
}

static void *check_often(void *arg)
{
    static const char text[] = "<aps server='a'/>";

    for (int i = 0; i < 200; i++) {
        if (ovd_schema_check("ovd-aps", text, strlen(text), NULL, NULL) < 0)
            return arg;
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    void *failed = NULL;

    ovd_schema_finish();
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_often, state), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_sent_is_strict),
        cmocka_unit_test(test_threads),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
