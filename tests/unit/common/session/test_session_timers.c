/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every timer of spec/ovd.md 5.1 and C on a clock that only the test turns: exact deadlines of each rule; all
 * combinations of presence and limits against a pass per millisecond, as the original made one per second;
 * and whole lives of sessions together with the table of session_state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/session_timers.h"

#define NEVER INT64_MAX

/* The original's, with the browser's grace of Isthmus. */
static const struct session_timer_limits legacy_limits = {.not_started = 300000,
                                                          .first_seen = 100000,
                                                          .silence = 100000,
                                                          .link_loss = 1000,
                                                          .browser_gone = 60000,
                                                          .suspended = 0,
                                                          .warning = 180000};

static struct session_due next(struct session_presence presence, struct session_timer_limits limits)
{
    struct session_due due;
    session_timers_next(&presence, &limits, &due);
    return due;
}

static void expect(struct session_presence presence, int64_t at, enum session_event event, const char *reason)
{
    struct session_due due = next(presence, legacy_limits);
    assert_int_equal(due.at, at);
    if (at == NEVER)
        return;
    assert_false(due.warn);
    assert_int_equal(due.event, event);
    assert_string_equal(due.reason, reason);
}

/* Ready since 50 s; 1000 s later nothing of this is near the zero that means never. */
#define READY_AT 50000
#define READY(...)                                                                                           \
    ((struct session_presence){                                                                              \
        .status = SESSION_READY, .persistent = true, .legacy = true, .status_since = READY_AT, __VA_ARGS__})

static void test_not_started(void **state)
{
    (void)state;
    struct session_presence p = {.status = SESSION_CREATED, .legacy = true, .status_since = READY_AT};
    expect(p, READY_AT + 300000, SESSION_EV_OWNER_GONE, "timeout");
    p.last_poll = p.link_gone = READY_AT + 1; /* asking whether it is there does not start it */
    expect(p, READY_AT + 300000, SESSION_EV_OWNER_GONE, "timeout");
    struct session_timer_limits limits = legacy_limits;
    limits.not_started = 0;
    assert_int_equal(next(p, limits).at, NEVER);
}

static void test_starting_has_no_timer(void **state)
{
    (void)state;
    static const int statuses[] = {-1, 1, 22, 3, 4, 5, 99};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        expect((struct session_presence){.status = statuses[i],
                                         .legacy = true,
                                         .ever_seen = true,
                                         .status_since = READY_AT,
                                         .time_limit = READY_AT + 1},
               NEVER, 0, NULL);
}

/* Rule 4 for one who never came, and one who polls but opens no link. */
static void test_never_seen(void **state)
{
    (void)state;
    struct session_presence p = READY(.last_poll = READY_AT + 90000);
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "ssh");
    p.last_poll = 0; /* silence is due at the same time, and is the earlier rule */
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "kma");
    p.legacy = false;
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "ssh");
}

/* Rule 2: an SSH link does not replace polling. */
static void test_silence(void **state)
{
    (void)state;
    struct session_presence p = READY(.ever_seen = true, .links = 1);
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "kma");
    p.last_poll = READY_AT + 70000;
    expect(p, READY_AT + 170000, SESSION_EV_OWNER_GONE, "kma");
    p.last_poll = READY_AT - 1; /* before it was ready */
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "kma");
    p.legacy = false; /* its owner is not one who polls */
    expect(p, NEVER, 0, NULL);
}

/* Rule 4: polling does not replace an SSH link. */
static void test_link_loss(void **state)
{
    (void)state;
    struct session_presence p =
        READY(.ever_seen = true, .last_poll = READY_AT + 70000, .link_gone = READY_AT + 60000);
    expect(p, READY_AT + 61000, SESSION_EV_OWNER_GONE, "exit");
    p.links = 1; /* back */
    expect(p, READY_AT + 170000, SESSION_EV_OWNER_GONE, "kma");
    p.links = 0;
    p.link_gone = READY_AT - 1; /* of another time: whoever resumes gets the time of a first link */
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "exit");
    p.link_gone = 0; /* this process has not seen it: the same */
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "exit");
    p.link_gone = READY_AT; /* in the same millisecond it was ready: seen */
    expect(p, READY_AT + 1000, SESSION_EV_OWNER_GONE, "exit");
}

