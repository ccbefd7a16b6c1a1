/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session of two real displays, with the test as its host and libvncclient as everybody's viewer. */
#ifndef TESTS_SESSION_KIT_H
#define TESTS_SESSION_KIT_H

#include "common/net/loop_kit.h"

#include <X11/Xauth.h>
#include <rfb/rfbclient.h>
#include <xcb/xcb.h>

#include "base/log.h"
#include "common/display/x_fixture.h"
#include "display/source_x11.h"
#include "ovd/display/host_kit.h"
#include "ovd/display/rfb_front_end.h"
#include "ovd/display/rfb_sink.h"

#define WIDTH 320
#define HEIGHT 240

/* A display, and a program on it. */
struct place {
    struct x_fixture x;
    xcb_connection_t *c;
    xcb_window_t root, window;
    xcb_gcontext_t gc;
};

struct session {
    struct loop_kit loop;
    struct host_kit host;
    struct place own, further;
    char auth[128]; /* the cookies of both */
    /* the loop's thread */
    struct source *source;
    struct screen *screen;
    struct input_group input;
    struct input browser; /* somebody else's input of the same display */
    void *front_end;
    unsigned failed;
};

static struct session s;

/* Displays */

static inline void place_start(struct place *p)
{
    static const uint32_t values[] = {0x204060, 1};
    xcb_auth_info_t auth;
    const xcb_screen_t *screen;
    Xauth *entry;
    char name[16];
    FILE *f;

    assert_int_equal(x_fixture_start(&p->x, "320x240"), 0);
    f = fopen(p->x.auth, "re");
    entry = XauReadAuth(f);
    fclose(f);
    auth = (xcb_auth_info_t){entry->name_length, entry->name, entry->data_length, entry->data};
    snprintf(name, sizeof(name), ":%u", p->x.display);
    p->c = xcb_connect_to_display_with_auth_info(name, &auth, NULL);
    XauDisposeAuth(entry);
    assert_int_equal(xcb_connection_has_error(p->c), 0);
    screen = xcb_setup_roots_iterator(xcb_get_setup(p->c)).data;
    p->root = screen->root;
    p->window = xcb_generate_id(p->c);
    xcb_create_window(p->c, XCB_COPY_FROM_PARENT, p->window, p->root, 0, 0, 4000, 3000, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, values);
    xcb_map_window(p->c, p->window);
    p->gc = xcb_generate_id(p->c);
    xcb_create_gc(p->c, p->gc, p->window, 0, NULL);
}

static inline void place_stop(struct place *p)
{
    if (p->c)
        xcb_disconnect(p->c);
    if (p->x.dir[0])
        x_fixture_stop(&p->x);
}

static inline void paint(struct place *p, int x, int y, int w, int h, uint32_t pixel)
{
    xcb_rectangle_t r = {(int16_t)x, (int16_t)y, (uint16_t)w, (uint16_t)h};

    xcb_change_gc(p->c, p->gc, XCB_GC_FOREGROUND, &pixel);
    xcb_poly_fill_rectangle(p->c, p->window, p->gc, 1, &r);
    free(xcb_get_input_focus_reply(p->c, xcb_get_input_focus(p->c), NULL));
}

static inline void draw(struct place *p, uint32_t seed)
{
    for (int i = 0; i < 24; i++)
        paint(p, i * 13 % 300, i * 29 % 220, 40, 30, (seed + (uint32_t)i) * 2654435761u & 0xffffff);
}

static inline uint32_t random_number(uint32_t *seed)
{
    return (*seed = *seed * 1664525u + 1013904223u) >> 8;
}

/* colours 0: nothing compresses it, and an update is larger than any socket's buffer; else as many of them at
 * most. */
static inline void noise(struct place *p, uint32_t seed, uint32_t colours)
{
    static uint32_t strip[WIDTH * HEIGHT / 4], palette[256];

    for (size_t i = 0; i < ARRAY_SIZE(palette); i++)
        palette[i] = random_number(&seed);
    for (int i = 0; i < 4; i++) {
        for (size_t k = 0; k < ARRAY_SIZE(strip); k++)
            strip[k] = colours ? palette[random_number(&seed) % colours] : random_number(&seed);
        xcb_put_image(p->c, XCB_IMAGE_FORMAT_Z_PIXMAP, p->window, p->gc, WIDTH, HEIGHT / 4, 0,
                      (int16_t)(i * HEIGHT / 4), 0, 24, sizeof(strip), (const uint8_t *)strip);
    }
    free(xcb_get_input_focus_reply(p->c, xcb_get_input_focus(p->c), NULL));
}

