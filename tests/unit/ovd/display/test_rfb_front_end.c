// packages: libvncclient
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFB clients of a session: who may do what, and who comes and goes. */
#include "ovd/display/session_kit.h"

static void test_everybody_at_once(void **state)
{
    rfbClient *owner, *guest, *friend, *far, *far_guest;

    (void)state;
    session_start(true);
    draw(&s.own, 1);
    draw(&s.further, 2);
    owner = join("-", "owner", "owner");
    guest = join("-", "look", "guest1");
    friend = join("-", "foo", "friend");
    far = join("abcde", "owner", "owner");
    far_guest = join("abcde", "look", "guest1");
    assert_same(&s.own, owner);
    assert_same(&s.own, guest);
    assert_same(&s.own, friend);
    assert_same(&s.further, far);
    assert_same(&s.further, far_guest);
    draw(&s.own, 3);
    draw(&s.further, 4);
    assert_same(&s.own, owner);
    assert_same(&s.further, far);
    assert_false(is_same(&s.own, far));

    SendKeyEvent(owner, 'a', TRUE);
    assert_keys(&s.own, 1);
    SendPointerEvent(friend, 30, 40, 0);
    assert_pointer(&s.own, 30, 40);
    SendPointerEvent(far, 50, 60, 0);
    assert_pointer(&s.further, 50, 60);
    SendKeyEvent(far, 'b', TRUE);
    SendKeyEvent(far, 'c', TRUE);
    assert_keys(&s.further, 2);

    /* Who may only look changes nothing, at either display. */
    SendKeyEvent(guest, 'x', TRUE);
    SendPointerEvent(guest, 100, 100, 1);
    SendExtDesktopSize(guest, 400, 300);
    SendKeyEvent(far_guest, 'x', TRUE);
    SendPointerEvent(far_guest, 100, 100, 1);
    settle(&s.own, guest);
    settle(&s.further, far_guest);
    assert_int_equal(keys_down(&s.own), 1);
    assert_int_equal(keys_down(&s.further), 2);
    assert_true(pointer_is_at(&s.own, 30, 40));
    assert_true(pointer_is_at(&s.further, 50, 60));
    assert_int_equal(guest->width, WIDTH);

    part(owner); /* lets go of its key */
    host_kit_hear(&s.host, "LEFT - owner");
    assert_keys(&s.own, 0);
    part(guest);
    host_kit_hear(&s.host, "LEFT - guest1");
    part(friend);
    part(far);
    part(far_guest);
    session_stop();
}

