/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "loop/loop.h"

static struct loop *loop;

static int setup(void **state)
{
    (void)state;
    return loop_create(&loop);
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(loop);
    return 0;
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Everything posted, in order, and what a post posts comes after. */
static int order[8], order_count;

static void add(void *arg)
{
    order[order_count++] = *(int *)arg;
    if (*(int *)arg == 1) {
        static int four = 4;

        loop_post(loop, add, &four);
        loop_post(loop, stop, NULL);
    }
}

static void test_post_order(void **state)
{
    static int numbers[] = {1, 2, 3};
    (void)state;

    order_count = 0;
    for (int i = 0; i < 3; i++)
        loop_post(loop, add, &numbers[i]);
    loop_run(loop);
    assert_int_equal(order_count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(order[i], i + 1);
    /* Left over at the end: dropped, not leaked. */
    loop_post(loop, add, &numbers[0]);
}

#define THREADS 4
#define POSTS 2000

static int posts_seen;

static void on_post(void *arg)
{
    (void)arg;
    if (++posts_seen == THREADS * POSTS)
        loop_stop(loop);
}

static void *poster(void *arg)
{
    for (int i = 0; i < POSTS; i++)
        loop_post(loop, on_post, NULL);
    return arg;
}

static void test_posts_from_threads(void **state)
{
    pthread_t threads[THREADS];
    (void)state;

    posts_seen = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, poster, NULL), 0);
    loop_run(loop);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(posts_seen, THREADS * POSTS);
}

static struct loop_timer *timer, *other_timer;
static int ticks;

static void on_tick(void *arg)
{
    (void)arg;
    if (++ticks == 3) {
        timer = loop_timer_destroy(timer);
        loop_stop(loop);
    }
}

static void never(void *arg)
{
    (void)arg;
    fail_msg("a stopped timer fired");
}

static void test_timer(void **state)
{
    uint64_t start = clock_monotonic_ms(NULL);
    (void)state;

    ticks = 0;
    assert_int_equal(loop_timer_create(loop, on_tick, NULL, &timer), 0);
    assert_int_equal(loop_timer_create(loop, never, NULL, &other_timer), 0);
    loop_timer_start(other_timer, 1, 0);
    loop_timer_stop(other_timer);
    loop_timer_start(timer, 100000, 0);
    loop_timer_start(timer, 10, 5);
    loop_run(loop);
    assert_int_equal(ticks, 3);
    assert_null(timer);
    assert_true(clock_monotonic_ms(NULL) - start >= 20);
    other_timer = loop_timer_destroy(other_timer);
    assert_null(loop_timer_destroy(NULL));
}

static struct loop_poll *watch;
static int pair[2], ready_seen, ready_count;

static void on_ready(void *arg, int ready)
{
    char byte;

    (void)arg;
    ready_seen |= ready;
    ready_count++;
    if (ready & LOOP_WRITE) {
        loop_poll_set(watch, LOOP_READ);
        assert_int_equal(write(pair[1], "x", 1), 1);
    } else if (read(pair[0], &byte, 1) == 1) {
        close(pair[1]);
    } else {
        /* The hang-up: end of file is told as readable. */
        watch = loop_poll_destroy(watch);
        close(pair[0]);
        loop_stop(loop);
    }
}