static inline int keys_down(struct place *p)
{
    xcb_query_keymap_reply_t *r = xcb_query_keymap_reply(p->c, xcb_query_keymap(p->c), NULL);
    int down = 0;

    for (size_t i = 0; i < sizeof(r->keys); i++)
        down += __builtin_popcount(r->keys[i]);
    free(r);
    return down;
}

static inline void assert_keys(struct place *p, int wanted)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (keys_down(p) != wanted)
        assert_true(clock_monotonic_ms(NULL) < end);
}

static inline bool pointer_is_at(struct place *p, int x, int y)
{
    xcb_query_pointer_reply_t *r = xcb_query_pointer_reply(p->c, xcb_query_pointer(p->c, p->root), NULL);
    bool is = r->root_x == x && r->root_y == y;

    free(r);
    return is;
}

static inline void assert_pointer(struct place *p, int x, int y)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (!pointer_is_at(p, x, y))
        assert_true(clock_monotonic_ms(NULL) < end);
}

/* The session */

/* One file with the cookies of both displays, by number. */
static inline void join_cookies(void)
{
    const struct place *const places[] = {&s.own, &s.further};
    FILE *to;

    snprintf(s.auth, sizeof(s.auth), "%s/both", s.own.x.dir);
    to = fopen(s.auth, "we");
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        FILE *from = fopen(places[i]->x.auth, "re");
        Xauth *entry = XauReadAuth(from), copy = *entry;
        char number[12];

        copy.number_length = (unsigned short)snprintf(number, sizeof(number), "%u", places[i]->x.display);
        copy.number = number;
        assert_true(XauWriteAuth(to, &copy));
        XauDisposeAuth(entry);
        fclose(from);
    }
    fclose(to);
}

static inline void on_failed(void *arg, int error)
{
    (void)arg;
    (void)error;
    s.failed++;
}

static inline void on_clipboard(void *arg, const char *text, size_t len)
{
    (void)arg;
    ovd_rfb_front_end.clipboard(s.front_end, text, len);
}

static inline void open_session(void *arg)
{
    static const struct screen_events events = {.failed = on_failed, .clipboard = on_clipboard};
    const struct source_x11_options x11 = {s.own.x.socket, s.auth, s.own.x.display};
    struct screen_options screen = {.loop = s.loop.loop, .frame_rate = 60, .events = &events};
    struct display_services services = {
        .loop = s.loop.loop,
        .session_id = "0123456789abcdef0123456789abcdef",
        .input = &s.input,
        .max_width = 1000,
        .max_height = 800,
        .frame_rate = 60,
        .x11 = s.own.x.socket,
        .xauthority = s.auth,
        .link = s.host.path,
    };
    char *cause = NULL;

    (void)arg;
    if (source_x11_create(s.loop.loop, &x11, &s.source, &cause) < 0)
        fail_msg("%s", cause);
    screen.source = s.source;
    assert_int_equal(screen_create(&screen, &s.screen), 0);
    input_group_init(&s.input, s.source);
    input_open(&s.browser, &s.input);
    services.screen = s.screen;
    assert_int_equal(ovd_rfb_front_end.start(&services, &s.front_end), 0);
}

static inline void close_session(void *arg)
{
    (void)arg;
    assert_int_equal(ovd_rfb_front_end.pending(s.front_end), 0);
    ovd_rfb_front_end.destroy(s.front_end);
    input_close(&s.browser);
    screen_destroy(s.screen);
    source_destroy(s.source);
}

static inline void host_lists(bool with_friend)
{
    char line[64];

    host_kit_say(&s.host, "HELLO 1");
    host_kit_say(&s.host, "PARTICIPANT owner active 6f776e6572");
    host_kit_say(&s.host, "PARTICIPANT guest1 passive 6c6f6f6b");
    if (with_friend)
        host_kit_say(&s.host, "PARTICIPANT friend active 666f6f");
    if (s.further.x.pid > 0) {
        snprintf(line, sizeof(line), "INSTANCE abcde %u", s.further.x.display);
        host_kit_say(&s.host, line);
    }
    host_kit_say(&s.host, "LISTED");
}

