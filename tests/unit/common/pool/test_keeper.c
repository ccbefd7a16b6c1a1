/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real keepers, sandboxes and displays. */
#include "session_fixture.h"

#include "loop/loop.h"
#include "print/print_spool.h"

#include <dirent.h>
#include <xcb/xcb.h>

static int setup(void **state)
{
    struct session_fixture *f = malloc(sizeof *f);
    fixture_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

/* Number of processes of the session that are alive, the keeper not counted. */
static unsigned count_processes(const struct session_fixture *f)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    unsigned count = 0;
    cleanup_free char *marker = xasprintf("%s=%s", ACCOUNT_MARKER, f->dir);
    while ((entry = readdir(proc))) {
        cleanup_free char *path = xasprintf("/proc/%s/environ", entry->d_name);
        cleanup_free char *text = NULL;
        size_t len;
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            file_read(AT_FDCWD, path, 100000, &text, &len) == 0)
            count += memmem(text, len, marker, strlen(marker)) != NULL;
    }
    closedir(proc);
    return count;
}

static xcb_connection_t *connect_display(const struct session_fixture *f, int display, bool with_cookie)
{
    cleanup_free char *path = xasprintf("%s/session/xauthority", f->dir);
    cleanup_free char *entry = NULL;
    size_t len;
    assert_int_equal(file_read(AT_FDCWD, path, 4096, &entry, &len), 0);
    assert_int_equal(len, 44);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/session/x11/X%d", f->dir, display);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    char name[] = "MIT-MAGIC-COOKIE-1";
    xcb_auth_info_t auth = {.name = name, .namelen = sizeof name - 1, .data = entry + 28, .datalen = 16};
    return xcb_connect_to_fd(fd, with_cookie ? &auth : NULL);
}

static int start_session(struct session_fixture *f)
{
    fixture_start(f);
    struct keeper_line hello = expect_line(f->host_fd, KEEPER_HELLO);
    assert_string_equal(hello.session_id, SESSION_ID);
    assert_string_equal(hello.account, f->account.name);
    int display = expect_line(f->host_fd, KEEPER_READY).display;
    assert_true(expect_line(f->host_fd, KEEPER_STREAMER).streamer > 0);
    return display;
}

static void stop(struct session_fixture *f)
{
    struct keeper_line line = {.verb = KEEPER_STOP, .reason = "kill"};
    assert_int_equal(keeper_line_send(f->host_fd, &line, -1), 0);
    expect_end(f, "kill");
    assert_int_equal(count_processes(f), 0);
}

static void test_desktop(void **state)
{
    struct session_fixture *f = *state;
    int display = start_session(f);
    xcb_connection_t *c = connect_display(f, display, true);
    assert_int_equal(xcb_connection_has_error(c), 0);
    const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(c)).data;
    assert_int_equal(screen->width_in_pixels, 800);
    assert_int_equal(screen->height_in_pixels, 600);
    xcb_disconnect(c);
    c = connect_display(f, display, false);
    assert_int_not_equal(xcb_connection_has_error(c), 0);
    xcb_disconnect(c);
    stop(f);
}

/* X clients try the abstract name first. Nobody else can have it, and nobody can connect to it. */
static void test_abstract_name_is_held(void **state)
{
    struct session_fixture *f = *state;
    int display = start_session(f);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "/tmp/.X11-unix/X%d", display);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), -1);
    assert_int_equal(errno, EADDRINUSE);
    stop(f);
}

static void test_streamer_restarted_once(void **state)
{
    struct session_fixture *f = *state;
    fixture_start(f);
    expect_line(f->host_fd, KEEPER_HELLO);
    expect_line(f->host_fd, KEEPER_READY);
    pid_t first = expect_line(f->host_fd, KEEPER_STREAMER).streamer;
    assert_int_equal(kill(first, SIGKILL), 0);
    pid_t second = expect_line(f->host_fd, KEEPER_STREAMER).streamer;
    assert_int_not_equal(first, second);
    assert_int_equal(kill(second, SIGKILL), 0);
    expect_end(f, "streamer_failed");
    assert_int_equal(count_processes(f), 0);
}

static int reconnect(struct session_fixture *f)
{
    close(f->host_fd);
    f->host_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/session/keeper.sock", f->dir);
    return connect(f->host_fd, (struct sockaddr *)&address, sizeof address);
}

static void test_survives_its_host(void **state)
{
    struct session_fixture *f = *state;
    int display = start_session(f);
    assert_int_equal(reconnect(f), 0);
    struct keeper_line line;
    int lock = -1;
    assert_int_equal(next_line(f->host_fd, &line, &lock), 0);
    assert_int_equal(line.verb, KEEPER_HELLO);
    assert_int_equal(line.display, display);
    assert_true(line.streamer > 0);
    /* The claim on the account came along: nobody else can take it, whoever of the two goes first. */
    assert_int_equal(lock >= 0, !f->account.shared);
    if (lock >= 0)
        close(lock);
    stop(f);
}

