/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rfb.sock: the test plays the streamer's end. */
#include "pool_world.h"

static struct account account_of(const struct pool_slot_info *slot)
{
    struct account account;
    assert_int_equal(account_adopt(slot->account, -1, &account), 0);
    return account;
}

static int connect_streamer(const struct world *w)
{
    struct pool_slot_info slot;
    assert_int_equal(pool_find(w->pool, SESSION_ID, &slot), 0);
    struct account account = account_of(&slot);
    int fd = connect_rfb_as(w, account.streamer_uid, account.gid);
    assert_true(fd >= 0);
    return fd;
}

static struct display_line expect(struct world *w, int fd, enum display_line_verb verb)
{
    struct display_line line;
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), 0);
    assert_int_equal(line.verb, verb);
    return line;
}

static void tell(int fd, enum display_line_verb verb, const char *participant)
{
    struct display_line line = {.verb = verb};
    assert_int_equal(str_copy(line.participant, sizeof line.participant, participant), 0);
    assert_int_equal(display_line_send(fd, &line, -1), 0);
}

static int set(struct world *w, const char *participant, const char *password, bool view_only)
{
    return pool_participant_set(w->pool, SESSION_ID, participant, password, view_only, NULL);
}

static void test_participants(void **state)
{
    struct world *w = *state;
    assert_int_equal(set(w, "owner", "12345678", false), -ENOENT);
    start(w);
    assert_int_equal(set(w, "ow ner", "12345678", false), -EINVAL);
    assert_int_equal(set(w, "owner", "", false), -EINVAL);
    assert_int_equal(set(w, "owner", "123456789", false), -EINVAL);
    /* Before the streamer is there, and after. */
    assert_int_equal(set(w, "owner", "12345678", false), 0);
    int fd = connect_streamer(w);
    assert_int_equal(expect(w, fd, DISPLAY_LINE_HELLO).version, DISPLAY_LINE_VERSION);
    struct display_line line = expect(w, fd, DISPLAY_LINE_PARTICIPANT);
    assert_string_equal(line.participant, "owner");
    assert_string_equal(line.password, "12345678");
    assert_false(line.view_only);
    expect(w, fd, DISPLAY_LINE_LISTED);
    assert_int_equal(set(w, "guest", "secret", true), 0);
    line = expect(w, fd, DISPLAY_LINE_PARTICIPANT);
    assert_string_equal(line.participant, "guest");
    assert_true(line.view_only);
    assert_int_equal(pool_participant_remove(w->pool, SESSION_ID, "owner"), 0);
    assert_string_equal(expect(w, fd, DISPLAY_LINE_REMOVE).participant, "owner");
    assert_int_equal(pool_participant_remove(w->pool, SESSION_ID, "owner"), -ENOENT);
    assert_int_equal(set(w, "guest", "other", false), 0);
    expect(w, fd, DISPLAY_LINE_PARTICIPANT);
    /* A newer connection replaces the older and hears everything. */
    int second = connect_streamer(w);
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), -EPIPE);
    close(fd);
    expect(w, second, DISPLAY_LINE_HELLO);
    line = expect(w, second, DISPLAY_LINE_PARTICIPANT);
    assert_string_equal(line.participant, "guest");
    assert_string_equal(line.password, "other");
    assert_false(line.view_only);
    expect(w, second, DISPLAY_LINE_LISTED);
    close(second);
}

/* Who belongs to one display is told so, to every streamer. */
static void test_of_one_display(void **state)
{
    struct world *w = *state;
    start(w);
    assert_int_equal(pool_participant_set(w->pool, SESSION_ID, "g", "x", true, "a/b"), -EINVAL);
    assert_int_equal(pool_participant_set(w->pool, SESSION_ID, "g", "x", true, "01234567890123456"), -EINVAL);
    assert_int_equal(pool_participant_set(w->pool, SESSION_ID, "g", "x", true, "a1B2c"), 0);
    int fd = connect_streamer(w);
    expect(w, fd, DISPLAY_LINE_HELLO);
    struct display_line line = expect(w, fd, DISPLAY_LINE_PARTICIPANT);
    assert_true(line.one_display);
    assert_string_equal(line.instance, "a1B2c");
    expect(w, fd, DISPLAY_LINE_LISTED);
    assert_int_equal(pool_participant_set(w->pool, SESSION_ID, "g", "x", true, ""), 0);
    line = expect(w, fd, DISPLAY_LINE_PARTICIPANT);
    assert_true(line.one_display);
    assert_string_equal(line.instance, "");
    assert_int_equal(set(w, "g", "x", true), 0);
    assert_false(expect(w, fd, DISPLAY_LINE_PARTICIPANT).one_display);
    close(fd);
}

static void test_participants_are_limited(void **state)
{
    struct world *w = *state;
    start(w);
    char name[16];
    for (int i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "p%d", i);
        assert_int_equal(set(w, name, "x", false), 0);
    }
    assert_int_equal(set(w, "p64", "x", false), -ENOSPC);
    assert_int_equal(set(w, "p63", "y", false), 0);
    /* All of them fit into what the kernel keeps for a streamer that does not read. */
    int fd = connect_streamer(w);
    expect(w, fd, DISPLAY_LINE_HELLO);
    for (int i = 0; i < 64; i++)
        expect(w, fd, DISPLAY_LINE_PARTICIPANT);
    expect(w, fd, DISPLAY_LINE_LISTED);
    close(fd);
}

