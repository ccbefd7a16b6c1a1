/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several clicks at once, two gateways on one database, and a gateway that is killed in the middle of it. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "broker_fixture.h"

#define THREADS 8

struct farm {
    char dir[64];
    char *url;
    struct fixture gateway[2]; /* two of them, each with its own connections */
};

static int setup(void **state)
{
    struct farm *farm = xcalloc(1, sizeof(*farm));
    assert_int_equal(str_copy(farm->dir, sizeof(farm->dir), "/tmp/isthmus-broker-XXXXXX"), 0);
    assert_non_null(mkdtemp(farm->dir));
    farm->url = xasprintf("sqlite:%s/main.sqlite", farm->dir);
    for (int i = 0; i < 2; i++)
        fixture_open(&farm->gateway[i], farm->url);
    *state = farm;
    return 0;
}

static int teardown(void **state)
{
    struct farm *farm = *state;
    for (int i = 0; i < 2; i++)
        fixture_close(&farm->gateway[i]);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, farm->dir + strlen("/tmp/")), 0);
    free(farm->url);
    free(farm);
    return 0;
}

struct click {
    struct fixture *gateway;
    pthread_barrier_t *barrier;
    int user;
    int result;
    bool resumed;
    struct session_row row;
};

static void *run_click(void *arg)
{
    struct click *click = arg;
    pthread_barrier_wait(click->barrier);
    click->result = try_select(click->gateway->broker, click->user, "w", NULL, &click->row, &click->resumed);
    return NULL;
}

/* All at once; users[i] clicks at gateway i % 2. */
static void click_together(struct farm *farm, struct click clicks[THREADS], bool same_user)
{
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        clicks[i] = (struct click){
            .gateway = &farm->gateway[i % 2], .barrier = &barrier, .user = same_user ? 1 : i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run_click, &clicks[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

static void test_the_last_slots(void **state)
{
    struct farm *farm = *state;
    struct click clicks[THREADS];
    int winners = 0;
    add_host(&farm->gateway[0], HOST_A, 2);
    add_host(&farm->gateway[0], HOST_B, 1);
    click_together(farm, clicks, false);
    for (int i = 0; i < THREADS; i++) {
        assert_true(clicks[i].result == 0 || clicks[i].result == -ENOSPC);
        winners += clicks[i].result == 0;
    }
    assert_int_equal(winners, 3);
}

static void test_one_user_clicks_everywhere(void **state)
{
    struct farm *farm = *state;
    struct click clicks[THREADS];
    int fresh = 0;
    add_host(&farm->gateway[0], HOST_A, THREADS);
    click_together(farm, clicks, true);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(clicks[i].result, 0);
        assert_string_equal(clicks[i].row.id, clicks[0].row.id);
        fresh += !clicks[i].resumed;
    }
    assert_int_equal(fresh, 1);
}

static void take_half_a_slot(const char *url, int ready_fd)
{
    struct fixture child;
    struct store_txn *txn = NULL;
    fixture_open(&child, url);
    if (store_begin(child.store, true, &txn) < 0 ||
        store_exec(
            txn,
            "INSERT INTO sessions (id, user_id, username, organisation_id, workspace_id, app_id, "
            "server_url, status, end_requested, viewers, ws_port, http_port, reason, sequence, created, "
            "changed, launch) VALUES ('x', 'u', 'u', 'o', 'w', '', $1, -1, 0, 0, 0, 0, '', 0, 1, 1, '{}')",
            "s", HOST_A) != 1)
        _exit(1);
    if (write(ready_fd, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void test_killed_in_the_middle(void **state)
{
    struct farm *farm = *state;
    struct session_row row;
    int pipes[2], status;
    char byte;
    add_host(&farm->gateway[0], HOST_A, 1);
    /* SQLite's handles must not be used across a fork: the child opens its own, and only this test runs. */
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        take_half_a_slot(farm->url, pipes[1]);
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    close(pipes[0]);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    row = must_select(&farm->gateway[1], 1, "w");
    assert_string_equal(row.server_url, HOST_A);
}

/* The select is done but its answer never arrived: the gateway that comes back gives the same session. */
static void test_killed_before_the_answer(void **state)
{
    struct farm *farm = *state;
    bool resumed;
    struct session_row again;
    add_host(&farm->gateway[0], HOST_A, 1);
    struct session_row row = must_select(&farm->gateway[0], 1, "w");
    fixture_close(&farm->gateway[0]);
    fixture_open(&farm->gateway[0], farm->url);
    assert_int_equal(try_select(farm->gateway[0].broker, 1, "w", NULL, &again, &resumed), 0);
    assert_true(resumed);
    assert_string_equal(again.id, row.id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_last_slots),
        TEST(test_one_user_clicks_everywhere),
        TEST(test_killed_in_the_middle),
        TEST(test_killed_before_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
