// packages: libvncclient
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A foreign client, libvncclient, in front of the sink: every encoding and pixel format, sizes, cursors,
 * texts and input. */
#include "ovd/display/sink_kit.h"

#include <rfb/rfbclient.h>

#define WIDTH 320
#define HEIGHT 200

static const char *password;
static char got_text[256];
static int cursor_w, cursor_h;
static unsigned cursor_masked;
static uint32_t cursor_pixel;

static char *give_password(rfbClient *client)
{
    (void)client;
    return strdup(password);
}

static void on_text(rfbClient *client, const char *text, int len)
{
    (void)client;
    snprintf(got_text, sizeof(got_text), "%.*s", len, text);
}

static void on_cursor(rfbClient *client, int xhot, int yhot, int width, int height, int bytes)
{
    (void)xhot;
    (void)yhot;
    (void)bytes;
    cursor_w = width;
    cursor_h = height;
    cursor_masked = 0;
    for (int i = 0; i < width * height; i++)
        cursor_masked += client->rcMask[i] != 0;
    if (client->rcSource && width * height > 0)
        memcpy(&cursor_pixel, client->rcSource, 4);
}

enum format { BITS_32, BITS_16, BGR233 };

static rfbClient *client_new(enum format format, const char *encodings)
{
    rfbClient *client = rfbGetClient(8, 3, 4);

    client->GetPassword = give_password;
    client->GotXCutText = on_text;
    client->GotCursorShape = on_cursor;
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = encodings;
    client->appData.enableJPEG = FALSE;
    client->appData.compressLevel = 9;
    client->appData.useRemoteCursor = TRUE;
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    if (format == BITS_16)
        client->format = (rfbPixelFormat){.bitsPerPixel = 16,
                                          .depth = 16,
                                          .trueColour = 1,
                                          .redMax = 31,
                                          .greenMax = 63,
                                          .blueMax = 31,
                                          .redShift = 11,
                                          .greenShift = 5};
    if (format == BGR233)
        client->format = (rfbPixelFormat){.bitsPerPixel = 8,
                                          .depth = 8,
                                          .trueColour = 1,
                                          .redMax = 7,
                                          .greenMax = 7,
                                          .blueMax = 3,
                                          .greenShift = 3,
                                          .blueShift = 6};
    return client;
}

/* NULL when the sink did not let it in; the client is gone then. */
static rfbClient *client_start(rfbClient *client, const char *participant, const char *its_password)
{
    int result;

    password = its_password;
    client->sock = kit_connect(participant, &result);
    assert_int_equal(result, 0);
    client->listenSpecified = TRUE; /* it is connected */
    return rfbInitClient(client, NULL, NULL) ? client : NULL;
}

static void client_end(rfbClient *client)
{
    free(client->frameBuffer);
    rfbClientCleanup(client);
}

static unsigned scaled(unsigned value, unsigned max)
{
    return (value * max + 127) / 255;
}

static uint32_t client_pixel(const rfbClient *client, size_t index)
{
    size_t bytes = client->format.bitsPerPixel / 8;
    uint32_t pixel = 0;

    memcpy(&pixel, client->frameBuffer + index * bytes, bytes);
    return bytes == 4 ? pixel & 0xffffff : pixel; /* the fourth byte says nothing */
}

/* The largest difference of a colour to the session's picture, in the client's units; 1000 for another size.
 */
static unsigned difference(const rfbClient *client)
{
    const struct frame *frame = source_frame(kit.source);
    unsigned worst = 0;

    if (client->width != frame->width || client->height != frame->height || !is_captured(frame))
        return 1000;
    for (size_t i = 0; i < (size_t)frame->width * (size_t)frame->height; i++) {
        const rfbPixelFormat *f = &client->format;
        uint32_t p = client_pixel(client, i), s;
        int d[3];

        memcpy(&s, frame->pixels + 4 * i, 4);
        d[0] = (int)(p >> f->redShift & f->redMax) - (int)scaled(s >> 16 & 255, f->redMax);
        d[1] = (int)(p >> f->greenShift & f->greenMax) - (int)scaled(s >> 8 & 255, f->greenMax);
        d[2] = (int)(p >> f->blueShift & f->blueMax) - (int)scaled(s & 255, f->blueMax);
        for (int k = 0; k < 3; k++)
            worst = MAX(worst, (unsigned)abs(d[k]));
    }
    return worst;
}

struct comparison {
    const rfbClient *client;
    unsigned worst;
};

static void compare(void *arg)
{
    struct comparison *c = arg;

    c->worst = difference(c->client);
}

