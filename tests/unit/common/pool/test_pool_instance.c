/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances and messages over the whole chain: host, keeper, leader, further displays. */
#include "pool_world.h"

#include <sys/ioctl.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "pool/display_line.h"

static int run_instance(struct world *w, const char *name, const char *command, const char *argument)
{
    struct pool_instance_order order = {
        .name = name, .command = command, .argument = argument, .width = 640, .height = 480};
    return pool_instance_start(w->pool, SESSION_ID, &order);
}

/* The display of a slot's session, by its number. */
static xcb_connection_t *connect_display(const struct world *w, int display)
{
    cleanup_free char *cookie = slot_path(w, "session/xauthority");
    cleanup_free char *directory = slot_path(w, "session/x11");
    cleanup_free char *path = xasprintf("%s/X%d", directory, display);
    cleanup_free char *entry = NULL;
    size_t len;
    assert_int_equal(file_read(AT_FDCWD, cookie, 4096, &entry, &len), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(str_copy(address.sun_path, sizeof address.sun_path, path), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    char name[] = "MIT-MAGIC-COOKIE-1";
    xcb_auth_info_t auth = {.name = name, .namelen = sizeof name - 1, .data = entry + 28, .datalen = 16};
    xcb_connection_t *c = xcb_connect_to_fd(fd, &auth);
    assert_int_equal(xcb_connection_has_error(c), 0);
    return c;
}

static xcb_window_t root_of(xcb_connection_t *c)
{
    return xcb_setup_roots_iterator(xcb_get_setup(c)).data->root;
}

/* Waits until the window manager lists so many windows; the last of them. */
static xcb_window_t await_windows(xcb_connection_t *c, unsigned wanted)
{
    const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
    xcb_change_window_attributes(c, root_of(c), XCB_CW_EVENT_MASK, &mask);
    xcb_intern_atom_reply_t *atom =
        xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, 16, "_NET_CLIENT_LIST"), NULL);
    assert_non_null(atom);
    for (;;) {
        xcb_get_property_reply_t *list = xcb_get_property_reply(
            c, xcb_get_property(c, 0, root_of(c), atom->atom, XCB_ATOM_WINDOW, 0, 64), NULL);
        assert_non_null(list);
        unsigned count = list->value_len;
        const xcb_window_t *windows = xcb_get_property_value(list);
        xcb_window_t last = count > 0 ? windows[count - 1] : XCB_NONE;
        free(list);
        if (count == wanted) {
            free(atom);
            return last;
        }
        free(xcb_wait_for_event(c));
    }
}

/* Displays of the session, by their sockets. Numbers are whatever the machine had free. */
struct displays {
    int number[POOL_INSTANCES_MAX + 1];
    unsigned count;
};

static bool has_display(const struct displays *displays, int number)
{
    for (unsigned i = 0; i < displays->count; i++) {
        if (displays->number[i] == number)
            return true;
    }
    return false;
}

/* Looks anew; the number that was not there before, or -1. */
static int look(const struct world *w, struct displays *displays)
{
    cleanup_free char *path = slot_path(w, "session/x11");
    DIR *dir = opendir(path);
    struct dirent *entry;
    struct displays now = {.count = 0};
    int fresh = -1;
    while (dir && (entry = readdir(dir))) {
        int64_t number;
        if (*entry->d_name != 'X' || str_to_int(entry->d_name + 1, 0, 65535, &number) < 0)
            continue;
        assert_true(now.count < ARRAY_SIZE(now.number));
        now.number[now.count++] = (int)number;
        if (!has_display(displays, (int)number))
            fresh = (int)number;
    }
    closedir(dir);
    *displays = now;
    return fresh;
}

static struct pool_order one_application(void)
{
    struct pool_order order = desktop(SESSION_ID);
    order.app_exe = "sleep";
    order.app_args = "1000";
    order.app_mode = "app";
    return order;
}

