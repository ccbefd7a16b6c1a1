/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hosts and streamers are told about a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"
#include "webstream/gateway/gateway_priv.h"

static struct session_row make_row(void)
{
    struct session_row row = {0};
    assert_int_equal(str_copy(row.id, sizeof(row.id), "0123456789abcdef0123456789abcdef"), 0);
    assert_int_equal(str_copy(row.user_id, sizeof(row.user_id), "11111111111111111111111111111111"), 0);
    assert_int_equal(str_copy(row.username, sizeof(row.username), "J\xc3\xb6rg\r\nX-User-ID: root"), 0);
    return row;
}

static void test_nothing_a_person_typed_ends_a_header(void **state)
{
    (void)state;
    struct session_row row = make_row();
    struct identity_launch launch = {.policy =
                                         json_pack("{s:{s:s}}", "security", "note", "\xe2\x82\xac\r\n")};
    struct session_headers headers;
    assert_int_equal(str_copy(launch.workspace_name, sizeof(launch.workspace_name), "a b|c%\n"), 0);
    assert_int_equal(str_copy(launch.app_exe, sizeof(launch.app_exe), "/usr/bin/x"), 0);
    assert_int_equal(str_copy(launch.app_args, sizeof(launch.app_args), "\"{SESSION_ID}\" \x01"), 0);
    assert_int_equal(session_headers_make(&row, &launch, IDENTITY_OWNER, &headers), 0);
    for (size_t i = 0; i < headers.count; i++)
        for (const char *at = headers.field[i].value; *at; at++)
            assert_in_range(*at, 0x21, 0x7e);
    assert_string_equal(session_headers_get(&headers, "x-session-id"), row.id);
    assert_string_equal(session_headers_get(&headers, "X-Username"), "J%C3%B6rg%0D%0AX-User-ID%3A%20root");
    assert_string_equal(session_headers_get(&headers, "x-workspace-name"), "a%20b%7Cc%25%0A");

    uint8_t *policy;
    size_t len;
    const char *encoded = session_headers_get(&headers, "x-policy-json");
    char error[JSON_ERROR_LEN];
    cleanup_json json_t *back = NULL;
    assert_int_equal(base64_decode(encoded, strlen(encoded), &policy, &len), 0);
    assert_int_equal(json_read((const char *)policy, len, &back, error), 0);
    assert_true(json_equal(back, launch.policy));
    free(policy);
    session_headers_finish(&headers);
    json_decref(launch.policy);
}

static void test_empty_values_are_left_out(void **state)
{
    (void)state;
    struct session_row row = make_row();
    struct identity_launch launch = {0};
    struct session_headers headers;
    assert_int_equal(session_headers_make(&row, &launch, IDENTITY_OWNER, &headers), 0);
    assert_int_equal(headers.count, 3);
    assert_null(session_headers_get(&headers, "X-App-ID"));
    assert_null(session_headers_get(&headers, "X-Policy-JSON"));
    session_headers_finish(&headers);
    assert_int_equal(headers.count, 0);
}

/* The names are exactly those that the signature between the roles covers. */
static void test_every_header_is_signed(void **state)
{
    (void)state;
    struct session_row row = make_row();
    struct identity_launch launch = {.policy = json_object()};
    struct session_headers headers;
    char *texts[] = {row.organisation_id, launch.workspace_id, launch.workspace_name, launch.workspace_type,
                     launch.app_id,       launch.app_exe,      launch.app_args};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        texts[i][0] = 'x';
    assert_int_equal(session_headers_make(&row, &launch, IDENTITY_PASSIVE, &headers), 0);
    assert_int_equal(headers.count, SESSION_HEADERS_MAX);
    assert_string_equal(session_headers_get(&headers, "X-Viewer-Role"), "passive");
    size_t signed_count = 0;
    for (; peer_auth_headers[signed_count]; signed_count++)
        assert_non_null(session_headers_get(&headers, peer_auth_headers[signed_count]));
    assert_int_equal(signed_count, headers.count);
    session_headers_finish(&headers);
    json_decref(launch.policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_a_person_typed_ends_a_header),
        cmocka_unit_test(test_empty_values_are_left_out),
        cmocka_unit_test(test_every_header_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
