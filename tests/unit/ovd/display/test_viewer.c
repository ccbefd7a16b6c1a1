/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TigerVNC's viewer in an X server of its own, in front of the sink: what its window shows is the session's
 * picture, and its pointer and its wish for a size reach the session. */
#include "ovd/display/sink_kit.h"

#include <sys/stat.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>

#include "common/display/x_fixture.h"

#define WIDTH 320
#define HEIGHT 240

struct viewer_process {
    struct x_fixture x;
    char password[128];
    xcb_connection_t *c;
    xcb_window_t root;
    pid_t pid;
};

static void write_password(struct viewer_process *v)
{
    uint8_t plain[SECRET_VNC_LEN] = {0}, hidden[SECRET_VNC_LEN];
    FILE *f;

    snprintf(v->password, sizeof(v->password), "%s/passwd", v->x.dir);
    memcpy(plain, OWNER_PASSWORD, strlen(OWNER_PASSWORD));
    secret_vnc_obfuscate(plain, hidden);
    f = fopen(v->password, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(hidden, sizeof(hidden), 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

static void start_program(struct viewer_process *v, unsigned port, char **extra)
{
    char host[32], display[32], auth[128], home[80], file[160];
    char *argv[16] = {"vncviewer", "-MenuKey=", "-SecurityTypes=VncAuth", "-AutoSelect=0", "-NoJPEG=1", file};
    char *envp[] = {display, auth, home, "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
    struct spawn_options o = {.argv = argv, .envp = envp, .death_signal = SIGKILL};
    size_t argc = 6;

    snprintf(host, sizeof(host), "127.0.0.1::%u", port);
    snprintf(display, sizeof(display), "DISPLAY=:%u", v->x.display);
    snprintf(auth, sizeof(auth), "XAUTHORITY=%s", v->x.auth);
    snprintf(home, sizeof(home), "HOME=%s", v->x.dir);
    snprintf(file, sizeof(file), "-PasswordFile=%s", v->password);
    while (*extra)
        argv[argc++] = *extra++;
    argv[argc] = host;
    assert_int_equal(spawn(&o, &v->pid), 0);
}

/* The viewer knows TCP only: what it connects to is accepted here, and its descriptor given to the sink. */
static void viewer_start(struct viewer_process *v, char **extra)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    struct kit_add add = {.participant = "owner"};

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    assert_int_equal(x_fixture_start(&v->x, "1024x768"), 0);
    write_password(v);
    {
        char name[32];

        setenv("XAUTHORITY", v->x.auth, 1);
        snprintf(name, sizeof(name), ":%u", v->x.display);
        v->c = xcb_connect(name, NULL);
        assert_int_equal(xcb_connection_has_error(v->c), 0);
        v->root = xcb_setup_roots_iterator(xcb_get_setup(v->c)).data->root;
    }
    start_program(v, ntohs(address.sin_port), extra);
    assert_int_equal(poll(&ready, 1, 15000), 1);
    add.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(add.fd >= 0);
    loop_kit_do(&kit.loop, kit_add, &add);
    assert_int_equal(add.result, 0);
    close(listener);
}

/* What a viewer leaves in its home directory. */
static void remove_home(const char *dir)
{
    static const char *const names[] = {"passwd", ".vnc/default.tigervnc", ".vnc/tigervnc.history",
                                        ".vnc/x509_known_hosts"};
    char path[160];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/.vnc", dir);
    rmdir(path);
}

static void viewer_stop(struct viewer_process *v)
{
    kill(v->pid, SIGKILL);
    waitpid(v->pid, NULL, 0);
    assert_empty();
    xcb_disconnect(v->c);
    remove_home(v->x.dir);
    x_fixture_stop(&v->x);
}

struct shown {
    const uint32_t *pixels;
    int x, y; /* where the session's picture is in it */
    bool found;
};

static bool is_at(const struct frame *frame, const uint32_t *pixels, int x, int y)
{
    for (int row = 0; row < frame->height; row++) {
        for (int column = 0; column < frame->width; column++) {
            uint32_t want;

            memcpy(&want, frame->pixels + (size_t)row * frame->stride + 4 * (size_t)column, 4);
            if (((want ^ pixels[(y + row) * 1024 + x + column]) & 0xffffff) != 0)
                return false;
        }
    }
    return true;
}

/* On the loop's thread. */
static void search(void *arg)
{
    struct shown *s = arg;
    const struct frame *frame = source_frame(kit.source);

    s->found = false;
    if (!is_captured(frame))
        return;
    for (s->y = 0; s->y + frame->height <= 768; s->y++)
        for (s->x = 0; s->x + frame->width <= 1024; s->x++)
            if (is_at(frame, s->pixels, s->x, s->y)) {
                s->found = true;
                return;
            }
}

/* Waits until the window shows the frame, every pixel of it. */
static void assert_shown(struct viewer_process *v, int *ret_x, int *ret_y)
{
    uint64_t end = clock_monotonic_ms(NULL) + 20000;
    struct shown s = {0};

    while (!s.found) {
        xcb_get_image_reply_t *image = xcb_get_image_reply(
            v->c, xcb_get_image(v->c, XCB_IMAGE_FORMAT_Z_PIXMAP, v->root, 0, 0, 1024, 768, ~0u), NULL);

        assert_non_null(image);
        s.pixels = (const uint32_t *)(const void *)xcb_get_image_data(image);
        loop_kit_do(&kit.loop, search, &s);
        free(image);
        assert_true(clock_monotonic_ms(NULL) < end);
        if (!s.found)
            poll(NULL, 0, 20);
    }
    *ret_x = s.x;
    *ret_y = s.y;
}

static void draw(int width, int height, uint32_t seed)
{
    paint(0, 0, width, height, 0x336699);
    for (int i = 0; i < 20; i++)
        paint(10 + 10 * i, height / 2 + 20, 5, 40, 0x0c0a08u * (uint32_t)(i + 1));
    noise(5, 5, width - 10, height / 2, seed);
}

static bool has_input(void *text)
{
    return strstr(source_test_input(kit.source), text) != NULL;
}

static void check_viewer(const char *encoding)
{
    struct viewer_process v = {0};
    char option[64], wanted[64];
    char *extra[] = {option, NULL};
    int x, y;

    snprintf(option, sizeof(option), "-PreferredEncoding=%s", encoding);
    kit_start(WIDTH, HEIGHT);
    draw(WIDTH, HEIGHT, 1);
    viewer_start(&v, extra);
    assert_shown(&v, &x, &y);
    draw(WIDTH, HEIGHT, 2);
    assert_shown(&v, &x, &y);
    xcb_test_fake_input(v.c, XCB_MOTION_NOTIFY, 0, 0, v.root, (int16_t)(x + 33), (int16_t)(y + 44), 0);
    xcb_test_fake_input(v.c, XCB_BUTTON_PRESS, 3, 0, v.root, 0, 0, 0);
    xcb_test_fake_input(v.c, XCB_BUTTON_RELEASE, 3, 0, v.root, 0, 0, 0);
    xcb_flush(v.c);
    snprintf(wanted, sizeof(wanted), "p33,44,2 p33,44,0 ");
    assert_true(loop_kit_wait(&kit.loop, has_input, wanted));
    viewer_stop(&v);
    kit_stop();
}

static void test_picture(void **state)
{
    (void)state;
    check_viewer("Tight");
    check_viewer("ZRLE");
    check_viewer("Hextile");
}

static bool is_resized(void *arg)
{
    (void)arg;
    return source_frame(kit.source)->width == 501 && source_frame(kit.source)->height == 307;
}

static void test_size(void **state)
{
    struct viewer_process v = {0};
    char *extra[] = {"-DesktopSize=501x307", NULL};
    int x, y;

    (void)state;
    kit_start(WIDTH, HEIGHT);
    draw(WIDTH, HEIGHT, 1);
    viewer_start(&v, extra);
    assert_true(loop_kit_wait(&kit.loop, is_resized, NULL));
    draw(501, 307, 3);
    assert_shown(&v, &x, &y);
    viewer_stop(&v);
    kit_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