/* A streamer that does not read is cut off, and nothing waits for it. */
static void test_a_streamer_that_does_not_read(void **state)
{
    struct world *w = *state;
    start(w);
    int fd = connect_streamer(w);
    expect(w, fd, DISPLAY_LINE_HELLO);
    expect(w, fd, DISPLAY_LINE_LISTED);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(set(w, "owner", i % 2 ? "odd" : "even", false), 0);
    struct display_line line;
    int r;
    while ((r = next_rfb_line(w, fd, &line, NULL)) == 0)
        assert_int_equal(line.verb, DISPLAY_LINE_PARTICIPANT);
    assert_int_equal(r, -EPIPE);
    close(fd);
    fd = connect_streamer(w);
    expect(w, fd, DISPLAY_LINE_HELLO);
    assert_string_equal(expect(w, fd, DISPLAY_LINE_PARTICIPANT).password, "odd");
    close(fd);
}

static void test_strangers(void **state)
{
    struct world *w = *state;
    if (geteuid() != 0)
        return;
    struct pool_slot_info slot = start(w);
    struct account account = account_of(&slot);
    assert_int_equal(connect_rfb_as(w, 65534, 65534), -EACCES);
    assert_int_equal(connect_rfb_as(w, account.uid, account.gid), -EACCES);
    /* Who gets past the file's mode is looked at once more. */
    int fd = connect_rfb_as(w, 0, 0);
    struct display_line line;
    assert_true(fd >= 0);
    assert_int_equal(next_rfb_line(w, fd, &line, NULL), -EPIPE);
    close(fd);
}

static void test_clients(void **state)
{
    struct world *w = *state;
    int pair[2], client = -1;
    char text[6] = "";
    struct display_line line;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pool_rfb_client(w->pool, SESSION_ID, "", dup(pair[0])), -ENOENT);
    start(w);
    assert_int_equal(pool_rfb_client(w->pool, SESSION_ID, "", dup(pair[0])), -EAGAIN);
    int fd = connect_streamer(w);
    expect(w, fd, DISPLAY_LINE_HELLO);
    expect(w, fd, DISPLAY_LINE_LISTED);
    assert_int_equal(pool_rfb_client(w->pool, SESSION_ID, "nobody", dup(pair[0])), -ENOENT);
    assert_int_equal(pool_rfb_client(w->pool, SESSION_ID, "", pair[0]), 0);
    assert_int_equal(next_rfb_line(w, fd, &line, &client), 0);
    assert_int_equal(line.verb, DISPLAY_LINE_CLIENT);
    assert_string_equal(line.instance, "");
    assert_int_equal(write(client, "hello", 5), 5);
    close(client);
    /* Nobody here has kept a copy. */
    assert_int_equal(read(pair[1], text, 5), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(read(pair[1], text, 5), 0);
    close(pair[1]);
    close(fd);
}

static void test_joined_and_left(void **state)
{
    struct world *w = *state;
    start(w);
    int fd = connect_streamer(w);
    tell(fd, DISPLAY_LINE_LEFT, "owner"); /* of somebody who was not there: nothing */
    tell(fd, DISPLAY_LINE_JOINED, "owner");
    tell(fd, DISPLAY_LINE_JOINED, "owner");
    tell(fd, DISPLAY_LINE_JOINED, "guest");
    await(w, &w->joined, 3);
    assert_string_equal(w->participant, "guest");
    assert_string_equal(w->instance, "");
    assert_int_equal(w->left, 0);
    tell(fd, DISPLAY_LINE_LEFT, "guest");
    await(w, &w->left, 1);
    assert_string_equal(w->participant, "guest");
    assert_int_equal(send(fd, "NONSENSE", 8, 0), 8);
    /* The others go with the streamer. */
    close(fd);
    await(w, &w->left, 3);
    assert_string_equal(w->participant, "owner");
}

static void set_again(struct world *w)
{
    assert_int_equal(set(w, "owner", "after", false), 0);
}

/* After a restart the streamer may forget somebody only when the new host has said whom it knows. */
static void test_listed_after_ready(void **state)
{
    struct world *w = *state;
    start(w);
    assert_int_equal(set(w, "owner", "before", false), 0);
    w->pool = pool_destroy(w->pool);
    w->ready = 0;
    open_pool(w, 2);
    w->at_ready = set_again;
    int fd = connect_streamer(w);
    expect(w, fd, DISPLAY_LINE_HELLO);
    assert_string_equal(expect(w, fd, DISPLAY_LINE_PARTICIPANT).password, "after");
    expect(w, fd, DISPLAY_LINE_LISTED);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "streamer"))
        return stand_in_main(argc, argv);
    int code = session_dispatch(argc, argv);
    if (code >= 0)
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_participants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_one_display, setup, teardown),
        cmocka_unit_test_setup_teardown(test_participants_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_streamer_that_does_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_joined_and_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listed_after_ready, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
