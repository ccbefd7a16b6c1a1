/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The examples of the protocol, byte for byte: what is read and written again is the same text, and it
 * follows the schema of what is sent. */
#include "message_kit.h"

static const struct {
    const char *message;
    const char *files[5];
} golden[] = {
    {"access", {"access", "access_both_forms", "access_portal"}},
    {"agent", {"agent_user", "agent_session", "agent_error"}},
    {"application", {"application"}},
    {"apps", {"apps"}},
    {"aps", {"aps"}},
    {"domain", {"domain", "domain_other"}},
    {"installable", {"installable"}},
    {"invite", {"invite"}},
    {"monitoring", {"monitoring", "monitoring_polled"}},
    {"news", {"news"}},
    {"server_applications", {"server_applications"}},
    {"session_answer", {"session_answer"}},
    {"session_token", {"session_token", "session_token_smallest", "session_token_invite"}},
    {"start_app", {"start_app", "start_app_error"}},
    {"user_applications", {"user_applications"}},
    {"whatsup",
     {"whatsup_application", "whatsup_applications", "whatsup_none", "whatsup_sharing", "whatsup_guest"}},
};

static void check(size_t message, const char *file)
{
    cleanup_free char *text = read_golden(file);
    cleanup_free char *again = NULL;
    struct problems p = {0};
    struct buf out;
    int r;

    buf_init(&out, 65536);
    buf_append_str(&out, "before");
    r = every_message[message].echo(text, strlen(text), note_problem, &p, &out);
    if (r < 0)
        fail_msg("%s: %d %s", file, r, p.text);
    assert_int_equal(p.count, 0);
    again = buf_steal_str(&out);
    assert_true(str_starts_with(again, "before"));
    assert_string_equal(again + 6, text);
    if (ovd_schema_check(every_message[message].schema, text, strlen(text), note_problem, &p) < 0)
        fail_msg("%s: %s", file, p.text);
}

static void test_round_trips(void **state)
{
    size_t files = 0;
    (void)state;

    assert_int_equal(ARRAY_SIZE(golden), ARRAY_SIZE(every_message));
    for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
        assert_string_equal(golden[i].message, every_message[i].name);
        for (size_t k = 0; k < ARRAY_SIZE(golden[i].files) && golden[i].files[k]; k++, files++)
            check(i, golden[i].files[k]);
    }
    assert_int_equal(files, 29);
}

/* A buffer that is too small stays as it was. */
static void test_full_buffer(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
        cleanup_free char *text = read_golden(golden[i].files[0]);
        size_t len = strlen(text);

        for (size_t max = 3; max < len + 3; max += 1 + len / 16) {
            struct buf out;

            buf_init(&out, max);
            buf_append_str(&out, "abc");
            assert_int_equal(every_message[i].echo(text, len, NULL, NULL, &out), -EMSGSIZE);
            assert_int_equal(out.len, 3);
            buf_finish(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_full_buffer),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);

    ovd_schema_finish();
    return r;
}