static void test_ends_without_a_host(void **state)
{
    struct session_fixture *f = *state;
    f->order.orphan_ms = 300;
    start_session(f);
    close(f->host_fd);
    f->host_fd = -1;
    assert_int_equal(waitpid(f->keeper, NULL, 0), f->keeper);
    f->keeper = 0;
    assert_int_equal(count_processes(f), 0);
}

static void test_killed_keeper_takes_all_along(void **state)
{
    struct session_fixture *f = *state;
    struct keeper_line line;
    start_session(f);
    assert_true(count_processes(f) > 2);
    assert_int_equal(kill(f->keeper, SIGKILL), 0);
    while (next_line(f->host_fd, &line, NULL) >= 0) {
    }
    assert_int_equal(waitpid(f->keeper, NULL, 0), f->keeper);
    f->keeper = 0;
    assert_int_equal(account_kill(&f->account, f->dir), 0);
    assert_int_equal(count_processes(f), 0);
}

static void give_program(struct session_fixture *f, const char *exe, const char *args)
{
    f->order.desktop = false;
    assert_int_equal(cmdline_build(exe, args, SESSION_ID, "ada", &f->order.argv), 0);
}

/* Until the window manager lists a window. */
static void await_window(const struct session_fixture *f, int display)
{
    xcb_connection_t *c = connect_display(f, display, true);
    xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(c)).data->root;
    const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
    xcb_change_window_attributes(c, root, XCB_CW_EVENT_MASK, &mask);
    xcb_intern_atom_reply_t *atom =
        xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, 16, "_NET_CLIENT_LIST"), NULL);
    int length = 0;
    while (length == 0) {
        xcb_get_property_reply_t *list =
            xcb_get_property_reply(c, xcb_get_property(c, 0, root, atom->atom, XCB_ATOM_WINDOW, 0, 16), NULL);
        length = xcb_get_property_value_length(list);
        free(list);
        if (length == 0)
            free(xcb_wait_for_event(c));
    }
    free(atom);
    xcb_disconnect(c);
}

static void test_ends_with_the_last_window(void **state)
{
    struct session_fixture *f = *state;
    give_program(f, "xterm", "-e sh -c 'echo \"$USER $HOME {USERNAME}\" > ~/done; read line < ~/go'");
    cleanup_free char *go = xasprintf("%s/home/go", f->dir);
    assert_int_equal(mkfifo(go, 0600), 0);
    assert_int_equal(chmod(go, 0666), 0);
    await_window(f, start_session(f));
    cleanup_close int fifo = open(go, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fifo, "\n", 1), 1);
    cleanup_free char *path = xasprintf("%s/home/done", f->dir);
    cleanup_free char *text = NULL;
    cleanup_free char *expected = xasprintf("%s /home/%s ada\n", f->account.name, f->account.name);
    size_t len;
    expect_end(f, "exit");
    assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, &len), 0);
    assert_string_equal(text, expected);
    assert_int_equal(count_processes(f), 0);
}

static void test_no_such_program(void **state)
{
    struct session_fixture *f = *state;
    give_program(f, "isthmus-no-such-program", "");
    fixture_start(f);
    struct keeper_line line;
    while (next_line(f->host_fd, &line, NULL) == 0 && line.verb != KEEPER_ENDED) {
    }
    assert_int_equal(line.verb, KEEPER_ENDED);
    assert_string_equal(line.reason, "no_program");
}