/* xclip on the display, with one end of a pipe as its descriptor number fd; ret_pipe is the other. */
static pid_t run_xclip(struct place *p, const char *what, int fd, int *ret_pipe)
{
    char display[32], auth[128];
    char *argv[] = {"xclip", "-quiet", "-selection", "clipboard", (char *)(uintptr_t)what, NULL};
    char *envp[] = {display, auth, "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), fds[2];
    struct spawn_fd child_fds[] = {{null, 0}, {null, 1}, {null, 2}};
    struct spawn_options o = {
        .argv = argv, .envp = envp, .fds = child_fds, .fd_count = 3, .death_signal = SIGKILL};
    pid_t pid;

    snprintf(display, sizeof(display), "DISPLAY=:%u", p->x.display);
    snprintf(auth, sizeof(auth), "XAUTHORITY=%s", p->x.auth);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    child_fds[fd].parent = fds[fd];
    assert_int_equal(spawn(&o, &pid), 0);
    close(null);
    close(fds[fd]);
    *ret_pipe = fds[!fd];
    return pid;
}

/* A program copies a text; it stays until it is killed. */
static pid_t copy(struct place *p, const char *text)
{
    int to;
    pid_t pid = run_xclip(p, "-i", 0, &to);

    assert_int_equal(write(to, text, strlen(text)), (ssize_t)strlen(text));
    close(to);
    return pid;
}

/* What a program would paste. */
static void paste(struct place *p, char *ret_text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    int from;
    pid_t pid = run_xclip(p, "-o", 1, &from);

    while (len + 1 < size && (n = read(from, ret_text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    ret_text[len] = '\0';
    close(from);
    waitpid(pid, NULL, 0);
}

static void assert_paste(struct place *p, const char *wanted)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;
    char text[256];

    do {
        assert_true(clock_monotonic_ms(NULL) < end);
        paste(p, text, sizeof(text));
    } while (strcmp(text, wanted) != 0);
}

static const char *heard_by(rfbClient *client)
{
    return rfbClientGetClientData(client, &text_tag);
}

static void assert_heard(rfbClient *client, const char *wanted)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (strcmp(heard_by(client), wanted) != 0) {
        assert_true(clock_monotonic_ms(NULL) < end);
        assert_true(turn(client));
    }
}

static void send_cut(rfbClient *client, const char *text)
{
    assert_true(SendClientCutText(client, (char *)(uintptr_t)text, (int)strlen(text)));
}

/* Both ways, each display for itself, and nothing to or from those who may only look. */
static void test_clipboard(void **state)
{
    rfbClient *owner, *guest, *friend, *far, *far_guest;
    pid_t program, far_program;

    (void)state;
    session_start(true);
    owner = join("-", "owner", "owner");
    guest = join("-", "look", "guest1");
    friend = join("-", "foo", "friend");
    far = join("abcde", "owner", "owner");
    far_guest = join("abcde", "look", "guest1");
    program = copy(&s.own, "Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac");
    assert_heard(owner, "Gr\xfc\xdf\x65 ?");
    assert_heard(friend, "Gr\xfc\xdf\x65 ?");
    far_program = copy(&s.further, "from afar");
    assert_heard(far, "from afar");
    settle(&s.own, guest);
    settle(&s.further, far_guest);
    settle(&s.own, owner);
    assert_string_equal(heard_by(guest), "");
    assert_string_equal(heard_by(far_guest), "");
    assert_string_equal(heard_by(owner), "Gr\xfc\xdf\x65 ?");

    send_cut(friend, "caf\xe9\r\nau lait");
    assert_paste(&s.own, "caf\xc3\xa9\nau lait");
    send_cut(far, "for afar");
    assert_paste(&s.further, "for afar");
    send_cut(guest, "not this");
    send_cut(far_guest, "nor this");
    settle(&s.own, guest);
    settle(&s.further, far_guest);
    settle(&s.own, owner);
    assert_paste(&s.own, "caf\xc3\xa9\nau lait");
    assert_paste(&s.further, "for afar");
    assert_string_equal(heard_by(owner), "Gr\xfc\xdf\x65 ?"); /* the friend's own text is not told */
    part(owner);
    part(guest);
    part(friend);
    part(far);
    part(far_guest);
    kill(program, SIGKILL);
    kill(far_program, SIGKILL);
    waitpid(program, NULL, 0);
    waitpid(far_program, NULL, 0);
    session_stop();
}

static void press_browser(void *arg)
{
    const bool *down = arg;
    const struct control_message m = {.type = CONTROL_POINTER, .x = 10, .y = 10, .buttons = *down ? 1u : 0u};

    (void)input_message(&s.browser, &m);
}

static unsigned buttons_down(void)
{
    xcb_query_pointer_reply_t *r =
        xcb_query_pointer_reply(s.own.c, xcb_query_pointer(s.own.c, s.own.root), NULL);
    unsigned mask = r->mask & (XCB_BUTTON_MASK_1 | XCB_BUTTON_MASK_2 | XCB_BUTTON_MASK_3);

    free(r);
    return mask;
}

static void assert_buttons(unsigned wanted)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (buttons_down() != wanted)
        assert_true(clock_monotonic_ms(NULL) < end);
}

/* A button that somebody holds in a browser stays down whatever an RFB client does, and the reverse. */
static void test_one_input(void **state)
{
    bool down = true;
    rfbClient *owner;

    (void)state;
    session_start(false);
    owner = join("-", "owner", "owner");
    loop_kit_do(&s.loop, press_browser, &down);
    assert_buttons(XCB_BUTTON_MASK_1);
    SendPointerEvent(owner, 20, 20, 4);
    assert_buttons(XCB_BUTTON_MASK_1 | XCB_BUTTON_MASK_3);
    SendPointerEvent(owner, 20, 20, 0);
    assert_buttons(XCB_BUTTON_MASK_1);
    down = false;
    SendPointerEvent(owner, 20, 20, 4);
    loop_kit_do(&s.loop, press_browser, &down);
    assert_buttons(XCB_BUTTON_MASK_3);
    part(owner);
    assert_buttons(0);
    session_stop();
}

static void assert_both(rfbClient *owner, rfbClient *far)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (!is_same(&s.own, owner) || !is_same(&s.further, far)) {
        assert_true(clock_monotonic_ms(NULL) < end);
        while (owner->buffered > 0 || WaitForMessage(owner, 1000) > 0)
            assert_true(HandleRFBServerMessage(owner));
        while (far->buffered > 0 || WaitForMessage(far, 1000) > 0)
            assert_true(HandleRFBServerMessage(far));
    }
}

