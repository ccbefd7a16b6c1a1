/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/host_policy.h"

static void test_clipboard(void **state)
{
    static const struct {
        const char *clipboard, *rule;
    } rows[] = {
        {"{\"enabled\":true,\"direction\":\"bidirectional\"}", "both"},
        {"{\"enabled\":true,\"direction\":\"bidirectional\",\"maxSizeBytes\":1048576}", "both:1048576"},
        {"{\"enabled\":true,\"direction\":\"clientToServer\",\"maxSizeBytes\":null}", "in"},
        {"{\"direction\":\"serverToClient\"}", "out"},
        {"{}", "both"},
        {"{\"enabled\":false}", "none"},
        {"{\"enabled\":false,\"direction\":\"bidirectional\"}", "none"},
        /* What is not understood is not allowed. */
        {"{\"enabled\":\"yes\"}", "none"},
        {"{\"direction\":\"sideways\"}", "none"},
        {"{\"direction\":7}", "none"},
        {"{\"maxSizeBytes\":\"much\"}", "none"},
        {"{\"maxSizeBytes\":-1}", "none"},
        {"7", "none"},
        {"null", "none"},
        {"{\"maxSizeBytes\":999999999999999}", "both:1000000000"},
        {"{\"maxSizeBytes\":0}", "both:0"},
    };
    char rule[POOL_CLIPBOARD_LEN], error[JSON_ERROR_LEN];

    (void)state;
    host_policy_clipboard(NULL, rule);
    assert_string_equal(rule, "both");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *text = xasprintf("{\"security\":{\"clipboard\":%s}}", rows[i].clipboard);
        cleanup_json json_t *policy = NULL;

        assert_int_equal(json_read(text, strlen(text), &policy, error), 0);
        host_policy_clipboard(policy, rule);
        assert_string_equal(rule, rows[i].rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clipboard)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