/* A display server that dies ends the session, with everything in it. */
static void test_killed_display(void **state)
{
    struct session_fixture *f = *state;
    int display = start_session(f);
    xcb_connection_t *c = connect_display(f, display, true);
    struct ucred peer;
    socklen_t len = sizeof peer;
    assert_int_equal(getsockopt(xcb_get_file_descriptor(c), SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
    if (!f->account.shared)
        assert_int_equal(peer.uid, f->account.uid);
    assert_int_equal(kill(peer.pid, SIGKILL), 0);
    expect_end(f, "display_failed");
    xcb_disconnect(c);
    assert_int_equal(count_processes(f), 0);
}

static void on_printed(void *arg, const struct print_job *job)
{
    struct loop *loop = arg;
    assert_string_equal(job->title, "etcMydoc1.pdf");
    loop_stop(loop);
}

static void on_not_printed(void *arg)
{
    (void)arg;
    fail_msg("nothing was printed");
}

/* A program of the session prints; the document is outside, and outside the home. */
static void prints(struct session_fixture *f)
{
    static const char *const lp[] = {"lp", "-d", "PDF", "-t", "../etc/My doc [1]", "/etc/passwd", NULL};
    char text[6] = "";
    struct loop *loop;
    struct loop_timer *timer;
    struct print_spool *spool;
    struct print_job job;
    int fd;
    cleanup_free char *path = xasprintf("%s/session/print", f->dir);
    f->order.printing = true;
    f->order.argv = xcalloc(ARRAY_SIZE(lp), sizeof *f->order.argv);
    for (size_t i = 0; i < ARRAY_SIZE(lp) - 1; i++)
        f->order.argv[i] = xstrdup(lp[i]);
    assert_int_equal(loop_create(&loop), 0);
    assert_int_equal(loop_timer_create(loop, on_not_printed, NULL, &timer), 0);
    assert_int_equal(print_spool_create(loop, path, on_printed, loop, &spool), 0);
    start_session(f);
    loop_timer_start(timer, WAIT_MS, 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(print_find(print_spool_dir(spool), 0, &job), 0);
    assert_int_equal(print_open(print_spool_dir(spool), job.time, &job, &fd), 0);
    assert_int_equal(read(fd, text, 5), 5);
    assert_string_equal(text, "%PDF-");
    close(fd);
    print_spool_destroy(spool);
    loop_timer_destroy(timer);
    loop_destroy(loop);
    stop(f); /* cupsd is gone with the rest */
}

static void test_prints(void **state)
{
    prints(*state);
}

static void test_prints_without_sandbox(void **state)
{
    struct session_fixture *f = *state;
    f->order.sandbox = false;
    prints(f);
}

static void test_without_sandbox(void **state)
{
    struct session_fixture *f = *state;
    f->order.sandbox = false;
    give_program(f, "sleep", "1000");
    fixture_start(f);
    expect_line(f->host_fd, KEEPER_HELLO);
    expect_line(f->host_fd, KEEPER_READY);
    expect_line(f->host_fd, KEEPER_STREAMER);
    stop(f);
}

static void order_instance(struct session_fixture *f, const char *name, const char *command)
{
    struct instance_order order = {.width = 640, .height = 480};
    struct keeper_line line = {.verb = KEEPER_RUN};
    assert_int_equal(cmdline_split(command, NULL, SESSION_ID, "ada", &order.argv), 0);
    cleanup_close int fd = instance_order_make(&order);
    instance_order_finish(&order);
    assert_int_equal(str_copy(line.instance, sizeof line.instance, name), 0);
    assert_int_equal(keeper_line_send(f->host_fd, &line, fd), 0);
}

/* It outlives its host, which is told of it again. */
static void test_instances_survive_the_host(void **state)
{
    struct session_fixture *f = *state;
    start_session(f);
    order_instance(f, "one", "sleep 1000");
    struct keeper_line line = expect_line(f->host_fd, KEEPER_INSTANCE);
    int display = line.display;
    assert_string_equal(line.instance, "one");
    assert_true(display > 0);
    order_instance(f, "two", "isthmus-no-such-program");
    line = expect_line(f->host_fd, KEEPER_GONE);
    assert_string_equal(line.instance, "two");
    assert_string_equal(line.reason, "no_program");
    assert_int_equal(reconnect(f), 0);
    assert_int_equal(expect_line(f->host_fd, KEEPER_HELLO).instances, 1);
    line = expect_line(f->host_fd, KEEPER_INSTANCE);
    assert_string_equal(line.instance, "one");
    assert_int_equal(line.display, display);
    line = (struct keeper_line){.verb = KEEPER_CLOSE, .instance = "one"};
    assert_int_equal(keeper_line_send(f->host_fd, &line, -1), 0);
    line = expect_line(f->host_fd, KEEPER_GONE);
    assert_string_equal(line.reason, "stop");
    /* An order without its descriptor, or with nonsense in it. */
    line = (struct keeper_line){.verb = KEEPER_RUN, .instance = "three"};
    assert_int_equal(keeper_line_send(f->host_fd, &line, -1), 0);
    assert_string_equal(expect_line(f->host_fd, KEEPER_GONE).reason, "display_failed");
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(keeper_line_send(f->host_fd, &line, null), 0);
    assert_string_equal(expect_line(f->host_fd, KEEPER_GONE).reason, "display_failed");
    stop(f);
}

static bool display_files_there(int display)
{
    cleanup_free char *path = xasprintf("/tmp/.X11-unix/X%d", display);
    return access(path, F_OK) == 0;
}

/* Without a sandbox its display is the machine's: what a killed server leaves is removed. */
static void test_instance_without_sandbox(void **state)
{
    struct session_fixture *f = *state;
    f->order.sandbox = false;
    int own = start_session(f);
    order_instance(f, "one", "xterm");
    int first = expect_line(f->host_fd, KEEPER_INSTANCE).display;
    order_instance(f, "two", "xterm");
    int second = expect_line(f->host_fd, KEEPER_INSTANCE).display;
    assert_true(display_files_there(first));
    struct keeper_line line = {.verb = KEEPER_CLOSE, .instance = "one"};
    assert_int_equal(keeper_line_send(f->host_fd, &line, -1), 0);
    assert_string_equal(expect_line(f->host_fd, KEEPER_GONE).instance, "one");
    assert_false(display_files_there(first));
    stop(f); /* servers are killed */
    assert_false(display_files_there(second));
    assert_false(display_files_there(own));
}

int main(int argc, char **argv)
{
    int code = session_dispatch(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_desktop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abstract_name_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_streamer_restarted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_its_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_without_a_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_keeper_takes_all_along, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_with_the_last_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_program, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_display, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_sandbox, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances_survive_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instance_without_sandbox, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prints_without_sandbox, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