/* Updates of both displays at once, in every kind of encoding, while clients come and go. */
static void test_displays_at_once(void **state)
{
    static const uint32_t colours[] = {0, 2, 7, 100};
    rfbClient *owner, *far, *friend;

    (void)state;
    session_start(true);
    owner = join("-", "owner", "owner");
    for (uint32_t i = 0; i < 40; i++) {
        far = join("abcde", "owner", "owner");
        friend = join("abcde", "foo", "friend");
        noise(&s.own, i, colours[i % 4]);
        noise(&s.further, i + 100, colours[i / 4 % 4]);
        part(friend); /* in the middle of everybody's updates */
        host_kit_hear(&s.host, "LEFT abcde friend");
        assert_both(owner, far);
        part(far);
        host_kit_hear(&s.host, "LEFT abcde owner");
    }
    part(owner);
    session_stop();
}

static void test_removed(void **state)
{
    rfbClient *owner, *friend, *far_friend;

    (void)state;
    session_start(true);
    draw(&s.own, 1);
    owner = join("-", "owner", "owner");
    friend = join("-", "foo", "friend");
    far_friend = join("abcde", "foo", "friend");
    SendKeyEvent(friend, 'a', TRUE);
    assert_keys(&s.own, 1);
    host_kit_say(&s.host, "REMOVE friend");
    host_kit_hear(&s.host, "LEFT - friend");
    host_kit_hear(&s.host, "LEFT abcde friend");
    assert_dropped(friend);
    assert_dropped(far_friend);
    assert_keys(&s.own, 0);
    draw(&s.own, 2);
    assert_same(&s.own, owner);

    /* An owner who may only look from now on. */
    SendKeyEvent(owner, 'a', TRUE);
    assert_keys(&s.own, 1);
    host_kit_say(&s.host, "PARTICIPANT owner passive 6f776e6572");
    assert_keys(&s.own, 0);
    SendKeyEvent(owner, 'a', TRUE);
    settle(&s.own, owner);
    assert_int_equal(keys_down(&s.own), 0);
    part(owner);
    session_stop();
}