/* An attached browser counts as a poll and as SSH seen. */
static void test_browser(void **state)
{
    (void)state;
    struct session_presence p = READY(.ever_seen = true, .browsers = 1);
    expect(p, NEVER, 0, NULL);
    p.link_gone = READY_AT + 5;
    expect(p, NEVER, 0, NULL);
    p.browsers = 0;
    p.browser_gone = READY_AT + 10000; /* it may come back for a minute, although the link is gone */
    expect(p, READY_AT + 70000, SESSION_EV_OWNER_GONE, "exit");
    p.link_gone = READY_AT + 69500; /* a link outlived it */
    expect(p, READY_AT + 70500, SESSION_EV_OWNER_GONE, "exit");
    p.links = 1; /* it was a poll as well: silence counts from when it went */
    expect(p, READY_AT + 110000, SESSION_EV_OWNER_GONE, "kma");
    p.last_poll = READY_AT + 20000;
    expect(p, READY_AT + 120000, SESSION_EV_OWNER_GONE, "kma");
}

/* Rule 1: the limit, and one warning before it, only for an owner who was there. */
static void test_time_limit(void **state)
{
    (void)state;
    struct session_presence p = READY(.links = 1, .browsers = 1, .time_limit = READY_AT + 600000);
    expect(p, NEVER, 0, NULL);
    p.ever_seen = true;
    struct session_due due = next(p, legacy_limits);
    assert_int_equal(due.at, READY_AT + 420000);
    assert_true(due.warn);
    p.warned = true;
    expect(p, READY_AT + 600000, SESSION_EV_TIME_LIMIT, "timeout");
    p.warned = false;
    struct session_timer_limits limits = legacy_limits;
    limits.warning = 0;
    assert_false(next(p, limits).warn);
    assert_int_equal(next(p, limits).at, READY_AT + 600000);
    p.time_limit = 1; /* long past: the warning is past too, and does not keep it alive */
    p.warned = true;
    expect(p, 1, SESSION_EV_TIME_LIMIT, "timeout");
}

/* States 9, 10 and 11 know the time limit; state 10 a limit of its own, if there is one. */
static void test_suspended(void **state)
{
    (void)state;
    static const int statuses[] = {SESSION_SUSPENDING, SESSION_SUSPENDED, SESSION_TO_RESTORE};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        struct session_presence p = {.status = statuses[i],
                                     .persistent = true,
                                     .ever_seen = true,
                                     .legacy = true,
                                     .warned = true,
                                     .status_since = READY_AT,
                                     .link_gone = READY_AT + 1,
                                     .browser_gone = READY_AT + 1};
        expect(p, NEVER, 0, NULL);
        p.time_limit = READY_AT + 5000;
        expect(p, READY_AT + 5000, SESSION_EV_TIME_LIMIT, "timeout");
        struct session_timer_limits limits = legacy_limits;
        limits.suspended = 4999;
        struct session_due due = next(p, limits);
        bool suspended = statuses[i] == SESSION_SUSPENDED;
        assert_int_equal(due.at, READY_AT + (suspended ? 4999 : 5000));
        assert_int_equal(due.event, suspended ? SESSION_EV_KILL : SESSION_EV_TIME_LIMIT);
        assert_string_equal(due.reason, "timeout");
    }
}

