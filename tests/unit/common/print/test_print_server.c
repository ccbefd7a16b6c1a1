/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With the real cupsd and lp. As root the test becomes nobody first: cupsd of a session never is root. */
#include "print/print_server.h"

#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/spawn.h"
#include "base/str.h"
#include "print/print_backend.h"
#include "print/print_spool.h"

#define PATIENCE_MS 30000

struct fixture {
    char top[64];
    char *dir, *spool_dir;
    struct loop *loop;
    struct loop_timer *timer;
    struct print_server *server;
    struct print_spool *spool;
    char told[1024];
    unsigned wanted, count;
    char *failure;
};

static void on_timeout(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

static void on_failed(void *arg, const char *cause)
{
    struct fixture *f = arg;
    f->failure = xstrdup(cause);
    loop_stop(f->loop);
}

static void on_printed(void *arg, const struct print_job *job)
{
    struct fixture *f = arg;
    size_t len = strlen(f->told);
    (void)snprintf(f->told + len, sizeof f->told - len, "%s;", job->title);
    if (++f->count >= f->wanted)
        loop_stop(f->loop);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    (void)snprintf(f->top, sizeof f->top, "/tmp/isthmus-print-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    f->dir = xasprintf("%s/cups", f->top);
    f->spool_dir = xasprintf("%s/spool", f->top);
    assert_int_equal(mkdir(f->spool_dir, 0700), 0);
    assert_int_equal(loop_create(&f->loop), 0);
    loop_reap_orphans(f->loop);
    assert_int_equal(loop_timer_create(f->loop, on_timeout, f, &f->timer), 0);
    const struct print_server_options options = {.loop = f->loop,
                                                 .dir = f->dir,
                                                 .spool = f->spool_dir,
                                                 .log_fd = STDERR_FILENO,
                                                 .failed = on_failed,
                                                 .arg = f};
    assert_int_equal(print_server_create(&options, &f->server), 0);
    assert_int_equal(print_spool_create(f->loop, f->spool_dir, on_printed, f, &f->spool), 0);
    assert_int_equal(setenv("CUPS_SERVER", print_server_socket(f->server), 1), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    print_server_destroy(f->server);
    print_spool_destroy(f->spool);
    loop_timer_destroy(f->timer);
    loop_destroy(f->loop);
    /* cupsd saves its state when it is told to end, into the directory that goes next. */
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        continue;
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(f->top, '/') + 1), 0);
    close(tmp);
    free(f->failure);
    free(f->dir);
    free(f->spool_dir);
    free(f);
    return 0;
}

/* What is printed is read from a file of the fixture. */
static void print(struct fixture *f, const char *title, const char *text)
{
    cleanup_free char *file = xasprintf("%s/input", f->top);
    assert_int_equal(file_write(AT_FDCWD, file, text, strlen(text), 0600), 0);
    const char *argv[] = {"lp", "-d", "PDF", "-t", title, file, NULL};
    struct spawn_options options = {.argv = (char *const *)(uintptr_t)argv, .new_session = true};
    pid_t pid;
    assert_int_equal(spawn(&options, &pid), 0);
    f->wanted = f->count + 1;
    loop_timer_start(f->timer, PATIENCE_MS, 0);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->count, f->wanted);
}

static void check_pdf(struct fixture *f, int64_t from, struct print_job *ret_job)
{
    char text[6] = "";
    int fd;
    assert_int_equal(print_find(print_spool_dir(f->spool), from, ret_job), 0);
    assert_int_equal(print_open(print_spool_dir(f->spool), ret_job->time, ret_job, &fd), 0);
    assert_int_equal(read(fd, text, 5), 5);
    close(fd);
    assert_string_equal(text, "%PDF-");
    assert_true(ret_job->bytes > 300);
}

static const char pdf[] =
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Contents 4 0 R>>endobj\n"
    "4 0 obj<</Length 24>>stream\n100 100 200 200 re f    \nendstream endobj\n"
    "trailer<</Root 1 0 R>>\n";

static void test_formats(void **state)
{
    struct fixture *f = *state;
    struct print_job job;
    print(f, "text", "Hello from a session\n");
    print(f, "My / doc [1] (final)", pdf);
    print(f, "postscript",
          "%!PS-Adobe-3.0\n%%Pages: 1\n/Helvetica findfont 24 scalefont setfont\n"
          "100 100 moveto (Hello) show showpage\n%%EOF\n");
    assert_string_equal(f->told, "text.pdf;Mydoc1final.pdf;postscript.pdf;");
    check_pdf(f, 0, &job);
    check_pdf(f, job.time + 1, &job);
    check_pdf(f, job.time + 1, &job);
    assert_int_equal(print_find(print_spool_dir(f->spool), job.time + 1, &job), -ENOENT);
    assert_null(f->failure);
}

static void test_titles(void **state)
{
    struct fixture *f = *state;
    print(f, "../../../etc/cron.d/x", "1\n");
    print(f, "$(touch /tmp/pwned) `id`; \"a\" 'b' %s %n", "2\n");
    print(f, "-o -d --help", "3\n");
    print(f,
          "gr\xc3\xbc\xc3\x9f\xe2\x80\xae"
          "fdp",
          "4\n");
    assert_string_equal(f->told, "etccron.dx.pdf;$touchtmppwned`id`absn.pdf;-o-d--help.pdf;"
                                 "gr\xc3\xbc\xc3\x9f"
                                 "fdp.pdf;");
}

/* cupsd leaves when it is idle, or dies: the next one who prints finds another. */
static void test_another_cupsd(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
    cleanup_free char *children = NULL;
    size_t len;
    int64_t pid;
    print(f, "first", "1\n");
    assert_int_equal(file_read(AT_FDCWD, path, 1000, &children, &len), 0);
    children[strcspn(children, " ")] = '\0';
    assert_int_equal(str_to_int(children, 2, INT32_MAX, &pid), 0);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    print(f, "second", "2\n");
    assert_string_equal(f->told, "first.pdf;second.pdf;");
    assert_null(f->failure);
}

/* Paths that cannot stand in the configuration or in a socket's address. */
static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct print_server *server;
    struct print_server_options options = {.loop = f->loop, .spool = f->spool_dir, .failed = on_failed};
    options.dir = "/tmp/a b";
    assert_int_equal(print_server_create(&options, &server), -EINVAL);
    options.dir = "/tmp/a\nListen 631";
    assert_int_equal(print_server_create(&options, &server), -EINVAL);
    cleanup_free char *deep = xasprintf("%s/%0100d", f->top, 1);
    options.dir = deep;
    assert_int_equal(print_server_create(&options, &server), -ENAMETOOLONG);
    options.dir = "/nonexistent/dir";
    assert_int_equal(print_server_create(&options, &server), -ENOENT);
}

static int become_nobody(void)
{
    if (geteuid() != 0)
        return 0;
    const gid_t group = 65534;
    /* A process that has changed its identity hides its /proc/PID/exe until it executes something; a
     * session's leader has done that. */
    return setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 ||
                   setresuid(65534, 65534, 65534) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0
               ? -errno
               : 0;
}

int main(int argc, char **argv)
{
    if (argc > 0 && print_backend_called(argv[0]))
        return print_backend_main(argc, argv);
    if (argc > 1 && str_eq(argv[1], "print-server"))
        return print_server_main(argc - 1, argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_titles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_cupsd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return become_nobody() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
