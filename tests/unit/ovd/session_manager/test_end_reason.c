/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every word that a session can end with, in the words of the original. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ovd/message/words.h"
#include "ovd/session_manager/manager_priv.h"

static void test_words(void **state)
{
    static const char *const table[][2] = {
        {"exit", "exit"},
        {"kma", "kma"},
        {"ssh", "ssh"},
        {"timeout", "timeout"},
        {"shutdown", "shutdown"},
        {"adminkill", "adminkill"},
        {"kill", "adminkill"},
        {"internal1", "internal1"},
        {"internal2", "internal2"},
        {"internal3", "internal3"},
        {"display_failed", "internal2"},
        {"streamer_failed", "internal2"},
        {"sandbox_failed", "internal2"},
        {"no_program", "internal2"},
        {"no_window", "internal2"},
        {"error", "unknown"},
        {"lost", "unknown"},
        {"abandoned", "unknown"},
        {"unknown", "unknown"},
        {"", "unknown"},
        {"EXIT", "unknown"},
        {"exit ", "unknown"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const char *word = sm_end_reason(table[i][0]);
        assert_string_equal(word, table[i][1]);
        assert_true(ovd_end_reason_is_known(word));
        assert_true(strlen(word) < sizeof(((struct record *)NULL)->stop_why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