/* At the same millisecond: the limit (1), silence (2), absence (4). */
static void test_order_of_rules(void **state)
{
    (void)state;
    struct session_presence p = READY(.ever_seen = true, .warned = true, .time_limit = READY_AT + 100000);
    expect(p, READY_AT + 100000, SESSION_EV_TIME_LIMIT, "timeout");
    p.time_limit++;
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "kma");
    p.last_poll = READY_AT + 1;
    expect(p, READY_AT + 100000, SESSION_EV_OWNER_GONE, "exit");
    struct session_timer_limits limits = legacy_limits;
    p = READY(.ever_seen = true, .time_limit = READY_AT + 280000); /* the warning is of rule 1 */
    assert_true(next(p, limits).warn);
    limits.suspended = 1000;
    p.status = SESSION_SUSPENDED;
    p.warned = true;
    p.time_limit = READY_AT + 1000;
    assert_int_equal(next(p, limits).event, SESSION_EV_TIME_LIMIT);
}

/* One pass of the original at time t, in milliseconds instead of seconds. */
static bool pass(const struct session_presence *p, const struct session_timer_limits *l, int64_t t,
                 struct session_due *due)
{
    bool limited = p->status == 2 || p->status == 9 || p->status == 10 || p->status == 11;
    *due = (struct session_due){.at = t, .event = SESSION_EV_OWNER_GONE};
    if (p->status == 0 && l->not_started && t - p->status_since >= l->not_started) {
        due->reason = "timeout";
        return true;
    }
    if (limited && p->ever_seen && p->time_limit) {
        due->event = SESSION_EV_TIME_LIMIT;
        due->reason = "timeout";
        due->warn = !p->warned && l->warning && t + l->warning >= p->time_limit;
        if (due->warn || t >= p->time_limit)
            return true;
        due->event = SESSION_EV_OWNER_GONE;
    }
    if (p->status == 10 && l->suspended && t - p->status_since >= l->suspended) {
        due->event = SESSION_EV_KILL;
        due->reason = "timeout";
        return true;
    }
    if (p->status != 2)
        return false;
    bool heard = t - p->status_since < l->silence || t - p->last_poll < l->silence ||
                 t - p->browser_gone < l->silence || p->browsers > 0;
    if (p->legacy && l->silence && !heard) {
        due->reason = "kma";
        return true;
    }
    if (p->links > 0 || p->browsers > 0)
        return false;
    bool link_was = p->link_gone && p->link_gone >= p->status_since;
    bool browser_was = p->browser_gone && p->browser_gone >= p->status_since;
    bool link_may_return = link_was && (!l->link_loss || t - p->link_gone < l->link_loss);
    bool browser_may_return = browser_was && (!l->browser_gone || t - p->browser_gone < l->browser_gone);
    bool may_come = !link_was && !browser_was && (!l->first_seen || t - p->status_since < l->first_seen);
    due->reason = p->ever_seen ? "exit" : "ssh";
    return !link_may_return && !browser_may_return && !may_come;
}

static void check_against_passes(const struct session_presence *p, const struct session_timer_limits *l)
{
    struct session_due want = {.at = NEVER}, got;
    for (int64_t t = 0; t < 80; t++) {
        if (pass(p, l, t, &want))
            break;
        want.at = NEVER;
    }
    session_timers_next(p, l, &got);
    bool same = got.at == want.at;
    if (same && want.at != NEVER)
        same = got.warn == want.warn && got.event == want.event && str_eq(got.reason, want.reason);
    if (!same)
        fail_msg("status %d seen %d legacy %d warned %d links %u browsers %u poll %lld link %lld browser "
                 "%lld limit %lld: %lld %s, not %lld %s",
                 p->status, p->ever_seen, p->legacy, p->warned, p->links, p->browsers,
                 (long long)p->last_poll, (long long)p->link_gone, (long long)p->browser_gone,
                 (long long)p->time_limit, (long long)got.at, got.reason ? got.reason : "",
                 (long long)want.at, want.reason ? want.reason : "");
}

static const struct session_timer_limits limit_sets[] = {
    {.not_started = 12, .first_seen = 4, .silence = 4, .link_loss = 1, .browser_gone = 3, .warning = 2},
    {.not_started = 1, .first_seen = 9, .silence = 5, .link_loss = 5, .browser_gone = 5, .suspended = 6},
    {.first_seen = 3, .silence = 7, .link_loss = 2, .browser_gone = 9, .suspended = 1, .warning = 5},
    {.not_started = 3, .first_seen = 5, .link_loss = 6, .browser_gone = 6, .suspended = 20, .warning = 1},
    {.silence = 6, .browser_gone = 2, .warning = 7},
    {.silence = 3, .link_loss = 2},
    {.first_seen = 2},
    {0},
};

