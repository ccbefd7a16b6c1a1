/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/print_spool.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "print/print_backend.h"

static const struct print_limits limits = {3, 1000, 2000};

struct spool {
    char path[64];
    int dir;
};

static int setup(void **state)
{
    struct spool *s = xcalloc(1, sizeof *s);
    (void)snprintf(s->path, sizeof s->path, "/tmp/isthmus-print-XXXXXX");
    assert_non_null(mkdtemp(s->path));
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct spool *s = *state;
    close(s->dir);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(s->path, '/') + 1), 0);
    close(tmp);
    free(s);
    return 0;
}

static int store(const struct spool *s, const char *title, const char *text, int64_t now, int64_t *ret_time)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    int r = print_store(s->dir, ends[0], title, now, &limits, ret_time);
    close(ends[0]);
    return r;
}

static void put(const struct spool *s, const char *name)
{
    int fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "%PDF-x", 6), 6);
    close(fd);
}

static void test_three_jobs(void **state)
{
    struct spool *s = *state;
    struct print_job jobs[10];
    int64_t time;
    assert_int_equal(store(s, "one", "%PDF-1", 1000000000, &time), 0);
    assert_int_equal(time, 1000000000);
    /* Two in one second: each keeps a time of its own. */
    assert_int_equal(store(s, "two", "%PDF-22", 1000000000, &time), 0);
    assert_int_equal(time, 1000000001);
    assert_int_equal(store(s, "a / b [c]", "%PDF-333", 1000000005, &time), 0);
    assert_int_equal(print_list(s->dir, jobs, 10), 3);
    assert_string_equal(jobs[0].title, "one.pdf");
    assert_string_equal(jobs[1].title, "two.pdf");
    assert_string_equal(jobs[2].title, "abc.pdf");
    assert_int_equal(jobs[2].bytes, 8);
    assert_int_equal(print_find(s->dir, 0, &jobs[9]), 0);
    assert_int_equal(jobs[9].time, 1000000000);
    assert_int_equal(print_find(s->dir, 1000000002, &jobs[9]), 0);
    assert_int_equal(jobs[9].time, 1000000005);
    assert_int_equal(print_find(s->dir, 1000000006, &jobs[9]), -ENOENT);
}

static void test_open(void **state)
{
    struct spool *s = *state;
    struct print_job job;
    char text[16] = "";
    int64_t time;
    int fd;
    assert_int_equal(store(s, "one", "%PDF-1", 1000000000, &time), 0);
    assert_int_equal(print_open(s->dir, 1000000000, &job, &fd), 0);
    assert_int_equal(read(fd, text, sizeof text), 6);
    assert_string_equal(text, "%PDF-1");
    close(fd);
    assert_int_equal(print_open(s->dir, 999999999, &job, &fd), -ENOENT);
    assert_int_equal(print_open(s->dir, 1000000001, &job, &fd), -ENOENT);
}