/* A session whose own display shows nothing yet. */
static void start_quiet(struct world *w)
{
    struct pool_order order = one_application();
    struct pool_slot_info slot;
    assert_int_equal(pool_start(w->pool, &order, &slot), 0);
    await(w, &w->ready, 1);
}

/* In the home, for a program and the test to meet. */
static char *make_fifo(const struct world *w, const char *name)
{
    cleanup_free char *inside = xasprintf("home/%s", name);
    char *path = slot_path(w, inside);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(chmod(path, 0666), 0);
    return path;
}

static void read_fifo(const char *path, char *ret_text, size_t size)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fd, ret_text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    ret_text[len] = '\0';
}

static void test_from_start_to_end(void **state)
{
    struct world *w = *state;
    struct displays displays = {.count = 0};
    start_quiet(w);
    assert_true(look(w, &displays) >= 0);
    assert_int_equal(displays.count, 1);
    assert_int_equal(
        run_instance(w, "a1B2c", "xterm -e sh -c 'printf \"%s|\" \"$DISPLAY\" \"$@\" > ~/said; sleep 1000' x",
                     "one \"{USERNAME}\" $HOME"),
        0);
    cleanup_free char *path = make_fifo(w, "said");
    assert_int_equal(run_instance(w, "a1B2c", "xterm", NULL), -EEXIST);
    assert_int_equal(pool_instance_find(w->pool, SESSION_ID, "a1B2c"), 0);
    await(w, &w->instances_ready, 1);
    assert_string_equal(w->instance, "a1B2c");
    int second = look(w, &displays);
    assert_int_equal(displays.count, 2);
    xcb_connection_t *c = connect_display(w, second);
    const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(c)).data;
    assert_int_equal(screen->width_in_pixels, 640);
    assert_int_equal(screen->height_in_pixels, 480);
    /* The window manager of an application: its window fills the screen. */
    xcb_window_t window = await_windows(c, 1);
    xcb_get_geometry_reply_t *size = xcb_get_geometry_reply(c, xcb_get_geometry(c, window), NULL);
    assert_in_range(size->width, 640 - 20, 640); /* whole characters */
    free(size);
    xcb_disconnect(c);
    /* The argument came as it was. */
    char said[256] = "";
    read_fifo(path, said, sizeof said);
    assert_non_null(strstr(said, "|one \"{USERNAME}\" $HOME|"));
    assert_int_equal(pool_instance_end(w->pool, SESSION_ID, "nobody"), -ENOENT);
    assert_int_equal(pool_instance_end(w->pool, SESSION_ID, "a1B2c"), 0);
    await(w, &w->instances_ended, 1);
    assert_string_equal(w->instance, "a1B2c");
    assert_string_equal(w->reason, "stop");
    assert_int_equal(pool_instance_find(w->pool, SESSION_ID, "a1B2c"), -ENOENT);
    assert_int_equal(pool_instance_end(w->pool, SESSION_ID, "a1B2c"), -ENOENT);
    assert_int_equal(look(w, &displays), -1);
    assert_int_equal(displays.count, 1);
    assert_int_equal(find_process(w, "xterm"), 0);
    assert_int_equal(w->ending, 0);
    /* Name and number can be had again. */
    assert_int_equal(run_instance(w, "a1B2c", "xterm", ""), 0);
    await(w, &w->instances_ready, 2);
}

