/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sessions of a host over a real pool with real keepers, sandboxes and displays, and what is told of one
 * of them; the streamer is a stand-in. Limits are short. */
#ifndef TESTS_HOST_HOST_WORLD_H
#define TESTS_HOST_HOST_WORLD_H

#include "common/pool/session_fixture.h"

#include "base/clock.h"
#include "common/pool/pool_world.h"
#include "host/host_sessions.h"

#define OTHER_ID "1123456789abcdef0123456789abcdef"
#define LONELY 801 /* a session of this width has no viewers */
#define MUTE 802   /* one whose streamer never gets ready */
#define PATIENCE_MS 300

struct host_world {
    char state_dir[64];
    unsigned base;
    struct loop *loop;
    struct loop_timer *timer, *step; /* patience; looking again at what tells nobody */
    struct config *config;
    struct host_sessions *sessions;
    int told[32]; /* statuses of SESSION_ID, as they came */
    size_t told_count;
    unsigned displays, reports;
    int awaited;
    bool awaiting;
    int answer;
    unsigned answers;
};

static inline void hw_changed(void *arg, struct host_session *session, int before)
{
    struct host_world *w = arg;
    if (!str_eq(host_session_id(session), SESSION_ID))
        return;
    assert_int_not_equal(before, host_session_status(session));
    assert_true(w->told_count < ARRAY_SIZE(w->told));
    w->told[w->told_count++] = host_session_status(session);
    if (w->awaiting && w->awaited == host_session_status(session))
        loop_stop(w->loop);
}

static inline void hw_display(void *arg, struct host_session *session)
{
    struct host_world *w = arg;
    assert_int_not_equal(host_session_status(session), SESSION_STARTING);
    w->displays++;
}

static const struct host_session_events hw_events = {.changed = hw_changed, .display = hw_display};

static inline void hw_reports_due(void *arg)
{
    struct host_world *w = arg;
    w->reports++;
}

static inline void hw_open(struct host_world *w)
{
    char *cause = NULL;
    const struct pool_options pool = {.loop = w->loop,
                                      .state_dir = w->state_dir,
                                      .account_base = "webs",
                                      .slots = 1,
                                      .base_port = w->base,
                                      .sandbox = true,
                                      .peer_key = key,
                                      .start_timeout_ms = WAIT_MS};
    const struct host_sessions_options options = {.loop = w->loop,
                                                  .config = w->config,
                                                  .state_dir = w->state_dir,
                                                  .pool = &pool,
                                                  .reports_due = hw_reports_due,
                                                  .arg = w};
    if (host_sessions_create(&options, &w->sessions, &cause) < 0)
        fail_msg("%s", cause);
    assert_int_equal(host_sessions_listen(w->sessions, &hw_events, w), 0);
}

static inline void hw_close(struct host_world *w)
{
    host_sessions_close(w->sessions);
    w->sessions = host_sessions_destroy(w->sessions);
}

static inline void hw_late(void *arg)
{
    struct host_world *w = arg;
    fail_msg("waited in vain for status %d", w->awaited);
}

static inline void hw_stop(void *arg)
{
    loop_stop(arg);
}

#define HW_UNTIL(w, condition)                                                                               \
    do {                                                                                                     \
        loop_timer_start((w)->timer, WAIT_MS, 0);                                                            \
        loop_timer_start((w)->step, 5, 5);                                                                   \
        while (!(condition))                                                                                 \
            loop_run((w)->loop);                                                                             \
        loop_timer_stop((w)->step);                                                                          \
        loop_timer_stop((w)->timer);                                                                         \
    } while (0)

/* Runs the loop until the session has this status. */
static inline void hw_await(struct host_world *w, int status)
{
    const struct host_session *session = host_session_find(w->sessions, SESSION_ID);
    w->awaited = status;
    w->awaiting = true;
    loop_timer_start(w->timer, WAIT_MS, 0);
    while (host_session_status(session) != status)
        loop_run(w->loop);
    loop_timer_stop(w->timer);
    w->awaiting = false;
}

static inline void hw_begin(struct host_world *w)
{
    assert_int_equal(loop_create(&w->loop), 0);
    assert_int_equal(loop_timer_create(w->loop, hw_late, w, &w->timer), 0);
    assert_int_equal(loop_timer_create(w->loop, hw_stop, w->loop, &w->step), 0);
    hw_open(w);
}

/* What is still being written is written when the loop has gone. */
static inline void hw_finish(struct host_world *w)
{
    hw_close(w);
    loop_timer_destroy(w->timer);
    loop_timer_destroy(w->step);
    loop_destroy(w->loop);
}

static inline void hw_restart(struct host_world *w)
{
    hw_finish(w);
    w->told_count = 0;
    hw_begin(w);
}

static inline int hw_setup(void **state)
{
    struct host_world *w = calloc(1, sizeof *w);
    (void)snprintf(w->state_dir, sizeof w->state_dir, "/tmp/isthmus-host-XXXXXX");
    assert_non_null(mkdtemp(w->state_dir));
    assert_int_equal(chmod(w->state_dir, 0711), 0);
    w->base = free_base();
    w->config = config_new();
    assert_int_equal(config_set(w->config, "ovd.connectionTimeoutMs", "300"), 0);
    assert_int_equal(config_set(w->config, "ovd.linkLossMs", "20"), 0);
    assert_int_equal(config_set(w->config, "isthmus.ownerGoneMs", "400"), 0);
    hw_begin(w);
    *state = w;
    return 0;
}

static inline unsigned hw_active(const struct host_world *w)
{
    unsigned total, busy, unused;
    pool_count(host_sessions_pool(w->sessions), &total, &busy, &unused);
    return busy;
}

/* Until the slot is free again. */
static inline void hw_await_free(struct host_world *w)
{
    HW_UNTIL(w, hw_active(w) == 0);
}

static inline int hw_teardown(void **state)
{
    struct host_world *w = *state;
    host_sessions_end_all(w->sessions);
    hw_await_free(w);
    assert_true(host_sessions_settled(w->sessions));
    hw_finish(w);
    config_free(w->config);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(w->state_dir, '/') + 1), 0);
    free(w);
    return 0;
}

static inline struct host_session_order hw_order(const char *id)
{
    return (struct host_session_order){.session_id = id,
                                       .username = "ada",
                                       .app_exe = "remotedesktop",
                                       .app_args = "",
                                       .app_mode = "desktop",
                                       .max_width = 1000,
                                       .max_height = 700,
                                       .persistent = true,
                                       .legacy = true};
}

/* A session in state 2 that nobody looks at. */
static inline struct host_session *hw_start(struct host_world *w, struct host_session_order order)
{
    struct host_session *session;
    assert_int_equal(host_session_create(w->sessions, &order, &session), 0);
    assert_int_equal(host_session_start(session, LONELY, 600), 0);
    hw_await(w, SESSION_READY);
    w->told_count = 0;
    return session;
}

static inline void hw_answer(void *arg, struct host_session *session, int result)
{
    struct host_world *w = arg;
    assert_non_null(session);
    w->answer = result;
    w->answers++;
}

static inline void hw_set_note(struct host_session *session, const char *text)
{
    assert_int_equal(host_session_set_note(session, json_pack("{s:s}", "note", text)), 0);
}

static inline const char *hw_note(const struct host_session *session)
{
    return json_string_value(json_object_get(host_session_note(session), "note"));
}

#define hw_assert_told(w, ...)                                                                               \
    hw_check_told(w, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static inline void hw_check_told(const struct host_world *w, const int *statuses, size_t count)
{
    assert_int_equal(w->told_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(w->told[i], statuses[i]);
}

#endif
