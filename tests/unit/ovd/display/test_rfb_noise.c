// packages: libvncclient
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client that has been let in and says everything that it may, in no order, at a real display: the others
 * go on seeing and typing. */
#include "ovd/display/session_kit.h"

#define MESSAGES 4000
#define CHANGES_EVERY 64 /* one message in so many changes size, format or encodings: those are counted */
#define TEXTS_EVERY 250  /* and these more strictly */

static uint32_t seed = 20261121;

static uint32_t number(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static size_t key(uint8_t *m)
{
    static const uint32_t bases[] = {0, 0x20, 0xff00, 0xfe00, 0x1000000, 0x1008ff00, 0xfffffff0};

    m[0] = rfbKeyEvent;
    m[1] = (uint8_t)number(2);
    put32(m + 4, bases[number(ARRAY_SIZE(bases))] + number(300));
    return 8;
}

static size_t pointer(uint8_t *m)
{
    m[0] = rfbPointerEvent;
    m[1] = (uint8_t)number(256);
    put16(m + 2, number(number(8) ? 400 : 65536));
    put16(m + 4, number(number(8) ? 300 : 65536));
    return 6;
}

static size_t text(uint8_t *m)
{
    uint32_t len = number(200);

    m[0] = rfbClientCutText;
    put32(m + 4, len);
    for (uint32_t i = 0; i < len; i++)
        m[8 + i] = (uint8_t)number(256);
    return 8 + len;
}

static size_t request(uint8_t *m)
{
    m[0] = rfbFramebufferUpdateRequest;
    m[1] = (uint8_t)number(2);
    for (size_t i = 0; i < 4; i++)
        put16(m + 2 + 2 * i, number(number(4) ? 320 : 65536));
    return 10;
}

static size_t encodings(uint8_t *m)
{
    uint32_t count = number(20);

    m[0] = rfbSetEncodings;
    put16(m + 2, count);
    for (uint32_t i = 0; i < count; i++)
        put32(m + 4 + 4 * i, number(2) ? number(18) : 0u - number(320));
    return 4 + 4 * (size_t)count;
}

static size_t format(uint8_t *m)
{
    static const uint8_t bits[] = {8, 16, 32};
    static const uint8_t formats[3][12] = {{8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6},
                                           {16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0},
                                           {24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0}};
    uint32_t which = number(3);

    m[0] = rfbSetPixelFormat;
    m[4] = bits[which];
    memcpy(m + 5, formats[which], 12);
    m[6] = (uint8_t)number(2); /* big endian */
    return 20;
}

static size_t size(uint8_t *m)
{
    uint32_t w = 1 + number(500), h = 1 + number(400);

    m[0] = 251;
    put16(m + 2, w);
    put16(m + 4, h);
    m[6] = 1;
    put16(m + 8 + 8, w);
    put16(m + 8 + 10, h);
    return 24;
}

static size_t anything(uint8_t *m)
{
    static size_t (*const often[])(uint8_t *) = {key, pointer, request};
    static size_t (*const seldom[])(uint8_t *) = {encodings, format, size};

    memset(m, 0, 256);
    if (number(TEXTS_EVERY) == 0)
        return text(m);
    return number(CHANGES_EVERY) ? often[number(ARRAY_SIZE(often))](m)
                                 : seldom[number(ARRAY_SIZE(seldom))](m);
}

/* Whatever the session has to say is read and thrown away. */
static void drain(int fd)
{
    char bytes[65536];

    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
}

static void test_noise(void **state)
{
    rfbClient *owner, *noisy;

    (void)state;
    session_start(false);
    owner = join("-", "owner", "owner");
    noisy = join("-", "foo", "friend");
    for (int i = 0; i < MESSAGES; i++) {
        uint8_t m[256];
        size_t len = anything(m);

        drain(noisy->sock);
        assert_int_equal(send(noisy->sock, m, len, MSG_NOSIGNAL), len);
        if (i % 64 == 0)
            draw(&s.own, (uint32_t)i);
        while (WaitForMessage(owner, 0) > 0)
            assert_true(HandleRFBServerMessage(owner));
    }
    close(noisy->sock);
    noisy->sock = RFB_INVALID_SOCKET;
    host_kit_hear(&s.host, "LEFT - friend");
    part(noisy);
    assert_keys(&s.own, 0); /* it lets go of everything */
    SendExtDesktopSize(owner, WIDTH, HEIGHT);
    draw(&s.own, 1);
    assert_same(&s.own, owner);
    SendKeyEvent(owner, 'a', TRUE);
    assert_keys(&s.own, 1);
    part(owner);
    session_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_noise)};

    session_kit_silence();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