static void test_bad_orders(void **state)
{
    struct world *w = *state;
    struct pool_instance_order order = {.name = "a", .command = "xterm", .width = 640, .height = 480};
    assert_int_equal(run_instance(w, "a", "xterm", NULL), -ENOENT);
    start_quiet(w);
    assert_int_equal(run_instance(w, "", "xterm", NULL), -EINVAL);
    assert_int_equal(run_instance(w, "../a", "xterm", NULL), -EINVAL);
    assert_int_equal(run_instance(w, "01234567890123456", "xterm", NULL), -EINVAL);
    assert_int_equal(run_instance(w, "a", "", NULL), -EINVAL);
    assert_int_equal(run_instance(w, "a", "  ", "x"), -EINVAL);
    assert_int_equal(run_instance(w, "a", "xterm 'open", NULL), -EINVAL);
    assert_int_equal(run_instance(w, "a", "xterm", "not \xff text"), -EINVAL);
    order.width = 1921; /* past the session's own limit */
    assert_int_equal(pool_instance_start(w->pool, SESSION_ID, &order), -EINVAL);
    order.width = 0;
    assert_int_equal(pool_instance_start(w->pool, SESSION_ID, &order), -EINVAL);
    assert_int_equal(run_instance(w, "a", "isthmus-no-such-program", NULL), 0);
    await(w, &w->instances_ended, 1);
    assert_string_equal(w->reason, "no_program");
    assert_int_equal(w->instances_ready, 0);
    /* Arguments are not squeezed into a line. */
    char longer[8001];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    char said[256] = "";
    cleanup_free char *path = make_fifo(w, "said");
    assert_int_equal(run_instance(w, "a", "sh -c 'printf %s \"$1\" | wc -c > ~/said' x", longer), 0);
    await(w, &w->instances_ready, 1);
    read_fifo(path, said, sizeof said);
    assert_string_equal(said, "8000\n");
}

/* It ends with its last window; the session goes on, and the other instance. */
static void test_ends_with_the_last_window(void **state)
{
    struct world *w = *state;
    struct displays displays = {.count = 0};
    start_quiet(w);
    (void)look(w, &displays);
    cleanup_free char *go = make_fifo(w, "go");
    assert_int_equal(run_instance(w, "stays", "xterm", NULL), 0);
    await(w, &w->instances_ready, 1);
    (void)look(w, &displays);
    assert_int_equal(run_instance(w, "goes", "xterm -e sh -c 'read line < ~/go'", NULL), 0);
    await(w, &w->instances_ready, 2);
    int display = look(w, &displays);
    xcb_connection_t *c = connect_display(w, display);
    await_windows(c, 1);
    xcb_disconnect(c);
    cleanup_close int fifo = open(go, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fifo, "\n", 1), 1);
    await(w, &w->instances_ended, 1);
    assert_string_equal(w->instance, "goes");
    assert_string_equal(w->reason, "exit");
    (void)look(w, &displays);
    assert_int_equal(displays.count, 2);
    assert_int_equal(w->ending, 0);
    assert_int_equal(pool_instance_find(w->pool, SESSION_ID, "stays"), 0);
}

/* Each display number is held against others under its abstract name. */
static void test_abstract_names_are_held(void **state)
{
    struct world *w = *state;
    struct displays displays = {.count = 0};
    start_quiet(w);
    (void)look(w, &displays);
    assert_int_equal(run_instance(w, "a", "xterm", NULL), 0);
    await(w, &w->instances_ready, 1);
    int display = look(w, &displays);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "/tmp/.X11-unix/X%d", display);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), -1);
    assert_int_equal(errno, EADDRINUSE);
}

static void test_limit(void **state)
{
    struct world *w = *state;
    char name[16];
    start_quiet(w);
    for (int i = 0; i < POOL_INSTANCES_MAX; i++) {
        (void)snprintf(name, sizeof name, "i%d", i);
        assert_int_equal(run_instance(w, name, "sleep 1000", NULL), 0);
    }
    assert_int_equal(run_instance(w, "more", "sleep 1000", NULL), -ENOSPC);
    await(w, &w->instances_ready, POOL_INSTANCES_MAX);
    struct displays displays = {.count = 0};
    (void)look(w, &displays);
    assert_int_equal(displays.count, POOL_INSTANCES_MAX + 1);
    assert_int_equal(pool_end(w->pool, SESSION_ID, "kill"), 0);
    await(w, &w->ended, 1);
    assert_int_equal(w->instances_ended, 0); /* they go with their session */
    assert_clean(w);
}

