/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every (state, event, persistent, ever seen) against an expectation written down from the legacy document,
 * one letter each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "session/session_state.h"

/* x refused; . stays; a to 0; l launch to 1; s to 22; r to 2; p park to 9; P to 10; u unpark to 11;
 * d destroy to 3; D destroy to 4; f forget to 4. k: p when persistent and seen, else d. t: d when seen, else
 * stays. */
static const int columns[] = {-1, 0, 1, 22, 2, 9, 10, 11, 3, 4};
static const char *const expected[SESSION_EV_COUNT] = {
    /*                            -1 0  1  22 2  9  10 11 3  4 */
    [SESSION_EV_ALLOCATED] = "a x x x x x x x x x",    [SESSION_EV_START] = "x l . . . x u . x x",
    [SESSION_EV_LAUNCHED] = "x x s x x x x x x x",     [SESSION_EV_DISPLAY_READY] = "x x x r . . . . x x",
    [SESSION_EV_START_FAILED] = "f d d d x x x d . x", [SESSION_EV_OWNER_SEEN] = ". . . . . . . . x x",
    [SESSION_EV_OWNER_GONE] = "f D . . k . . . . x",   [SESSION_EV_SUSPEND] = "x d d d k . . x x x",
    [SESSION_EV_SUSPENDED] = "x x x x x P x x x x",    [SESSION_EV_RESUME] = "x x x x . x u . x x",
    [SESSION_EV_RESUMED] = "x x x x x x x r x x",      [SESSION_EV_TIME_LIMIT] = "x t t t t t t t . x",
    [SESSION_EV_EXIT] = "f d d d d d d d . x",         [SESSION_EV_KILL] = "f d d d d d d d . x",
    [SESSION_EV_LOST] = "f d d d d d d d . x",         [SESSION_EV_CLEANED] = "x x x x x x x x f f",
};

static int outcome(char letter, int status, struct session_step *step)
{
    static const struct {
        char letter;
        struct session_step step;
    } meanings[] = {
        {'a', {SESSION_ACT_NONE, 0}},    {'l', {SESSION_ACT_LAUNCH, 1}},  {'s', {SESSION_ACT_NONE, 22}},
        {'r', {SESSION_ACT_NONE, 2}},    {'p', {SESSION_ACT_PARK, 9}},    {'P', {SESSION_ACT_NONE, 10}},
        {'u', {SESSION_ACT_UNPARK, 11}}, {'d', {SESSION_ACT_DESTROY, 3}}, {'D', {SESSION_ACT_DESTROY, 4}},
        {'f', {SESSION_ACT_FORGET, 4}},
    };
    if (letter == 'x')
        return -EPERM;
    if (letter == '.') {
        *step = (struct session_step){SESSION_ACT_NONE, status};
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (meanings[i].letter == letter) {
            *step = meanings[i].step;
            return 0;
        }
    fail_msg("no meaning for %c", letter);
    return 0;
}

static void check(int status, enum session_event event, char letter, bool persistent, bool seen)
{
    struct session_step want = {0}, got = {0};
    if (letter == 'k')
        letter = persistent && seen ? 'p' : 'd';
    if (letter == 't')
        letter = seen ? 'd' : '.';
    int wanted = outcome(letter, status, &want);
    int r = session_step(status, event, persistent, seen, &got);
    if (r != wanted || (r == 0 && (got.action != want.action || got.next != want.next)))
        fail_msg("status %d, %s, persistent %d, seen %d: %d action %d next %d", status,
                 session_event_word(event), persistent, seen, r, got.action, got.next);
}

static void test_every_pair(void **state)
{
    (void)state;
    for (int event = 0; event < SESSION_EV_COUNT; event++) {
        assert_int_equal(strlen(expected[event]), 2 * ARRAY_SIZE(columns) - 1);
        for (size_t column = 0; column < ARRAY_SIZE(columns); column++)
            for (int flags = 0; flags < 4; flags++)
                check(columns[column], (enum session_event)event, expected[event][2 * column], flags & 1,
                      flags & 2);
    }
}

static void test_unknown_numbers_can_only_be_removed(void **state)
{
    (void)state;
    for (int status = -100; status < 100; status++) {
        bool is_column = false;
        for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
            is_column |= columns[i] == status;
        assert_int_equal(session_status_is_known(status), is_column);
        if (is_column)
            continue;
        assert_string_equal(session_status_word(status), "unknown");
        assert_false(session_status_is_alive(status));
        for (int event = 0; event < SESSION_EV_COUNT; event++)
            check(status, (enum session_event)event,
                  event == SESSION_EV_KILL || event == SESSION_EV_LOST ? 'd' : 'x', true, true);
    }
}

static void test_words_and_life(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *word;
        bool alive;
    } rows[] = {{-1, "pending", true},    {0, "pending", true},   {1, "pending", true},
                {22, "connecting", true}, {2, "active", true},    {9, "suspending", true},
                {10, "suspended", true},  {11, "resuming", true}, {3, "ending", false},
                {4, "ended", false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_string_equal(session_status_word(rows[i].status), rows[i].word);
        assert_int_equal(session_status_is_alive(rows[i].status), rows[i].alive);
    }
}

/* Nothing leads back from the end, and from every living state the end can be reached. */
static void test_the_end_is_final_and_near(void **state)
{
    (void)state;
    struct session_step step;
    for (int event = 0; event < SESSION_EV_COUNT; event++)
        for (int flags = 0; flags < 4; flags++) {
            if (session_step(SESSION_DESTROYED, (enum session_event)event, flags & 1, flags & 2, &step) == 0)
                assert_int_equal(step.next, SESSION_DESTROYED);
            if (session_step(SESSION_TO_DESTROY, (enum session_event)event, flags & 1, flags & 2, &step) == 0)
                assert_true(step.next == SESSION_TO_DESTROY || step.next == SESSION_DESTROYED);
        }
    for (size_t i = 0; i < ARRAY_SIZE(columns) - 2; i++) {
        assert_int_equal(session_step(columns[i], SESSION_EV_KILL, true, true, &step), 0);
        assert_false(session_status_is_alive(step.next));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_unknown_numbers_can_only_be_removed),
        cmocka_unit_test(test_words_and_life),
        cmocka_unit_test(test_the_end_is_final_and_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