static void test_poll(void **state)
{
    struct loop_poll *twice = NULL;
    (void)state;

    ready_seen = ready_count = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(loop_poll_create(loop, pair[0], LOOP_READ | LOOP_WRITE, on_ready, NULL, &watch), 0);
    assert_true(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(loop_poll_create(loop, pair[0], LOOP_READ, on_ready, NULL, &twice), -EEXIST);
    assert_null(twice);
    loop_run(loop);
    assert_int_equal(ready_seen, LOOP_READ | LOOP_WRITE);
    assert_int_equal(ready_count, 3);
    assert_null(loop_poll_destroy(NULL));
}

static void on_never_ready(void *arg, int ready)
{
    (void)arg;
    (void)ready;
    fail_msg("a paused poll fired");
}

static void test_poll_paused(void **state)
{
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    (void)state;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(loop_poll_create(loop, pair[0], LOOP_READ, on_never_ready, NULL, &watch), 0);
    loop_poll_set(watch, 0);
    assert_int_equal(loop_timer_create(loop, stop, NULL, &timer), 0);
    loop_timer_start(timer, 20, 0);
    loop_run(loop);
    timer = loop_timer_destroy(timer);
    watch = loop_poll_destroy(watch);
    /* At once watched anew: the number is free although the old handle is still closing. */
    assert_int_equal(loop_poll_create(loop, pair[0], 0, on_never_ready, NULL, &watch), 0);
    watch = loop_poll_destroy(watch);
    close(pair[0]);
    close(pair[1]);
    assert_true(loop_poll_create(loop, file, LOOP_READ, on_never_ready, NULL, &watch) < 0);
    close(file);
    assert_int_equal(loop_poll_create(loop, 9999, LOOP_READ, on_never_ready, NULL, &watch), -EBADF);
}

static void on_error_ready(void *arg, int ready)
{
    (void)arg;
    assert_int_equal(ready, LOOP_WRITE);
    /* The owner ignores it twice; it has to be told again each time. */
    if (++ready_count == 3) {
        watch = loop_poll_destroy(watch);
        loop_stop(loop);
    }
}

/* The reader of a full pipe goes away: an error, told as what was asked for. */
static void test_poll_error(void **state)
{
    char block[4096] = "";
    int fds[2];
    (void)state;

    ready_count = 0;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(fds[1], block, sizeof(block)) > 0)
        continue;
    assert_int_equal(loop_poll_create(loop, fds[1], LOOP_WRITE, on_error_ready, NULL, &watch), 0);
    close(fds[0]);
    loop_run(loop);
    assert_int_equal(ready_count, 3);
    close(fds[1]);
}

static struct loop_signal *usr1;
static int signals;

static void on_signal(void *arg, int signum)
{
    (void)arg;
    assert_int_equal(signum, SIGUSR1);
    signals++;
    usr1 = loop_signal_destroy(usr1);
    loop_stop(loop);
}

static void test_signal(void **state)
{
    struct loop_signal *none = NULL;
    (void)state;

    assert_int_equal(loop_signal_create(loop, SIGUSR1, on_signal, NULL, &usr1), 0);
    assert_int_equal(loop_signal_create(loop, SIGKILL, on_signal, NULL, &none), -EINVAL);
    kill(getpid(), SIGUSR1);
    loop_run(loop);
    assert_int_equal(signals, 1);
    assert_null(loop_signal_destroy(NULL));
}

#define CHILDREN 20

static struct loop_child *children[CHILDREN];
static int ended, status_sum;

static pid_t start(const char *script, bool wait_until_dead)
{
    char *argv[] = {"/bin/sh", "-c", (char *)script, NULL};
    siginfo_t info;
    pid_t pid = 0;

    assert_int_equal(spawn(&(struct spawn_options){.argv = argv}, &pid), 0);
    if (wait_until_dead)
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    return pid;
}

static void on_child(void *arg, int status)
{
    struct loop_child **slot = arg;

    assert_true(WIFEXITED(status));
    status_sum += WEXITSTATUS(status);
    *slot = loop_child_destroy(*slot);
    if (++ended == CHILDREN)
        loop_stop(loop);
}

/* Many at once, half of them dead before they are watched. */
static void test_children(void **state)
{
    struct loop_child *none = NULL;
    (void)state;

    ended = status_sum = 0;
    for (int i = 0; i < CHILDREN; i++)
        assert_int_equal(loop_child_create(loop,
                                           start(i % 2 ? "exit 1" : "read x < /dev/null; exit 2", i % 2),
                                           on_child, &children[i], &children[i]),
                         0);
    assert_int_equal(ended, 0);
    loop_run(loop);
    assert_int_equal(ended, CHILDREN);
    assert_int_equal(status_sum, CHILDREN / 2 * 3);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(loop_child_create(loop, getppid(), on_child, NULL, &none), -ECHILD);
    assert_int_equal(loop_child_create(loop, -1, on_child, NULL, &none), -ECHILD);
    assert_int_equal(loop_child_create(loop, 0, on_child, NULL, &none), -ECHILD);
    assert_null(loop_child_destroy(NULL));
}