/* On the loop's thread: the frame is its. */
static unsigned off_by(const rfbClient *client)
{
    struct comparison c = {client, 0};

    loop_kit_do(&kit.loop, compare, &c);
    return c.worst;
}

static bool turn(rfbClient *client)
{
    /* What the library has read ahead shows on no descriptor. */
    int ready = client->buffered > 0 ? 1 : WaitForMessage(client, 100000);

    return ready == 0 || (ready > 0 && HandleRFBServerMessage(client));
}

/* Reads until the picture is right within tolerance. */
static void assert_same(rfbClient *client, unsigned tolerance)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (off_by(client) > tolerance) {
        assert_true(clock_monotonic_ms(NULL) < end);
        assert_true(turn(client));
    }
}

static void draw_desktop(void)
{
    paint(0, 0, WIDTH, HEIGHT, 0x204080);
    paint(10, 10, 200, 100, 0xffffff);
    for (int i = 0; i < 40; i++)
        paint(20 + 4 * i, 20, 2, 60, 0x101010u * (uint32_t)(i % 16));
    noise(220, 20, 80, 90, 7);
    paint(0, HEIGHT - 1, WIDTH, 1, 0xff0000);
    for (int i = 0; i < 64; i++)
        paint(20 + 3 * i, 120, 3, 60, 0x040302u * (uint32_t)i);
}