static inline void session_start(bool further)
{
    memset(&s, 0, sizeof(s));
    place_start(&s.own);
    if (further)
        place_start(&s.further);
    else
        snprintf(s.further.x.auth, sizeof(s.further.x.auth), "%s", s.own.x.auth);
    join_cookies();
    host_kit_start(&s.host);
    loop_kit_start(&s.loop);
    loop_kit_do(&s.loop, open_session, NULL);
    host_kit_accept(&s.host);
    host_lists(true);
}

static inline void session_stop(void)
{
    loop_kit_do(&s.loop, close_session, NULL);
    loop_kit_stop(&s.loop);
    host_kit_stop(&s.host);
    unlink(s.auth);
    place_stop(&s.own);
    place_stop(&s.further);
}

/* Clients */

static const char *password;
static char text_tag; /* of what a client heard: char[64] */

static inline char *give_password(rfbClient *client)
{
    (void)client;
    return strdup(password);
}

static inline void on_text(rfbClient *client, const char *text, int len)
{
    snprintf(rfbClientGetClientData(client, &text_tag), 64, "%.*s", len, text);
}

/* The client's end of what the host hands over. */
static inline int hand_over(const char *display)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    set_timeouts(pair[0]);
    host_kit_client(&s.host, display, pair[1]);
    return pair[0];
}

static inline rfbClient *join(const char *display, const char *its_password, const char *participant)
{
    rfbClient *client = rfbGetClient(8, 3, 4);
    char heard[80];

    password = its_password;
    rfbClientSetClientData(client, &text_tag, xcalloc(1, 64));
    client->GetPassword = give_password;
    client->GotXCutText = on_text;
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = "tight";
    client->appData.enableJPEG = FALSE;
    client->appData.useRemoteCursor = TRUE;
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    client->sock = hand_over(display);
    client->listenSpecified = TRUE; /* it is connected */
    assert_true(rfbInitClient(client, NULL, NULL));
    snprintf(heard, sizeof(heard), "JOINED %s %s", display, participant);
    host_kit_hear(&s.host, heard);
    return client;
}

static inline void part(rfbClient *client)
{
    free(rfbClientGetClientData(client, &text_tag));
    free(client->frameBuffer);
    rfbClientCleanup(client);
}

static inline bool turn(rfbClient *client)
{
    int ready = client->buffered > 0 ? 1 : WaitForMessage(client, 100000);

    return ready == 0 || (ready > 0 && HandleRFBServerMessage(client));
}

static inline bool is_same(struct place *p, const rfbClient *client)
{
    xcb_get_image_reply_t *image =
        xcb_get_image_reply(p->c,
                            xcb_get_image(p->c, XCB_IMAGE_FORMAT_Z_PIXMAP, p->root, 0, 0,
                                          (uint16_t)client->width, (uint16_t)client->height, ~0u),
                            NULL);
    const uint8_t *theirs;
    bool same = image != NULL;

    if (!image)
        return false; /* another size */
    theirs = xcb_get_image_data(image);
    for (size_t i = 0; same && i < (size_t)client->width * (size_t)client->height; i++) {
        uint32_t a, b;

        memcpy(&a, client->frameBuffer + 4 * i, 4);
        memcpy(&b, theirs + 4 * i, 4);
        same = ((a ^ b) & 0xffffff) == 0;
    }
    free(image);
    return same;
}

/* Reads until the client shows what the display has, every pixel of it. */
static inline void assert_same(struct place *p, rfbClient *client)
{
    uint64_t end = clock_monotonic_ms(NULL) + 10000;

    while (!is_same(p, client)) {
        assert_true(clock_monotonic_ms(NULL) < end);
        assert_true(turn(client));
    }
}

/* Everything it has sent has been understood. */
static inline void settle(struct place *p, rfbClient *client)
{
    static uint32_t colour = 0x102030;

    paint(p, 0, 0, 9, 9, colour += 0x010203);
    assert_same(p, client);
}

static inline void assert_dropped(rfbClient *client)
{
    while (turn(client))
        ;
    part(client);
}

/* libvncclient keeps decoders. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libvncclient\nleak:tjInitDecompress\n";
}

static inline void no_log(const char *format, ...)
{
    (void)format;
}

static inline void session_kit_silence(void)
{
    if (!getenv("ISTHMUS_TEST_LOG"))
        log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
    rfbClientLog = rfbClientErr = no_log;
}

#endif