/* The further display's server is killed: only the instance is over. */
static void test_killed_display(void **state)
{
    struct world *w = *state;
    struct displays displays = {.count = 0};
    start_quiet(w);
    (void)look(w, &displays);
    assert_int_equal(run_instance(w, "a", "xterm", NULL), 0);
    await(w, &w->instances_ready, 1);
    int display = look(w, &displays);
    xcb_connection_t *c = connect_display(w, display);
    struct ucred peer;
    socklen_t len = sizeof peer;
    assert_int_equal(getsockopt(xcb_get_file_descriptor(c), SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
    assert_int_equal(kill(peer.pid, SIGKILL), 0);
    await(w, &w->instances_ended, 1);
    assert_string_equal(w->reason, "display_failed");
    xcb_disconnect(c);
    assert_int_equal(w->ending, 0);
    (void)look(w, &displays);
    assert_int_equal(displays.count, 1); /* its socket is gone too */
}

static void test_killed_with_its_session(void **state)
{
    static const char *const parts[] = {"keeper", "session-leader"};
    struct world *w = *state;
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        w->ready = w->instances_ready = 0;
        start_quiet(w);
        assert_int_equal(run_instance(w, "a", "xterm", NULL), 0);
        if (i == 0) /* once while it is being started */
            await(w, &w->instances_ready, 1);
        assert_int_equal(kill(find_process(w, parts[i]), SIGKILL), 0);
        await(w, &w->ended, i + 1);
        assert_int_equal(w->instances_ended, 0);
        assert_int_equal(find_process(w, "xterm"), 0);
        assert_clean(w);
    }
}

/* The next host finds the instances as they are. */
static void test_adopted(void **state)
{
    struct world *w = *state;
    start_quiet(w);
    assert_int_equal(run_instance(w, "one", "xterm", NULL), 0);
    assert_int_equal(run_instance(w, "two", "xterm", NULL), 0);
    await(w, &w->instances_ready, 2);
    /* A third is ordered, and the host is gone before it is there. */
    assert_int_equal(run_instance(w, "three", "xterm", NULL), 0);
    w->pool = pool_destroy(w->pool);
    w->ready = w->instances_ready = 0;
    open_pool(w, 2);
    assert_int_equal(w->found_slot, 1);
    assert_int_equal(pool_instance_find(w->pool, SESSION_ID, "one"), 0);
    assert_int_equal(pool_instance_find(w->pool, SESSION_ID, "two"), 0);
    assert_int_equal(pool_instance_find(w->pool, SESSION_ID, "four"), -ENOENT);
    await(w, &w->ready, 1);
    assert_true(w->instances_ready >= 2);
    await(w, &w->instances_ready, 3);
    assert_int_equal(run_instance(w, "three", "xterm", NULL), -EEXIST);
    assert_int_equal(pool_instance_end(w->pool, SESSION_ID, "one"), 0);
    await(w, &w->instances_ended, 1);
    assert_string_equal(w->instance, "one");
    assert_string_equal(w->reason, "stop");
}

/* The streamer is told of displays that come, are there, and go. */
static void test_streamer_is_told(void **state)
{
    struct world *w = *state;
    struct pool_slot_info slot;
    struct account account;
    struct display_line line;
    struct displays displays = {.count = 0};
    start_quiet(w);
    (void)look(w, &displays);
    assert_int_equal(pool_find(w->pool, SESSION_ID, &slot), 0);
    assert_int_equal(account_adopt(slot.account, -1, &account), 0);
    assert_int_equal(run_instance(w, "one", "xterm", NULL), 0);
    await(w, &w->instances_ready, 1);
    int fd = connect_rfb_as(w, account.streamer_uid, account.gid);
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_HELLO);
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_INSTANCE);
    assert_string_equal(line.instance, "one");
    assert_int_equal(line.display, look(w, &displays));
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_LISTED);
    assert_int_equal(run_instance(w, "two", "xterm", NULL), 0);
    assert_int_equal(pool_rfb_client(w->pool, SESSION_ID, "two", dup(fd)), -EAGAIN);
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_INSTANCE);
    assert_string_equal(line.instance, "two");
    int client = -1, pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pool_rfb_client(w->pool, SESSION_ID, "two", pair[0]), 0);
    assert_int_equal(next_rfb_line(w, fd, &line, &client), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_CLIENT);
    assert_string_equal(line.instance, "two");
    close(client);
    close(pair[1]);
    assert_int_equal(pool_instance_end(w->pool, SESSION_ID, "one"), 0);
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_GONE);
    assert_string_equal(line.instance, "one");
    close(fd);
}

