/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A broker over a real store with a clock that the test turns. */
#ifndef ISTHMUS_TESTS_BROKER_FIXTURE_H
#define ISTHMUS_TESTS_BROKER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/session_broker.h"

#define HOST_A "http://127.0.0.1:9005"
#define HOST_B "http://127.0.0.2:9005"
#define HOST_C "http://127.0.0.3:9005"

struct fixture {
    struct store *store;
    struct session_broker *broker;
    struct clock clock;
};

static inline struct session_broker *fixture_broker(struct fixture *f, const char *strategy, unsigned limit)
{
    struct session_broker *broker = NULL;
    struct session_broker_options options = {
        .store = f->store, .clock = &f->clock, .strategy = strategy, .max_sessions_per_user = limit};
    assert_int_equal(session_broker_create(&options, &broker), 0);
    return broker;
}

static inline void fixture_open(struct fixture *f, const char *url)
{
    char *cause = NULL;
    int r = store_open(url, store_main_migrations, store_main_migration_count, &f->store, &cause);
    if (r < 0)
        fail_msg("%s", cause);
    f->clock = (struct clock){.monotonic_ms = 1, .wall_s = 1800000000};
    f->broker = fixture_broker(f, "LeastConnections", 0);
}

static inline void fixture_close(struct fixture *f)
{
    f->broker = session_broker_destroy(f->broker);
    f->store = store_close(f->store);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    fixture_open(f, "sqlite::memory:");
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static inline void add_host(struct fixture *f, const char *url, int slots)
{
    struct session_host_info host = {.max_sessions = slots, .instance_type = "test", .version = "1"};
    assert_int_equal(str_copy(host.server_url, sizeof(host.server_url), url), 0);
    assert_int_equal(session_broker_register(f->broker, &host), 0);
}

/* user_id gets the form of an id: the number in every place. */
static inline struct identity_user make_user(int number)
{
    struct identity_user user = {0};
    snprintf(user.id, sizeof(user.id), "%032x", (unsigned)number);
    snprintf(user.organisation_id, sizeof(user.organisation_id), "%032x", 7u);
    snprintf(user.username, sizeof(user.username), "user%d", number);
    return user;
}

static inline struct identity_launch make_launch(const char *workspace, const char *app, json_t *policy)
{
    struct identity_launch launch = {.policy = policy};
    assert_int_equal(str_copy(launch.workspace_id, sizeof(launch.workspace_id), workspace), 0);
    assert_int_equal(str_copy(launch.app_id, sizeof(launch.app_id), app), 0);
    assert_int_equal(str_copy(launch.workspace_name, sizeof(launch.workspace_name), "D\xc3\xa9sktop"), 0);
    assert_int_equal(str_copy(launch.workspace_type, sizeof(launch.workspace_type), "virtual_desktop"), 0);
    assert_int_equal(str_copy(launch.app_exe, sizeof(launch.app_exe), "remotedesktop"), 0);
    assert_int_equal(str_copy(launch.app_args, sizeof(launch.app_args), "--a \"b c\""), 0);
    return launch;
}

static inline int try_select(struct session_broker *broker, int user_number, const char *workspace,
                             const char *wanted, struct session_row *ret_row, bool *ret_resumed)
{
    struct identity_user user = make_user(user_number);
    struct identity_launch launch = make_launch(workspace, "", NULL);
    return session_broker_select(broker, &user, &launch, wanted, ret_row, ret_resumed);
}

static inline struct session_row must_select(struct fixture *f, int user_number, const char *workspace)
{
    struct session_row row;
    bool resumed;
    assert_int_equal(try_select(f->broker, user_number, workspace, NULL, &row, &resumed), 0);
    return row;
}

static inline int status_of(struct fixture *f, const char *id)
{
    struct session_row row;
    int r = session_broker_get(f->broker, id, NULL, &row);
    return r < 0 ? r : row.status;
}

static inline json_t *report_entry(const char *id, int sequence, int status)
{
    return json_pack("{s:s, s:i, s:i, s:s, s:i}", "sessionId", id, "sequence", sequence, "status", status,
                     "reason", status == 4 ? "exit" : "", "time", 1);
}

/* Takes over reports. The number of sessions to end; the acknowledged number in *ret_ack. */
static inline size_t must_report(struct fixture *f, const char *url, bool full, json_t *reports,
                                 int64_t *ret_ack)
{
    json_t *end = NULL;
    int64_t ack = -1;
    assert_int_equal(session_broker_report(f->broker, url, full, reports, &ack, &end), 0);
    size_t count = json_array_size(end);
    json_decref(end);
    json_decref(reports);
    if (ret_ack)
        *ret_ack = ack;
    return count;
}

#endif
