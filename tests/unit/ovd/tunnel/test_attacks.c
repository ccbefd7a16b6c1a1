/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clients that mean harm, and races that they could win: with sanitizers, each of these is a proof. */
#include "ovd/tunnel/tunnel_kit.h"

#include <dirent.h>

#include <libssh/libssh.h>

static ssh_session connect_client(unsigned port)
{
    ssh_session session = ssh_new();
    bool no = false;
    long limit = 10;

    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(session, SSH_OPTIONS_PORT, &port);
    ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &limit);
    ssh_options_set(session, SSH_OPTIONS_SSH_DIR, kit.directory);
    if (ssh_connect(session) == SSH_OK)
        return session;
    ssh_free(session);
    return NULL;
}

static ssh_session log_in(unsigned port)
{
    ssh_session session = connect_client(port);

    assert_non_null(session);
    assert_int_equal(ssh_userauth_password(session, "SSH1", KIT_PASSWORD), SSH_AUTH_SUCCESS);
    return session;
}

static void hang_up(ssh_session session)
{
    ssh_disconnect(session);
    ssh_free(session);
}

/* Threads or descriptors of this process. */
static unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static bool await_entries(const char *path, unsigned most)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (count_entries(path) > most && clock_monotonic_ms(NULL) < end)
        poll(NULL, 0, 2);
    return count_entries(path) <= most;
}

/* Asks for a channel, without waiting for the answer. */
static ssh_channel ask_channel(ssh_session session)
{
    unsigned before = kit.channels;
    ssh_channel channel = ssh_channel_new(session);

    ssh_set_blocking(session, 0);
    while (kit.channels == before &&
           ssh_channel_open_forward(channel, "localhost", KIT_PORT, "", 0) == SSH_AGAIN)
        poll(NULL, 0, 2);
    assert_true(kit_wait_for(&kit.channels, before + 1));
    return channel;
}

struct late {
    unsigned threads;
    bool gone;
};

/* Keeps the loop busy until the link's thread has said its last word and is gone, and then refuses. */
static void refuse_late(void *arg)
{
    struct late *late = arg;

    late->gone = await_entries("/proc/self/task", late->threads);
    tunnel_request_refuse(kit.request);
}

static void test_refused_after_its_thread(void **state)
{
    struct late late = {0};

    (void)state;
    kit.mode = KIT_HOLD;
    kit_start();
    late.threads = count_entries("/proc/self/task");
    ssh_session session = log_in(kit.modern);
    ssh_channel channel = ask_channel(session);
    ssh_channel_free(channel);
    hang_up(session);
    loop_kit_do(&kit.loop, refuse_late, &late);
    assert_true(late.gone);
    assert_true(kit_wait_for(&kit.downs, 1));
    assert_true(kit_wait_for(&kit.refused[TUNNEL_NO_ANSWER], 1));
}

static void do_nothing(void *arg)
{
    (void)arg;
}

/* Everybody who has connected by now is known to the server. */
static void await_accepts(void)
{
    for (int i = 0; i < 3; i++)
        loop_kit_do(&kit.loop, do_nothing, NULL);
}

/* Whoever only holds connections open locks nobody out. */
static void test_idle_strangers(void **state)
{
    int idle[20];

    (void)state;
    kit.options.max_links = 8;
    kit_start();
    for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
        idle[i] = connect_to(i % 2 ? kit.modern : kit.legacy);
    await_accepts();
    ssh_session first = log_in(kit.modern);
    for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
        close(idle[i]);
        idle[i] = connect_to(kit.modern);
    }
    await_accepts();
    ssh_session second = log_in(kit.modern);
    assert_true(kit_wait_for(&kit.links, 2)); /* the first is still there: who is in is not driven out */
    assert_true(ssh_is_connected(first));
    for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
        close(idle[i]);
    hang_up(first);
    hang_up(second);
    assert_true(kit_wait_for(&kit.downs, 2));
}

/* When everybody who is there has logged in, there is no room. */
static void test_full(void **state)
{
    ssh_session sessions[4];

    (void)state;
    kit.options.max_links = ARRAY_SIZE(sessions);
    kit_start();
    for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
        sessions[i] = log_in(kit.modern);
    assert_null(connect_client(kit.modern));
    assert_true(kit_wait_for(&kit.refused[TUNNEL_TOO_MANY], 1));
    for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
        hang_up(sessions[i]);
    assert_true(kit_wait_for(&kit.downs, ARRAY_SIZE(sessions)));
}

/* Clients that leave at every step of a channel leave nothing behind. */
static void test_nothing_leaks(void **state)
{
    unsigned descriptors, threads;

    (void)state;
    kit_start();
    hang_up(log_in(kit.modern)); /* what is opened once */
    assert_true(kit_wait_for(&kit.downs, 1));
    descriptors = count_entries("/proc/self/fd");
    threads = count_entries("/proc/self/task");
    for (int i = 0; i < 24; i++) {
        ssh_session session = connect_client(kit.modern);

        assert_non_null(session);
        if (i % 4 > 0)
            assert_int_equal(ssh_userauth_password(session, "SSH1", i % 4 > 1 ? KIT_PASSWORD : "wrong"),
                             i % 4 > 1 ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED);
        if (i % 4 == 3)
            ssh_channel_free(ask_channel(session));
        if (i % 2) /* no farewell */
            shutdown(ssh_get_fd(session), SHUT_RDWR);
        hang_up(session);
    }
    assert_true(kit_wait_for(&kit.downs, kit.ups));
    assert_true(await_entries("/proc/self/task", threads));
    assert_true(await_entries("/proc/self/fd", descriptors));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {TEST(test_refused_after_its_thread), TEST(test_idle_strangers),
                                       TEST(test_full), TEST(test_nothing_leaks)};

    return cmocka_run_group_tests(tests, kit_setup_all, kit_teardown_all);
}