/* A message is shown on every display, and is nobody's window: it neither keeps an application's display nor
 * ends it when it is closed. */
static void test_message(void **state)
{
    struct world *w = *state;
    struct displays displays = {.count = 0};
    assert_int_equal(pool_message(w->pool, SESSION_ID, "hello"), -ENOENT);
    start_quiet(w);
    int own = look(w, &displays);
    assert_int_equal(pool_message(w->pool, SESSION_ID, ""), -EINVAL);
    assert_int_equal(pool_message(w->pool, SESSION_ID, "bad \xff"), -EINVAL);
    assert_int_equal(pool_message(w->pool, SESSION_ID, "bad \x1b[1m"), -EINVAL);
    char longer[POOL_MESSAGE_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(pool_message(w->pool, SESSION_ID, longer), -EINVAL);
    cleanup_free char *go = make_fifo(w, "go");
    assert_int_equal(run_instance(w, "a", "xterm -e sh -c 'read line < ~/go'", NULL), 0);
    await(w, &w->instances_ready, 1);
    int display = look(w, &displays);
    xcb_connection_t *c = connect_display(w, display);
    await_windows(c, 1);
    assert_int_equal(
        pool_message(w->pool, SESSION_ID, "Your session ends in 3 minutes.\n\xc3\x84 \\n <b>no</b>"), 0);
    xcb_window_t shown = await_windows(c, 2);
    xcb_get_geometry_reply_t *size = xcb_get_geometry_reply(c, xcb_get_geometry(c, shown), NULL);
    assert_true(size->width < 600); /* a dialog, not the whole screen */
    free(size);
    /* One is closed by somebody: nothing ends. The other is still there with the last window gone: it does
     * not keep the display. */
    xcb_destroy_window(c, shown);
    xcb_flush(c);
    await_windows(c, 1);
    assert_int_equal(pool_message(w->pool, SESSION_ID, "again"), 0);
    await_windows(c, 2);
    cleanup_close int fifo = open(go, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fifo, "\n", 1), 1);
    xcb_disconnect(c);
    await(w, &w->instances_ended, 1);
    assert_string_equal(w->reason, "exit");
    assert_int_equal(w->ending, 0);
    /* On the session's own display both are still shown. */
    c = connect_display(w, own);
    await_windows(c, 2);
    xcb_disconnect(c);
}

/* What somebody waits for: from the order to the window. Generous here: the machine is anybody's. */
static void test_time_to_first_window(void **state)
{
    struct world *w = *state;
    struct displays displays = {.count = 0};
    start_quiet(w);
    (void)look(w, &displays);
    uint64_t best_ready = UINT64_MAX, best_window = UINT64_MAX;
    char name[16];
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "i%u", i);
        uint64_t started = clock_monotonic_ms(NULL);
        assert_int_equal(run_instance(w, name, "xterm", NULL), 0);
        await(w, &w->instances_ready, i + 1);
        best_ready = MIN(best_ready, clock_monotonic_ms(NULL) - started);
        int display = look(w, &displays);
        xcb_connection_t *c = connect_display(w, display);
        await_windows(c, 1);
        best_window = MIN(best_window, clock_monotonic_ms(NULL) - started);
        xcb_disconnect(c);
    }
    print_message("an instance runs after %u ms, its window is there after %u ms\n", (unsigned)best_ready,
                  (unsigned)best_window);
    assert_true(best_ready < 3000);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "streamer"))
        return stand_in_main(argc, argv);
    int code = session_dispatch(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_start_to_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_orders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_with_the_last_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abstract_names_are_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_display, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_with_its_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adopted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_streamer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_to_first_window, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