static void check_lossless(enum format format, const char *encodings)
{
    rfbClient *client;

    kit_start(WIDTH, HEIGHT);
    draw_desktop();
    client = client_start(client_new(format, encodings), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    assert_same(client, 0);
    paint(100, 50, 33, 17, 0x00ff00);
    noise(3, 150, 201, 40, 99);
    assert_same(client, 0);
    client_end(client);
    assert_empty();
    kit_stop();
}

static void test_encodings(void **state)
{
    static const char *const encodings[] = {"raw",  "rre",   "corre", "hextile",
                                            "zlib", "tight", "zrle",  "copyrect raw"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(encodings); i++)
        for (int format = BITS_32; format <= BGR233; format++) {
            print_message("%s %d\n", encodings[i], format);
            check_lossless((enum format)format, encodings[i]);
        }
}

static void test_jpeg(void **state)
{
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    for (int y = 0; y < HEIGHT; y += 2)
        for (int x = 0; x < WIDTH; x += 8)
            paint(x, y, 8, 2, (uint32_t)(x * 200 / WIDTH) << 16 | (uint32_t)(y * 200 / HEIGHT) << 8 | 0x40);
    client = client_new(BITS_32, "tight");
    client->appData.enableJPEG = TRUE;
    client->appData.qualityLevel = 8;
    client = client_start(client, "owner", OWNER_PASSWORD);
    assert_non_null(client);
    assert_same(client, 24);
    assert_true(off_by(client) > 0); /* it was JPEG */
    client_end(client);
    kit_stop();
}

static void test_wrong_password(void **state)
{
    (void)state;
    kit_start(WIDTH, HEIGHT);
    assert_null(client_start(client_new(BITS_32, "raw"), "owner", GUEST_PASSWORD));
    assert_left("wrong password");
    assert_int_equal(kit.joined, 0);
    kit_stop();
}

static void test_any_password(void **state)
{
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    client = client_start(client_new(BITS_32, "raw"), NULL, GUEST_PASSWORD);
    assert_non_null(client);
    client_end(client);
    assert_null(client_start(client_new(BITS_32, "raw"), NULL, "neither"));
    assert_left("wrong password");
    kit_stop();
}

struct size {
    int width, height;
};

static void resize_session(void *arg)
{
    const struct size *size = arg;

    source_resize(kit.source, size->width, size->height);
}

static void check_resize(const char *encodings)
{
    struct size larger = {500, 301}, smaller = {64, 48};
    rfbClient *client;

    kit_start(WIDTH, HEIGHT);
    draw_desktop();
    client = client_start(client_new(BITS_32, encodings), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    assert_same(client, 0);
    loop_kit_do(&kit.loop, resize_session, &larger);
    while (client->width != 500)
        assert_true(turn(client));
    noise(0, 0, 500, 301, 5);
    assert_same(client, 0);
    loop_kit_do(&kit.loop, resize_session, &smaller);
    while (client->width != 64)
        assert_true(turn(client));
    noise(0, 0, 64, 48, 6);
    assert_same(client, 0);
    client_end(client);
    kit_stop();
}

static void test_resize(void **state)
{
    (void)state;
    check_resize("tight");
    check_resize("zrle");
}

static bool size_is(void *arg)
{
    const struct size *size = arg;

    return source_frame(kit.source)->width == size->width && source_frame(kit.source)->height == size->height;
}

static void test_client_resizes(void **state)
{
    struct size size = {411, 233};
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    draw_desktop();
    client = client_start(client_new(BITS_32, "hextile"), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    assert_same(client, 0);
    assert_true(SendExtDesktopSize(client, 411, 233));
    while (client->width != 411)
        assert_true(turn(client));
    assert_true(loop_kit_is(&kit.loop, size_is, &size));
    noise(0, 0, 411, 233, 5);
    assert_same(client, 0);
    client_end(client);
    kit_stop();
}

static void show_cursor(void *arg)
{
    static uint32_t argb[12 * 9];
    struct frame_cursor cursor = {
        .width = 12, .height = 9, .hot_x = 3, .hot_y = 4, .serial = 1, .argb = argb};

    (void)arg;
    for (size_t i = 0; i < ARRAY_SIZE(argb); i++)
        argb[i] = i < 30 ? 0xff123456 : 0x10ffffff;
    source_test_cursor(kit.source, &cursor);
}

static void test_cursor(void **state)
{
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    loop_kit_do(&kit.loop, show_cursor, NULL);
    client = client_start(client_new(BITS_32, "tight"), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    cursor_w = 0;
    while (cursor_w == 0)
        assert_true(turn(client));
    assert_int_equal(cursor_w, 12);
    assert_int_equal(cursor_h, 9);
    assert_int_equal(cursor_masked, 30);
    assert_int_equal(cursor_pixel, 0x123456);
    client_end(client);
    kit_stop();
}

/* A client that draws no cursor itself sees it in the picture, and the others do not. */
static void test_soft_cursor(void **state)
{
    rfbClient *with, *without;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    draw_desktop();
    loop_kit_do(&kit.loop, show_cursor, NULL);
    with = client_new(BITS_32, "zrle");
    with->appData.useRemoteCursor = FALSE;
    with = client_start(with, "owner", OWNER_PASSWORD);
    assert_non_null(with);
    without = client_start(client_new(BITS_32, "zrle"), "owner", OWNER_PASSWORD);
    assert_non_null(without);
    assert_true(SendPointerEvent(with, 103, 104, 0));
    while (client_pixel(with, 100 * WIDTH + 100) != 0x123456)
        assert_true(turn(with));
    assert_same(without, 0);
    paint(90, 90, 40, 40, 0x777777);
    assert_same(without, 0);
    while (client_pixel(with, 95 * WIDTH + 95) != 0x777777)
        assert_true(turn(with));
    assert_int_equal(client_pixel(with, 100 * WIDTH + 100), 0x123456);
    client_end(with);
    client_end(without);
    kit_stop();
}

static void set_clipboard(void *arg)
{
    assert_int_equal(rfb_sink_clipboard(kit.sink, arg, strlen(arg)), 0);
}

static void test_clipboard(void **state)
{
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    client = client_start(client_new(BITS_32, "tight"), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    assert_same(client, 0);
    loop_kit_do(&kit.loop, set_clipboard, (void *)(uintptr_t) "Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac\n2");
    got_text[0] = '\0';
    while (got_text[0] == '\0')
        assert_true(turn(client));
    assert_string_equal(got_text, "Gr\xfc\xdf\x65 ?\n2");
    assert_true(SendClientCutText(client, (char *)(uintptr_t) "caf\xe9\r\nau lait", 13));
    assert_told("caf\xc3\xa9\nau lait");
    assert_string_equal(kit.from, "owner");
    paint(0, 0, 50, 50, 0xabcdef); /* still in step */
    assert_same(client, 0);
    client_end(client);
    kit_stop();
}

static void test_input(void **state)
{
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    client = client_start(client_new(BITS_32, "tight"), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    SendPointerEvent(client, 10, 20, 0);
    SendPointerEvent(client, 10, 20, 4); /* right */
    SendPointerEvent(client, 10, 20, 0);
    SendPointerEvent(client, 10, 20, 1 << 4); /* wheel down */
    SendPointerEvent(client, 10, 20, 0);
    SendKeyEvent(client, 'A', TRUE);
    SendKeyEvent(client, 'a', FALSE); /* Shift went first */
    SendKeyEvent(client, XK_Control_L, TRUE);
    SendKeyEvent(client, 'C', TRUE); /* Caps Lock is on */
    SendKeyEvent(client, 0x20ac + 0x1000000, TRUE);
    assert_input("p10,20,0 p10,20,2 p10,20,0 p10,20,0 w0,1 p10,20,0 k0041,0,1 k0041,0,0 kffe3,0,1 k0063,0,1 "
                 "k10020ac,0,1 ");
    client_end(client); /* lets go of everything */
    assert_input("p10,20,0 p10,20,2 p10,20,0 p10,20,0 w0,1 p10,20,0 k0041,0,1 k0041,0,0 kffe3,0,1 k0063,0,1 "
                 "k10020ac,0,1 "
                 "k10020ac,0,0 k0063,0,0 kffe3,0,0 ");
    kit_stop();
}

static void test_view_only(void **state)
{
    struct size size = {WIDTH, HEIGHT};
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    draw_desktop();
    client = client_start(client_new(BITS_32, "tight"), "guest", GUEST_PASSWORD);
    assert_non_null(client);
    assert_same(client, 0);
    SendPointerEvent(client, 10, 20, 1);
    SendKeyEvent(client, 'x', TRUE);
    SendClientCutText(client, (char *)(uintptr_t) "secret", 6);
    SendExtDesktopSize(client, 411, 233); /* refused */
    got_text[0] = '\0';
    loop_kit_do(&kit.loop, set_clipboard, (void *)(uintptr_t) "for the owner");
    paint(5, 5, 20, 20, 0xff00ff);
    assert_same(client, 0);
    assert_string_equal(got_text, "");
    assert_input("");
    assert_told("");
    assert_true(loop_kit_is(&kit.loop, size_is, &size));
    client_end(client);
    kit_stop();
}

static void demote(void *arg)
{
    (void)arg;
    rfb_sink_participant_set(kit.sink, "owner", OWNER_PASSWORD, true);
}

static void drop_owner(void *arg)
{
    (void)arg;
    rfb_sink_participant_remove(kit.sink, "owner");
}

static void test_participant_changes(void **state)
{
    rfbClient *client;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    client = client_start(client_new(BITS_32, "tight"), "owner", OWNER_PASSWORD);
    assert_non_null(client);
    SendKeyEvent(client, 'x', TRUE);
    assert_input("k0078,0,1 ");
    loop_kit_do(&kit.loop, demote, NULL);
    assert_input("k0078,0,1 k0078,0,0 ");
    SendKeyEvent(client, 'y', TRUE);
    loop_kit_do(&kit.loop, drop_owner, NULL);
    assert_left("its participant has been removed");
    while (turn(client))
        ;
    assert_input("k0078,0,1 k0078,0,0 ");
    client_end(client);
    kit_stop();
}

static void captures(void *arg)
{
    *(unsigned *)arg = source_test_captures(kit.source);
}

/* Two clients with different encodings see the same; nothing is captured while nothing happens. */
static void test_several(void **state)
{
    static const char *const encodings[] = {"tight", "zrle", "hextile"};
    rfbClient *client[3];
    unsigned before, after;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    draw_desktop();
    for (size_t i = 0; i < 3; i++) {
        client[i] =
            client_start(client_new(i == 1 ? BGR233 : BITS_32, encodings[i]), "owner", OWNER_PASSWORD);
        assert_non_null(client[i]);
    }
    for (size_t i = 0; i < 3; i++)
        assert_same(client[i], 0);
    loop_kit_do(&kit.loop, captures, &before);
    for (int i = 0; i < 3; i++)
        assert_int_equal(WaitForMessage(client[i], 100000), 0);
    loop_kit_do(&kit.loop, captures, &after);
    assert_int_equal(before, after);
    noise(0, 0, WIDTH, HEIGHT, 3);
    for (size_t i = 0; i < 3; i++)
        assert_same(client[i], 0);
    for (size_t i = 0; i < 3; i++)
        client_end(client[i]);
    assert_empty();
    kit_stop();
}

/* libvncclient keeps cursors and JPEG decoders. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libvncclient\nleak:tjInitDecompress\n";
}

static void no_log(const char *format, ...)
{
    (void)format;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings),      cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_wrong_password), cmocka_unit_test(test_any_password),
        cmocka_unit_test(test_resize),         cmocka_unit_test(test_client_resizes),
        cmocka_unit_test(test_cursor),         cmocka_unit_test(test_soft_cursor),
        cmocka_unit_test(test_clipboard),      cmocka_unit_test(test_input),
        cmocka_unit_test(test_view_only),      cmocka_unit_test(test_participant_changes),
        cmocka_unit_test(test_several),
    };

    rfbClientLog = rfbClientErr = no_log;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
