/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "webstream/streamer/session_info.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NEEDED "ws=9010&http=9011&key=" KEY "&x11=%2Ftmp%2FX5&xauthority=/a%20b&display=5"

static int parse(const char *text, struct host_message *m)
{
    return host_message_parse(text, strlen(text), m);
}

static void test_info(void **state)
{
    struct host_message m;

    (void)state;
    assert_int_equal(parse("SESSION_INFO:abc|" NEEDED
                           "&bind=10.0.0.1&width=1280&height=800&maxWidth=7680&maxHeight=4320"
                           "&fps=60&compression=2&rfb=%2Frun%2Frfb.sock",
                           &m),
                     0);
    assert_int_equal(m.type, HOST_SESSION_INFO);
    assert_string_equal(m.info.session_id, "abc");
    assert_string_equal(m.info.x11, "/tmp/X5");
    assert_string_equal(m.info.xauthority, "/a b");
    assert_string_equal(m.info.bind, "10.0.0.1");
    assert_int_equal(m.info.ws_port, 9010);
    assert_int_equal(m.info.display, 5);
    assert_int_equal(m.info.max_height, 4320);
    assert_int_equal(m.info.frame_rate, 60);
    assert_int_equal(m.info.compression, 2);
    assert_string_equal(m.info.rfb, "/run/rfb.sock");
    assert_int_equal(m.info.key[31], 0xff);

    /* The least that must be there; and the parameters encoded as one field. */
    assert_int_equal(parse("SESSION_INFO:abc|" NEEDED, &m), 0);
    assert_string_equal(m.info.bind, "127.0.0.1");
    assert_string_equal(m.info.rfb, "");
    assert_int_equal(m.info.frame_rate, 30);
    assert_int_equal(parse("SESSION_INFO:abc|ws%3D1%26http%3D2%26key%3D" KEY
                           "%26x11%3D%252Ftmp%252FX5%26xauthority%3Da%26display%3D0",
                           &m),
                     0);
    assert_string_equal(m.info.x11, "/tmp/X5");
}

static void test_clipboard(void **state)
{
    static const struct {
        const char *rule;
        bool no_in, no_out;
        size_t max;
    } rows[] = {{"", false, false, 0},
                {"&clipboard=both", false, false, 0},
                {"&clipboard=in", false, true, 0},
                {"&clipboard=out%3A4096", true, false, 4096},
                {"&clipboard=none", true, true, 0},
                {"&clipboard=both%3A0", true, true, 0}};
    static const char *const bad[] = {"&clipboard=",     "&clipboard=all",   "&clipboard=in:",
                                      "&clipboard=in:x", "&clipboard=in:-1", "&clipboard=in:1:2"};
    struct host_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *text = xasprintf("%s%s", "SESSION_INFO:abc|" NEEDED, rows[i].rule);

        assert_int_equal(parse(text, &m), 0);
        assert_int_equal(m.info.clipboard.no_in, rows[i].no_in);
        assert_int_equal(m.info.clipboard.no_out, rows[i].no_out);
        assert_int_equal(m.info.clipboard.max, rows[i].max);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cleanup_free char *text = xasprintf("%s%s", "SESSION_INFO:abc|" NEEDED, bad[i]);

        assert_int_equal(parse(text, &m), -EINVAL);
    }
}

static void test_others(void **state)
{
    struct host_message m;

    (void)state;
    assert_int_equal(parse("SESSION_INFO:|error=unknown_user", &m), 0);
    assert_int_equal(m.type, HOST_REFUSED);
    assert_string_equal(m.word, "unknown_user");
    assert_int_equal(parse("SESSION_ENDING:time%20out", &m), 0);
    assert_int_equal(m.type, HOST_ENDING);
    assert_string_equal(m.word, "time out");
    assert_int_equal(parse("DETACH:suspend", &m), 0);
    assert_int_equal(m.type, HOST_DETACH);
    assert_string_equal(m.word, "suspend");
    assert_int_equal(parse("SOMETHING_NEW:1", &m), -ENOMSG);
}

static void test_absurd(void **state)
{
    static const char *const bad[] = {
        "SESSION_INFO:",
        "SESSION_INFO:|",
        "SESSION_INFO:abc",
        "SESSION_INFO:abc|",
        "SESSION_INFO:|nothing=1",
        "SESSION_INFO:abc|" NEEDED "|more",
        "SESSION_INFO:%0a|" NEEDED,
        "SESSION_INFO:abc|ws=9010",
        "SESSION_INFO:abc|" NEEDED "&fps=0",
        "SESSION_INFO:abc|" NEEDED "&fps=61",
        "SESSION_INFO:abc|" NEEDED "&compression=3",
        "SESSION_INFO:abc|" NEEDED "&width=-1",
        "SESSION_INFO:abc|" NEEDED "&maxWidth=100000",
        "SESSION_INFO:abc|" NEEDED "&bind=%",
        "SESSION_INFO:abc|ws=65536&http=1&key=" KEY "&x11=a&xauthority=b&display=5",
        "SESSION_INFO:abc|ws=1&http=1&key=00&x11=a&xauthority=b&display=5",
        "SESSION_INFO:0123456789012345678901234567890123456789012345678901234567890123456789|" NEEDED,
        "SESSION_ENDING:%zz",
        "DETACH:%0",
        "DETACH:0123456789012345678901234567890123456789012345678901234567890123456789",
        "SESSION_INFO:abc|" NEEDED "&rfb=%",
    };
    struct host_message m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (parse(bad[i], &m) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(host_message_parse("SESSION_ENDING:a\0b", 18, &m), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_clipboard),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_absurd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