/* What a client hears after its answer to the challenge: 0 it may look, 1 it may not. */
static uint32_t result_of(const char *display, const char *its_password)
{
    uint8_t bytes[32];
    char padded[9] = "";
    uint32_t result;
    int fd = hand_over(display);

    snprintf(padded, sizeof(padded), "%s", its_password);
    assert_int_equal(recv(fd, bytes, 12, MSG_WAITALL), 12);
    assert_int_equal(send(fd, "RFB 003.008\n", 12, MSG_NOSIGNAL), 12);
    assert_int_equal(recv(fd, bytes, 2, MSG_WAITALL), 2);
    assert_int_equal(send(fd, "\002", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(fd, bytes, 16, MSG_WAITALL), 16);
    rfbEncryptBytes(bytes, padded);
    assert_int_equal(send(fd, bytes, 16, MSG_NOSIGNAL), 16);
    assert_int_equal(recv(fd, &result, 4, MSG_WAITALL), 4);
    close(fd);
    return ntohl(result);
}

/* A guest of one display has no password at another one, be it there before or after the guest. */
static void test_guest_of_one_display(void **state)
{
    rfbClient *near, *far;
    char line[64];

    (void)state;
    session_start(true);
    host_kit_say(&s.host, "PARTICIPANT near passive 6e656172 -");
    host_kit_say(&s.host, "PARTICIPANT far active 666172 abcde");
    near = join("-", "near", "near");
    far = join("abcde", "far", "far");
    assert_int_equal(result_of("abcde", "near"), 1);
    assert_int_equal(result_of("-", "far"), 1);
    assert_int_equal(result_of("abcde", "owner"), 0);
    host_kit_hear(&s.host, "JOINED abcde owner");
    host_kit_hear(&s.host, "LEFT abcde owner");

    host_kit_say(&s.host, "GONE abcde");
    host_kit_hear(&s.host, "LEFT abcde far");
    assert_dropped(far);
    snprintf(line, sizeof(line), "INSTANCE abcde %u", s.further.x.display);
    host_kit_say(&s.host, line);
    draw(&s.further, 5);
    far = join("abcde", "far", "far");
    assert_int_equal(result_of("abcde", "near"), 1);

    /* Invited elsewhere from now on: what it had open is closed. */
    host_kit_say(&s.host, "PARTICIPANT near passive 6e656172 abcde");
    host_kit_hear(&s.host, "LEFT - near");
    assert_dropped(near);
    assert_int_equal(result_of("-", "near"), 1);
    near = join("abcde", "near", "near");
    assert_same(&s.further, near);
    part(near);
    part(far);
    session_stop();
}

/* The host dies and comes back with less than there was. */
static void test_host_returns(void **state)
{
    rfbClient *owner, *friend, *far;

    (void)state;
    session_start(true);
    owner = join("-", "owner", "owner");
    far = join("abcde", "owner", "owner");
    friend = join("-", "foo", "friend");
    host_kit_close(&s.host);
    draw(&s.own, 1);
    assert_same(&s.own, owner);
    SendPointerEvent(friend, 7, 8, 0);
    assert_pointer(&s.own, 7, 8);

    host_kit_listen(&s.host);
    host_kit_accept(&s.host);
    host_lists(false);
    host_kit_hear(&s.host, "LEFT - friend");
    host_kit_hear(&s.host, "JOINED - owner");
    host_kit_hear(&s.host, "JOINED abcde owner");
    assert_dropped(friend);
    draw(&s.further, 2);
    assert_same(&s.further, far);

    host_kit_close(&s.host);
    host_kit_listen(&s.host);
    host_kit_accept(&s.host);
    host_kit_say(&s.host, "HELLO 1");
    host_kit_say(&s.host, "PARTICIPANT owner active 6f776e6572");
    host_kit_say(&s.host, "LISTED");
    host_kit_hear(&s.host, "LEFT abcde owner");
    host_kit_hear(&s.host, "JOINED - owner");
    assert_dropped(far);
    draw(&s.own, 3);
    assert_same(&s.own, owner);
    part(owner);
    session_stop();
}

static void detach(void *arg)
{
    ovd_rfb_front_end.detach(s.front_end, arg);
}

static void test_detach(void **state)
{
    rfbClient *owner, *far;
    int silent;
    char byte[13];

    (void)state;
    session_start(true);
    owner = join("-", "owner", "owner");
    far = join("abcde", "owner", "owner");
    silent = hand_over("-"); /* has proved nothing yet */
    assert_int_equal(recv(silent, byte, 12, MSG_WAITALL), 12);
    loop_kit_do(&s.loop, detach, (void *)(uintptr_t) "suspend");
    host_kit_hear(&s.host, "LEFT - owner");
    host_kit_hear(&s.host, "LEFT abcde owner");
    assert_dropped(owner);
    assert_dropped(far);
    assert_int_equal(read(silent, byte, 1), 0);
    close(silent);
    draw(&s.own, 1);
    owner = join("-", "owner", "owner");
    assert_same(&s.own, owner);
    part(owner);
    session_stop();
}

static void assert_closed(int fd)
{
    char bytes[64];

    while (read(fd, bytes, sizeof(bytes)) > 0)
        ;
    assert_int_equal(read(fd, bytes, 1), 0);
    close(fd);
}

static void test_refused(void **state)
{
    int fds[RFB_CLIENTS_MAX];
    rfbClient *owner;

    (void)state;
    session_start(true);
    assert_closed(hand_over("nobody"));
    host_kit_say(&s.host, "INSTANCE broken 65535"); /* no display is there */
    assert_closed(hand_over("broken"));
    owner = join("-", "owner", "owner");
    for (size_t i = 0; i < RFB_CLIENTS_MAX; i++)
        fds[i] = hand_over("-");
    assert_closed(fds[0]); /* who has proved nothing for the longest time makes room */
    for (size_t i = 1; i < RFB_CLIENTS_MAX; i++)
        close(fds[i]);
    settle(&s.own, owner);
    host_kit_say(&s.host, "GONE -");
    host_kit_say(&s.host, "GONE nobody");
    host_kit_say(&s.host, "JOINED - owner");
    host_kit_say(&s.host, "REMOVE nobody");
    settle(&s.own, owner);
    part(owner);
    session_stop();
}

static void test_display_goes(void **state)
{
    rfbClient *owner, *far;
    char line[64];

    (void)state;
    session_start(true);
    owner = join("-", "owner", "owner");
    far = join("abcde", "owner", "owner");
    host_kit_say(&s.host, "GONE abcde");
    host_kit_hear(&s.host, "LEFT abcde owner");
    assert_dropped(far);
    assert_closed(hand_over("abcde"));

    /* Again under the same name, and this time the display itself dies. */
    snprintf(line, sizeof(line), "INSTANCE abcde %u", s.further.x.display);
    host_kit_say(&s.host, line);
    draw(&s.further, 5);
    far = join("abcde", "owner", "owner");
    assert_same(&s.further, far);
    SendKeyEvent(far, 'a', TRUE);
    assert_keys(&s.further, 1);
    x_fixture_kill(&s.further.x);
    host_kit_hear(&s.host, "LEFT abcde owner");
    assert_dropped(far);
    assert_closed(hand_over("abcde"));
    draw(&s.own, 6);
    assert_same(&s.own, owner);
    assert_int_equal(s.failed, 0);
    part(owner);
    session_stop();
}

/* Without a host's socket there is nothing to do. */
static void test_no_link(void **state)
{
    const struct display_services services = {.session_id = "0", .x11 = "X1", .xauthority = "", .link = ""};
    void *front_end = NULL;

    (void)state;
    assert_int_equal(ovd_rfb_front_end.start(&services, &front_end), 0);
    ovd_rfb_front_end.clipboard(front_end, "x", 1);
    ovd_rfb_front_end.detach(front_end, "suspend");
    assert_int_equal(ovd_rfb_front_end.pending(front_end), 0);
    ovd_rfb_front_end.destroy(front_end);
    ovd_rfb_front_end.destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_at_once),
        cmocka_unit_test(test_one_input),
        cmocka_unit_test(test_clipboard),
        cmocka_unit_test(test_removed),
        cmocka_unit_test(test_guest_of_one_display),
        cmocka_unit_test(test_displays_at_once),
        cmocka_unit_test(test_host_returns),
        cmocka_unit_test(test_detach),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_display_goes),
        cmocka_unit_test(test_no_link),
    };

    session_kit_silence();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