static struct loop_child *first, *second;

static void on_kills_other(void *arg, int status)
{
    (void)arg;
    assert_int_equal(WEXITSTATUS(status), 3);
    /* Both are dead and collected; the one destroyed here must not be told any more. */
    first = loop_child_destroy(first);
    second = loop_child_destroy(second);
    ended++;
    loop_post(loop, stop, NULL);
}

static void test_destroy_other_child(void **state)
{
    (void)state;
    ended = 0;
    assert_int_equal(loop_child_create(loop, start("exit 3", true), on_kills_other, NULL, &first), 0);
    assert_int_equal(loop_child_create(loop, start("exit 3", true), on_kills_other, NULL, &second), 0);
    loop_run(loop);
    assert_int_equal(ended, 1);
}

static int life[2];

static void on_orphan_gone(void *arg, int ready)
{
    (void)arg;
    (void)ready;
    watch = loop_poll_destroy(watch);
    loop_timer_start(timer, 0, 1);
}

/* Until there is no child left at all. */
static void on_look(void *arg)
{
    siginfo_t info;

    (void)arg;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
        loop_stop(loop);
}

static void on_watched(void *arg, int status)
{
    (void)arg;
    assert_int_equal(WEXITSTATUS(status), 5);
    first = loop_child_destroy(first);
    ended++;
}

/* A grandchild whose parent is gone lands here and is collected; a child that is watched still gets its
 * status. */
static void test_orphans(void **state)
{
    char *argv[] = {"/bin/sh", "-c", "(read x; exit 7) < /dev/null & exit 0", NULL};
    struct spawn_fd list[1];
    pid_t pid = 0;
    (void)state;

    ended = 0;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe2(life, O_CLOEXEC), 0);
    list[0] = (struct spawn_fd){life[1], 3};
    loop_reap_orphans(loop);
    assert_int_equal(loop_timer_create(loop, on_look, NULL, &timer), 0);
    assert_int_equal(loop_poll_create(loop, life[0], LOOP_READ, on_orphan_gone, NULL, &watch), 0);
    assert_int_equal(spawn(&(struct spawn_options){.argv = argv, .fds = list, .fd_count = 1}, &pid), 0);
    assert_int_equal(loop_child_create(loop, start("exit 5", true), on_watched, NULL, &first), 0);
    close(life[1]);
    loop_run(loop);
    assert_int_equal(ended, 1);
    timer = loop_timer_destroy(timer);
    close(life[0]);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static atomic_int worked, together, most;
static int done_count;

static void work(void *arg)
{
    int now = atomic_fetch_add(&together, 1) + 1;
    int seen = atomic_load(&most);

    (void)arg;
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
        continue;
    /* Held until four are inside at the same time: proves that the pool has them. */
    while (atomic_load(&most) < 4)
        sched_yield();
    atomic_fetch_sub(&together, 1);
    atomic_fetch_add(&worked, 1);
}

static void done(void *arg)
{
    (void)arg;
    if (++done_count == LOOP_WORK_MAX)
        loop_stop(loop);
}

static void test_work(void **state)
{
    (void)state;
    done_count = 0;
    for (int i = 0; i < LOOP_WORK_MAX; i++)
        assert_int_equal(loop_work(loop, work, done, NULL), 0);
    assert_int_equal(loop_work(loop, work, done, NULL), -EAGAIN);
    loop_run(loop);
    assert_int_equal(done_count, LOOP_WORK_MAX);
    assert_int_equal(atomic_load(&worked), LOOP_WORK_MAX);
    /* Room again; and what is unfinished when the loop goes away is finished first. */
    done_count = 0;
    assert_int_equal(loop_work(loop, work, done, NULL), 0);
}

static void test_work_ended_with_the_loop(void **state)
{
    (void)state;
    assert_int_equal(done_count, 1);
    loop_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_post_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_posts_from_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll_paused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_children, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destroy_other_child, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work, setup, teardown),
        cmocka_unit_test(test_work_ended_with_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