/* 20: the status is new. Before, then, after: for polls and for what went. */
static void check_presences(const struct session_timer_limits *limits, int status, int flags)
{
    static const int64_t times[] = {0, 18, 20, 23};
    static const int64_t ends[] = {0, 19, 24, 25, 29};
    for (size_t i = 0; i < 4 * 4 * 4 * 5; i++) {
        struct session_presence p = {.status = status,
                                     .persistent = flags & 1,
                                     .ever_seen = flags & 2,
                                     .legacy = flags & 4,
                                     .warned = flags & 8,
                                     .links = flags & 16 ? 1 : 0,
                                     .browsers = flags & 32 ? 2 : 0,
                                     .status_since = 20,
                                     .last_poll = times[i % 4],
                                     .link_gone = times[i / 4 % 4],
                                     .browser_gone = times[i / 16 % 4],
                                     .time_limit = ends[i / 64]};
        check_against_passes(&p, limits);
    }
}

static void test_every_combination(void **state)
{
    (void)state;
    static const int statuses[] = {-1, 0, 1, 22, 2, 3, 4, 9, 10, 11, 7};
    for (size_t set = 0; set < ARRAY_SIZE(limit_sets); set++)
        for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
            for (int flags = 0; flags < 64; flags++)
                check_presences(&limit_sets[set], statuses[i], flags);
}

/* A session and its owner; the clock stands where the last thing happened. */
struct life {
    int64_t now;
    struct session_presence p;
    const char *reason;
    unsigned warnings;
};

static void step(struct life *life, enum session_event event)
{
    struct session_step done;
    assert_int_equal(session_step(life->p.status, event, life->p.persistent, life->p.ever_seen, &done), 0);
    if (done.next != life->p.status)
        life->p.status_since = life->now;
    life->p.status = done.next;
    if (done.action == SESSION_ACT_PARK)
        step(life, SESSION_EV_SUSPENDED);
    if (done.action == SESSION_ACT_UNPARK)
        step(life, SESSION_EV_RESUMED);
}

/* Lets time pass up to then; what is due happens on the way, to the millisecond. */
static void until(struct life *life, int64_t then)
{
    for (;;) {
        struct session_due due;
        session_timers_next(&life->p, &legacy_limits, &due);
        if (due.at > then)
            break;
        life->now = MAX(life->now, due.at);
        if (due.warn) {
            life->p.warned = true;
            life->warnings++;
            continue;
        }
        life->reason = due.reason;
        step(life, due.event);
    }
    life->now = then;
}

static void link_up(struct life *life)
{
    life->p.links = 1;
    if (life->p.ever_seen)
        return;
    life->p.ever_seen = true;
    step(life, SESSION_EV_OWNER_SEEN);
}

static void link_down(struct life *life)
{
    life->p.links = 0;
    life->p.link_gone = life->now;
}

static void poll_until(struct life *life, int64_t then)
{
    while (life->now + 2000 < then) {
        until(life, life->now + 2000);
        if (life->p.status == SESSION_READY)
            life->p.last_poll = life->now;
    }
    until(life, then);
}

static struct life ready(bool persistent)
{
    struct life life = {
        .now = 1000,
        .p = {.status = SESSION_CREATED, .persistent = persistent, .legacy = true, .status_since = 1000}};
    step(&life, SESSION_EV_START);
    step(&life, SESSION_EV_LAUNCHED);
    until(&life, 3000);
    step(&life, SESSION_EV_DISPLAY_READY);
    return life;
}