static void test_limits(void **state)
{
    struct spool *s = *state;
    struct print_job jobs[10];
    char large[1101];
    int64_t time = 1;
    memset(large, 'x', sizeof large);
    memcpy(large, "%PDF-", 5);
    large[1100] = '\0';
    assert_int_equal(store(s, "big", large, 1000000000, &time), -EFBIG);
    assert_int_equal(store(s, "no", "hello, world", 1000000000, &time), -EBADMSG);
    assert_int_equal(store(s, "short", "%PD", 1000000000, &time), -EBADMSG);
    assert_int_equal(store(s, "empty", "", 1000000000, &time), -EBADMSG);
    assert_int_equal(faccessat(s->dir, ".unfinished", F_OK, 0), -1);
    assert_int_equal(print_list(s->dir, jobs, 10), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(store(s, "j", "%PDF-1", 1000000000, &time), 0);
    assert_int_equal(print_list(s->dir, jobs, 10), 3);
    assert_int_equal(jobs[0].time, 1000000002);
    large[999] = '\0';
    for (int i = 0; i < 2; i++)
        assert_int_equal(store(s, "l", large, 1000000010, &time), 0);
    assert_int_equal(print_list(s->dir, jobs, 10), 2); /* 2000 bytes in all */
    assert_int_equal(jobs[0].bytes, 999);
}

/* Whatever a session puts there by itself. */
static void test_hostile_entries(void **state)
{
    struct spool *s = *state;
    struct print_job jobs[10];
    int fd;
    assert_int_equal(symlinkat("/etc/passwd", s->dir, "1000000000-link.pdf"), 0);
    assert_int_equal(mkfifoat(s->dir, "1000000001-pipe.pdf", 0600), 0);
    assert_int_equal(mkdirat(s->dir, "1000000002-dir.pdf", 0700), 0);
    put(s, "1000000003-two.pdf");
    assert_int_equal(linkat(s->dir, "1000000003-two.pdf", s->dir, "other", 0), 0);
    put(s, "1000000004-a b.pdf");
    put(s, ".1000000005-a.pdf");
    put(s, "1000000006-huge.pdf");
    fd = openat(s->dir, "1000000006-huge.pdf", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, PRINT_JOB_MAX_BYTES + 1), 0);
    close(fd);
    if (geteuid() == 0) {
        put(s, "1000000007-foreign.pdf");
        assert_int_equal(fchownat(s->dir, "1000000007-foreign.pdf", 65534, 65534, 0), 0);
    }
    assert_int_equal(print_list(s->dir, jobs, 10), 0);
    for (int64_t time = 1000000000; time < 1000000008; time++)
        assert_int_equal(print_open(s->dir, time, &jobs[0], &fd), -ENOENT);
    /* And the backend goes past it. */
    int64_t time;
    assert_int_equal(symlinkat("/etc/passwd", s->dir, ".unfinished"), 0);
    assert_int_equal(store(s, "fine", "%PDF-1", 1000000000, &time), 0);
    assert_int_equal(print_list(s->dir, jobs, 10), 1);
}

struct watch {
    struct loop *loop;
    struct spool *spool;
    char told[256];
    unsigned count;
};

static void on_printed(void *arg, const struct print_job *job)
{
    struct watch *w = arg;
    size_t len = strlen(w->told);
    (void)snprintf(w->told + len, sizeof w->told - len, "%s;", job->title);
    if (++w->count == 3)
        loop_stop(w->loop);
}

static void print_three(void *arg)
{
    struct watch *w = arg;
    int64_t time;
    assert_int_equal(store(w->spool, "one", "%PDF-1", 1000000010, &time), 0);
    assert_int_equal(store(w->spool, "two", "%PDF-1", 1000000010, &time), 0);
    assert_int_equal(store(w->spool, "three", "%PDF-1", 1000000010, &time), 0);
}

static void on_too_late(void *arg)
{
    struct watch *w = arg;
    loop_stop(w->loop);
}

static void test_told_once_in_order(void **state)
{
    struct watch w = {.spool = *state};
    struct print_spool *watched;
    struct loop_timer *timer;
    int64_t time;
    assert_int_equal(store(w.spool, "before", "%PDF-1", 1000000000, &time), 0);
    assert_int_equal(loop_create(&w.loop), 0);
    assert_int_equal(loop_timer_create(w.loop, on_too_late, &w, &timer), 0);
    loop_timer_start(timer, 10000, 0);
    assert_int_equal(print_spool_create(w.loop, "/nonexistent/spool", on_printed, &w, &watched), -ENOENT);
    assert_int_equal(print_spool_create(w.loop, w.spool->path, on_printed, &w, &watched), 0);
    loop_post(w.loop, print_three, &w);
    assert_int_equal(loop_run(w.loop), 0);
    assert_string_equal(w.told, "one.pdf;two.pdf;three.pdf;");
    print_spool_destroy(watched);
    loop_timer_destroy(timer);
    loop_destroy(w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_jobs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_told_once_in_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
