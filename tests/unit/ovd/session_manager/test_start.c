/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user with a session gets, exhaustively, and how languages are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ovd/session_manager/manager_priv.h"

static enum decision expected(int status, bool stale, enum ovd_mode mode, bool join)
{
    bool alive = status == 0 || status == 1 || status == 22 || status == 2;
    if (status == 9 || status == 10)
        return DECISION_RESUME;
    if (alive && mode == OVD_MODE_EXTERNAL)
        return DECISION_REUSE;
    if (alive)
        return join ? DECISION_JOIN : DECISION_REFUSE_ACTIVE;
    if (status == 4)
        return DECISION_NEW;
    return status == -1 && stale ? DECISION_EXPIRE : DECISION_REFUSE;
}

static void test_decisions(void **state)
{
    (void)state;
    for (int status = -2; status <= 30; status++) {
        for (enum ovd_mode mode = OVD_MODE_DESKTOP; mode <= OVD_MODE_EXTERNAL; mode++) {
            for (int bits = 0; bits < 4; bits++) {
                bool stale = bits & 1, join = bits & 2;
                assert_int_equal(sm_start_decide(status, stale, mode, join),
                                 expected(status, stale, mode, join));
            }
        }
    }
}

static void test_languages(void **state)
{
    static const char *const table[][2] = {
        {"fr", "fr_FR.UTF-8"},     {"fr_FR", "fr_FR.UTF-8"},      {"fr_FR.UTF-8", "fr_FR.UTF-8"},
        {"FR_ca", "fr_CA.UTF-8"},  {"pt-BR", "pt_BR.UTF-8"},      {"en", "en_GB.UTF-8"},
        {"ja", "ja_JP.UTF-8"},     {"de_DE@euro", "de_DE.UTF-8"}, {"", "nl_NL.UTF-8"},
        {"x", "nl_NL.UTF-8"},      {"fr_", "nl_NL.UTF-8"},        {"fr_F", "nl_NL.UTF-8"},
        {"french", "nl_NL.UTF-8"}, {"fr;id", "nl_NL.UTF-8"},      {"../x", "nl_NL.UTF-8"},
    };
    char locale[32];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        sm_wish_language(table[i][0], "nl", locale);
        assert_string_equal(locale, table[i][1]);
    }
    sm_wish_language(NULL, "?", locale);
    assert_string_equal(locale, "en_GB.UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions), cmocka_unit_test(test_languages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
