/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clients byte by byte: old versions, the extended clipboard, and those that mean no good. */
#include "ovd/display/sink_kit.h"

#include <dirent.h>
#include <rfb/rfb.h>
#include <zlib.h>

#include "ovd/display/rfb_message.h"

#define WIDTH 200
#define HEIGHT 100

static void read_exactly(int fd, void *data, size_t len)
{
    uint8_t *at = data;

    while (len > 0) {
        ssize_t n = recv(fd, at, len, 0);

        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static bool is_closed(int fd)
{
    char c[4096];
    ssize_t n;

    while ((n = recv(fd, c, sizeof(c), 0)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

static void hello(int fd, const char *version)
{
    char greeting[RFB_VERSION_LEN];

    read_exactly(fd, greeting, sizeof(greeting));
    assert_memory_equal(greeting, "RFB 003.008\n", sizeof(greeting));
    send_all(fd, version, RFB_VERSION_LEN);
}

static void prove(int fd, const char *password)
{
    uint8_t challenge[16];
    char copy[9] = "";

    memcpy(copy, password, strlen(password));
    read_exactly(fd, challenge, sizeof(challenge));
    rfbEncryptBytes(challenge, copy);
    send_all(fd, challenge, sizeof(challenge));
}

/* Everything up to ServerInit. */
static int join(const char *participant, const char *password, unsigned minor)
{
    uint8_t data[64], only_vnc[4] = {0, 0, 0, 2}, ok[4] = {0};
    char version[RFB_VERSION_LEN + 1];
    int result, fd = kit_connect(participant, &result);

    assert_int_equal(result, 0);
    snprintf(version, sizeof(version), "RFB 003.%03u\n", minor);
    hello(fd, version);
    if (minor == 3 || minor == 5) { /* 3.5 never was */
        read_exactly(fd, data, 4);
        assert_memory_equal(data, only_vnc, 4);
    } else {
        read_exactly(fd, data, 2);
        assert_memory_equal(data, "\1\2", 2); /* one type, VncAuth */
        send_all(fd, "\2", 1);
    }
    prove(fd, password);
    read_exactly(fd, data, 4);
    assert_memory_equal(data, ok, 4);
    send_all(fd, "\1", 1);
    read_exactly(fd, data, 24 + 7);
    assert_int_equal(rfb_u16(data), source_frame(kit.source)->width);
    assert_int_equal(data[4], 32);
    assert_int_equal(data[5], 24);
    assert_memory_equal(data + 24, "Isthmus", 7);
    return fd;
}

static void request(int fd, unsigned w, unsigned h)
{
    uint8_t m[10] = {RFB_UPDATE_REQUEST, 0,         0, 0, 0, 0, (uint8_t)(w >> 8), (uint8_t)w,
                     (uint8_t)(h >> 8),  (uint8_t)h};

    send_all(fd, m, sizeof(m));
}

static void test_versions(void **state)
{
    static const unsigned minors[] = {3, 7, 8, 5, 889};

    (void)state;
    kit_start(WIDTH, HEIGHT);
    for (size_t i = 0; i < ARRAY_SIZE(minors); i++) {
        uint8_t head[16];
        int fd = join("owner", OWNER_PASSWORD, minors[i]);

        request(fd, WIDTH, HEIGHT);
        read_exactly(fd, head, sizeof(head)); /* raw, as nothing else was asked for */
        assert_int_equal(head[0], 0);
        assert_int_equal(rfb_u32(head + 12), 0);
        close(fd);
    }
    assert_empty();
    kit_stop();
}

static void test_wrong_password(void **state)
{
    static const char reason[] = "Authentication failed";
    uint8_t data[64];
    uint64_t start = clock_monotonic_ms(NULL);
    int result, fd;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    fd = kit_connect("owner", &result);
    hello(fd, "RFB 003.008\n");
    read_exactly(fd, data, 2);
    send_all(fd, "\2", 1);
    prove(fd, "12345678");
    send_all(fd, "\1\4\1\0\0\0\0\0\x61", 9); /* ahead of the answer */
    read_exactly(fd, data, 4 + 4 + sizeof(reason) - 1);
    assert_true(clock_monotonic_ms(NULL) - start >= RFB_FAILURE_MS - 50);
    assert_int_equal(data[3], 1);
    assert_memory_equal(data + 8, reason, sizeof(reason) - 1);
    assert_true(is_closed(fd));
    close(fd);
    assert_left("wrong password");
    assert_input("");
    fd = kit_connect("nobody", &result);
    assert_int_equal(result, -ENOENT);
    assert_true(is_closed(fd));
    close(fd);
    kit_stop();
}

/* Sends bytes to a client that has joined, or to one that has not, and expects it to be dropped. */
static void expect_drop(bool joined, const void *data, size_t len, const char *why)
{
    int result, fd;

    kit_start(WIDTH, HEIGHT);
    fd = joined ? join("owner", OWNER_PASSWORD, 8) : kit_connect("owner", &result);
    send_all(fd, data, len);
    assert_true(is_closed(fd));
    close(fd);
    assert_left(why);
    fd = join("owner", OWNER_PASSWORD, 8); /* the sink lives */
    close(fd);
    kit_stop();
}

static void test_nonsense(void **state)
{
    static const char no_message[] = "a message that does not exist here, or is too large";
    static uint8_t flood[400 * 4];

    (void)state;
    expect_drop(false, "GET / HTTP/1.1\r\n\r\n", 18, "no RFB client");
    expect_drop(false, "RFB 003.008\n\1", 13, "asked for a security type that was not offered");
    expect_drop(true, "\6\0\0\0\x7f\xff\xff\xff", 8, no_message);  /* a text of 2 GiB */
    expect_drop(true, "\6\0\0\0\0\x10\0\1", 8, no_message);        /* 1 MiB and one byte */
    expect_drop(true, "\2\0\xff\xff", 4, no_message);              /* 65535 encodings */
    expect_drop(true, "\7\0\0\0\0\0\0\0\0\0\0\0", 12, no_message); /* file transfer */
    expect_drop(true, "\xff", 1, no_message);
    expect_drop(true, "\xfb\0\1\0\1\0\0\0", 8, no_message); /* no screens */
    expect_drop(true, "\6\0\0\0\xff\xff\xff\xfc\x10\0\0\1", 12, "a clipboard message that has no meaning");
    expect_drop(true, "\0\0\0\0\x20\x18\0\0\0\xff\0\xff\0\xff\x10\x08\0\0\0\0", 20,
                "a pixel format that is none"); /* a colour map */
    expect_drop(true, "\0\0\0\0\x08\x08\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0", 20,
                "a pixel format that is none");
    for (size_t i = 0; i < sizeof(flood); i += 4)
        flood[i] = RFB_SET_ENCODINGS;
    expect_drop(true, flood, sizeof(flood), "too many messages");
}

/* Absurd but legal: answered or ignored, and the connection lives. */
static void test_absurd(void **state)
{
    uint8_t rects[] = {3, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 1, 0, 199, 0, 99, 0, 0, 0, 0};
    uint8_t head[16];
    int fd;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    fd = join("owner", OWNER_PASSWORD, 8);
    send_all(fd, rects, sizeof(rects));
    send_all(fd, "\5\xff\xff\xff\xff\xff\4\1\0\0\xff\xff\xff\xff\4\1\0\0\0\0\0\0", 22);
    request(fd, 0xffff, 0xffff);
    read_exactly(fd, head, sizeof(head));
    assert_int_equal(rfb_u16(head + 8), WIDTH);
    assert_int_equal(rfb_u16(head + 10), HEIGHT);
    close(fd);
    assert_empty();
    kit_stop();
}

static void test_leaves_at_each_step(void **state)
{
    static const char bytes[] = "RFB 003.008\n\2";

    (void)state;
    kit_start(WIDTH, HEIGHT);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        int result, fd = kit_connect("owner", &result);

        send_all(fd, bytes, len);
        close(fd);
        assert_empty();
    }
    for (int i = 0; i < 20; i++) { /* in the middle of an update */
        int fd = join("owner", OWNER_PASSWORD, 8);

        request(fd, WIDTH, HEIGHT);
        if (i % 2)
            send_all(fd, "\6\0\0\0\0\0\0\xff half a text", 18);
        close(fd);
        assert_empty();
    }
    kit_stop();
}

static void add_participants(void *arg)
{
    (void)arg;
    assert_int_equal(rfb_sink_participant_set(kit.sink, "second", "second", false), 0);
    assert_int_equal(rfb_sink_participant_set(kit.sink, "third", "third", false), 0);
}

static void test_too_many(void **state)
{
    static const char *const who[][2] = {{"owner", OWNER_PASSWORD}, {"second", "second"}, {"third", "third"}};
    int fds[RFB_CLIENTS_MAX], result, extra;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    loop_kit_do(&kit.loop, add_participants, NULL);
    for (size_t i = 0; i < RFB_CLIENTS_MAX; i++)
        fds[i] = join(who[i % 3][0], who[i % 3][1], 8);
    extra = kit_connect("owner", &result);
    assert_int_equal(result, -EUSERS);
    assert_true(is_closed(extra));
    close(extra);
    for (size_t i = 0; i < RFB_CLIENTS_MAX; i++) {
        uint8_t head[16];

        request(fds[i], WIDTH, HEIGHT);
        read_exactly(fds[i], head, sizeof(head));
        close(fds[i]);
    }
    assert_empty();
    kit_stop();
}

/* A guest who takes all the places, with a password or without, does not keep the owner out. */
static void test_places(void **state)
{
    int strangers[RFB_CLIENTS_MAX], guests[RFB_CLIENTS_PER_PARTICIPANT + 2], owner, result;
    uint8_t head[16];

    (void)state;
    kit_start(WIDTH, HEIGHT);
    for (size_t i = 0; i < ARRAY_SIZE(guests); i++)
        guests[i] = join(NULL, GUEST_PASSWORD, 8);
    assert_left("its participant has come too often");
    for (size_t i = 0; i < ARRAY_SIZE(guests); i++) {
        if (i < 2) {
            assert_true(is_closed(guests[i]));
        } else {
            request(guests[i], WIDTH, HEIGHT);
            read_exactly(guests[i], head, sizeof(head));
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
        strangers[i] = kit_connect(NULL, &result);
        assert_int_equal(result, 0);
    }
    owner = join("owner", OWNER_PASSWORD, 8);
    assert_left("others came before it had proved a password");
    request(owner, WIDTH, HEIGHT);
    read_exactly(owner, head, sizeof(head));
    request(guests[2], WIDTH, HEIGHT); /* who is in stays in */
    close(owner);
    for (size_t i = 0; i < ARRAY_SIZE(guests); i++)
        close(guests[i]);
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        close(strangers[i]);
    assert_empty();
    kit_stop();
}

/* One client asks and never reads; another one sees every change meanwhile. */
static void test_slow_reader(void **state)
{
    static uint8_t pixels[4 * 1000 * 800];
    uint8_t head[16];
    int slow, fast;

    (void)state;
    kit_start(1000, 800);
    slow = join("owner", OWNER_PASSWORD, 8);
    fast = join("owner", OWNER_PASSWORD, 8);
    for (int i = 0; i < 100; i++)
        request(slow, 1000, 800);
    request(fast, 1000, 800);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t colour = 0x10203u * (i + 1), last = 0;

        read_exactly(fast, head, sizeof(head));
        read_exactly(fast, pixels, 4 * (size_t)rfb_u16(head + 8) * rfb_u16(head + 10));
        paint(0, 0, 1000, 800, colour);
        while (last != colour) {
            uint8_t incremental[10] = {RFB_UPDATE_REQUEST, 1, 0, 0, 0, 0, 3, 0xe8, 3, 0x20};

            send_all(fast, incremental, sizeof(incremental));
            read_exactly(fast, head, sizeof(head));
            read_exactly(fast, pixels, 4 * (size_t)rfb_u16(head + 8) * rfb_u16(head + 10));
            memcpy(&last, pixels, 4);
        }
        request(fast, 1000, 800);
    }
    /* It has cost no more than it had asked for once, and is still welcome. */
    read_exactly(slow, head, sizeof(head));
    close(slow);
    close(fast);
    assert_empty();
    kit_stop();
}

/* An extended clipboard message: flags, and data when it is not NULL, packed. */
static bool try_extended(int fd, uint32_t flags, const void *data, size_t len)
{
    uint8_t m[12 + 4096] = {RFB_CUT_TEXT};
    uLongf packed = sizeof(m) - 12;
    uint32_t length;

    if (data)
        assert_int_equal(compress(m + 12, &packed, data, len), Z_OK);
    else
        packed = 0;
    length = -(uint32_t)(4 + packed);
    for (int i = 0; i < 4; i++) {
        m[4 + i] = (uint8_t)(length >> (24 - 8 * i));
        m[8 + i] = (uint8_t)(flags >> (24 - 8 * i));
    }
    return send(fd, m, 12 + packed, MSG_NOSIGNAL) == (ssize_t)(12 + packed);
}

static void send_extended(int fd, uint32_t flags, const void *data, size_t len)
{
    assert_true(try_extended(fd, flags, data, len));
}

static const uint8_t extended_encodings[] = {2, 0, 0, 2, 0, 0, 0, 0, 0xc0, 0xa1, 0xe5, 0xce};

static bool kit_is_as_wide(void *width)
{
    return source_frame(kit.source)->width == *(int *)width;
}

static bool kit_text_is_long(void *arg)
{
    (void)arg;
    return kit.text_len == RFB_CUT_TEXT_MAX - 2;
}

static void set_clipboard(void *arg)
{
    assert_int_equal(rfb_sink_clipboard(kit.sink, arg, strlen(arg)), 0);
}

static void test_extended_clipboard(void **state)
{
    uint8_t data[4096], text[64];
    uLongf len = sizeof(text);
    uint32_t size;
    int fd;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    fd = join("owner", OWNER_PASSWORD, 8);
    send_all(fd, extended_encodings, sizeof(extended_encodings));
    read_exactly(fd, data, 8 + 8); /* the server's capabilities */
    assert_int_equal(data[0], 3);
    send_extended(fd, 1u << 28 | 1, "\0\0\0\x0bGr\xc3\xbc\xc3\x9f\x65\r\n2\0", 15);
    assert_told("Gr\xc3\xbc\xc3\x9f\x65\n2");
    loop_kit_do(&kit.loop, set_clipboard, (void *)(uintptr_t) "\xe2\x82\xac\n1");
    read_exactly(fd, data, 8);
    size = -rfb_u32(data + 4);
    assert_true(size > 4 && size < sizeof(data));
    read_exactly(fd, data, size);
    assert_int_equal(data[0], 0x10); /* provide */
    assert_int_equal(uncompress(text, &len, data + 4, size - 4), Z_OK);
    assert_memory_equal(text, "\0\0\0\7\xe2\x82\xac\r\n1\0", 11);
    close(fd);
    kit_stop();
}

/* What does not unpack to what it says is no text: nothing of ours comes with it. */
static void test_lying_text(void **state)
{
    static const char *const lies[] = {"\0\x10\0\0short", "\xff\xff\xff\xff....", "\0\0\0\3\xff\xfe\0"};
    static const size_t lens[] = {9, 8, 7};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        int fd;

        kit_start(WIDTH, HEIGHT);
        fd = join("owner", OWNER_PASSWORD, 8);
        send_all(fd, extended_encodings, sizeof(extended_encodings));
        send_extended(fd, 1u << 28 | 1, lies[i], lens[i]);
        assert_true(is_closed(fd));
        close(fd);
        assert_left("a clipboard text that does not unpack");
        assert_told("");
        kit_stop();
    }
}

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

static bool has_as_few(void *most)
{
    const unsigned *counts = most;

    return count_entries("/proc/self/fd") <= counts[0] && count_entries("/proc/self/task") <= counts[1];
}

/* Clients come and go, alone and together, in the middle of a picture or of a message: no descriptor and no
 * thread stays. */
static void test_nothing_stays(void **state)
{
    unsigned counts[2];

    (void)state;
    kit_start(WIDTH, HEIGHT);
    counts[0] = count_entries("/proc/self/fd");
    counts[1] = count_entries("/proc/self/task");
    for (int round = 0; round < 12; round++) {
        int fds[3], result;

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
            fds[i] = i < 2 ? join("owner", OWNER_PASSWORD, 8) : kit_connect(NULL, &result);
        noise(0, 0, WIDTH, HEIGHT, (uint32_t)round);
        request(fds[0], WIDTH, HEIGHT);
        send_all(fds[1], "\6\0\0\0\0\0\1\0abc", 11); /* a text that goes on */
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
            close(fds[i]);
        if (round % 3 == 0)
            assert_empty();
    }
    assert_empty();
    assert_true(loop_kit_wait(&kit.loop, has_as_few, counts));
    kit_stop();
}

/* A guest types and points, but the screen keeps its owner's size. */
static void test_guest_keeps_the_size(void **state)
{
    static const uint8_t wish[8 + 16] = {RFB_SET_DESKTOP_SIZE, 0, 0, 150, 0, 90, 1};
    int fd;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    loop_kit_do(&kit.loop, add_participants, NULL);
    fd = join("second", "second", 8);
    send_all(fd, wish, sizeof(wish));
    send_all(fd, "\5\0\0\7\0\x9", 6);
    assert_input("p7,9,0 ");
    assert_true(loop_kit_is(&kit.loop, kit_is_as_wide, &(int){WIDTH}));
    close(fd);
    fd = join("owner", OWNER_PASSWORD, 8);
    send_all(fd, wish, sizeof(wish));
    assert_true(loop_kit_wait(&kit.loop, kit_is_as_wide, &(int){150}));
    close(fd);
    kit_stop();
}

/* A few hundred bytes that unpack to a MiB, again and again: nobody has to wait for that long. */
static void test_text_bombs(void **state)
{
    static uint8_t bomb[4 + RFB_CUT_TEXT_MAX];
    uint8_t wish[8 + 16] = {RFB_SET_DESKTOP_SIZE, 0, 0, 0, 0, 0, 1};
    int fd, other;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    other = join("owner", OWNER_PASSWORD, 8);
    fd = join("owner", OWNER_PASSWORD, 8);
    send_all(fd, extended_encodings, sizeof(extended_encodings));
    memset(bomb, 'x', sizeof(bomb));
    memcpy(bomb, "\0\x0f\xff\xff", 4);
    bomb[sizeof(bomb) - 1] = bomb[sizeof(bomb) - 2] = '\0';
    send_extended(fd, 1u << 28 | 1, bomb, sizeof(bomb)); /* one is welcome */
    assert_true(loop_kit_wait(&kit.loop, kit_text_is_long, NULL));
    for (int i = 0; i < 100; i++)
        if (!try_extended(fd, 1u << 28 | 1, "\0\0\0\2x", 6))
            break;
    assert_true(is_closed(fd));
    assert_left("too many messages");
    close(fd);

    /* Sizes that change all the time are not granted all the time. */
    for (unsigned i = 0; i < 100; i++) {
        wish[3] = (uint8_t)(100 + i);
        wish[5] = 100;
        send_all(other, wish, sizeof(wish));
    }
    send_all(other, "\5\0\0\7\0\x9", 6);
    assert_input("p7,9,0 ");
    assert_false(loop_kit_is(&kit.loop, kit_is_as_wide, &(int){199}));
    assert_true(loop_kit_wait(&kit.loop, kit_is_as_wide, &(int){119}));
    close(other);
    assert_empty();
    kit_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_absurd),
        cmocka_unit_test(test_leaves_at_each_step),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_extended_clipboard),
        cmocka_unit_test(test_lying_text),
        cmocka_unit_test(test_nothing_stays),
        cmocka_unit_test(test_guest_keeps_the_size),
        cmocka_unit_test(test_text_bombs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