static void test_a_client_that_goes_away_and_comes_back(void **state)
{
    (void)state;
    struct life life = ready(true);
    poll_until(&life, 10000);
    link_up(&life);
    poll_until(&life, 500000);
    assert_int_equal(life.p.status, SESSION_READY);
    link_down(&life);
    poll_until(&life, 500999);
    assert_int_equal(life.p.status, SESSION_READY);
    until(&life, 501000);
    assert_int_equal(life.p.status, SESSION_SUSPENDED);
    until(&life, 100000000); /* for ever */
    assert_int_equal(life.p.status, SESSION_SUSPENDED);
    step(&life, SESSION_EV_RESUME);
    assert_int_equal(life.p.status, SESSION_READY);
    poll_until(&life, 100099999); /* the time of a first link again */
    assert_int_equal(life.p.status, SESSION_READY);
    link_up(&life);
    poll_until(&life, 100200000);
    assert_int_equal(life.p.status, SESSION_READY);
    int64_t last = life.p.last_poll;
    until(&life, last + 99999);
    assert_int_equal(life.p.status, SESSION_READY);
    until(&life, last + 100000);
    assert_int_equal(life.p.status, SESSION_SUSPENDED);
    assert_string_equal(life.reason, "kma");
}

static void test_one_that_cannot_be_suspended(void **state)
{
    (void)state;
    struct life life = ready(false);
    link_up(&life);
    poll_until(&life, 20000);
    link_down(&life);
    poll_until(&life, 20500);
    link_up(&life); /* within the pass */
    poll_until(&life, 30000);
    assert_int_equal(life.p.status, SESSION_READY);
    link_down(&life);
    until(&life, 31000);
    assert_int_equal(life.p.status, SESSION_TO_DESTROY);
    assert_string_equal(life.reason, "exit");
}

static void test_one_that_never_connects(void **state)
{
    (void)state;
    struct life life = ready(true);
    poll_until(&life, 102999);
    assert_int_equal(life.p.status, SESSION_READY);
    until(&life, 103000);
    assert_int_equal(life.p.status, SESSION_TO_DESTROY);
    assert_string_equal(life.reason, "ssh");
    life = (struct life){.now = 1000, .p = {.status = SESSION_CREATED, .legacy = true, .status_since = 1000}};
    until(&life, 300999);
    assert_int_equal(life.p.status, SESSION_CREATED);
    until(&life, 301000);
    assert_int_equal(life.p.status, SESSION_DESTROYED);
}

static void test_one_whose_time_is_over(void **state)
{
    (void)state;
    for (int suspended = 0; suspended < 2; suspended++) {
        struct life life = ready(true);
        life.p.time_limit = 1000000;
        life.p.browsers = 1;
        link_up(&life);
        if (suspended)
            step(&life, SESSION_EV_SUSPEND);
        until(&life, 819999);
        assert_int_equal(life.warnings, 0);
        until(&life, 999999);
        assert_int_equal(life.warnings, 1);
        assert_int_equal(life.p.status, suspended ? SESSION_SUSPENDED : SESSION_READY);
        until(&life, 1000000);
        assert_int_equal(life.p.status, SESSION_TO_DESTROY);
        assert_string_equal(life.reason, "timeout");
        assert_int_equal(life.warnings, 1);
    }
}

/* Nobody was there: the time limit does not count, silence does. */
static void test_time_is_over_before_anybody_came(void **state)
{
    (void)state;
    struct life life = ready(true);
    life.p.time_limit = 4000;
    poll_until(&life, 60000);
    assert_int_equal(life.p.status, SESSION_READY);
    link_up(&life);
    until(&life, 60001);
    assert_int_equal(life.p.status, SESSION_TO_DESTROY);
    assert_string_equal(life.reason, "timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_started),
        cmocka_unit_test(test_starting_has_no_timer),
        cmocka_unit_test(test_never_seen),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_link_loss),
        cmocka_unit_test(test_browser),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_order_of_rules),
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_a_client_that_goes_away_and_comes_back),
        cmocka_unit_test(test_one_that_cannot_be_suspended),
        cmocka_unit_test(test_one_that_never_connects),
        cmocka_unit_test(test_one_whose_time_is_over),
        cmocka_unit_test(test_time_is_over_before_anybody_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
