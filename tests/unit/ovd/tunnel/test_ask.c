/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ovd/tunnel/ask_priv.h"

static bool decide(enum ask_kind kind, const char *host, int port, enum tunnel_reason reason, bool report)
{
    struct ask ask = {kind, NULL, host, port};
    enum tunnel_reason got;
    bool reported;
    bool answer = ask__decide(&ask, &got, &reported);
    assert_int_equal(got, reason);
    assert_int_equal(reported, report);
    return answer;
}

static void test_decide(void **state)
{
    (void)state;
    assert_true(decide(ASK_DIRECT_TCPIP, "localhost", 5900, TUNNEL_FORBIDDEN_PORT, true));
    assert_true(decide(ASK_DIRECT_TCPIP, "127.0.0.1", 65535, TUNNEL_FORBIDDEN_PORT, true));
    assert_false(decide(ASK_DIRECT_TCPIP, "localhost", 0, TUNNEL_FORBIDDEN_PORT, true));
    assert_false(decide(ASK_DIRECT_TCPIP, "localhost", -1, TUNNEL_FORBIDDEN_PORT, true));
    assert_false(decide(ASK_DIRECT_TCPIP, "localhost", 65536, TUNNEL_FORBIDDEN_PORT, true));
    assert_false(decide(ASK_DIRECT_TCPIP, "Localhost", 5900, TUNNEL_FORBIDDEN_PORT, true));
    assert_false(decide(ASK_DIRECT_TCPIP, NULL, 5900, TUNNEL_FORBIDDEN_PORT, true));
    assert_false(decide(ASK_OTHER_CHANNEL, "localhost", 5900, TUNNEL_FORBIDDEN, true));
    assert_false(decide(ASK_CHANNEL_REQUEST, "localhost", 5900, TUNNEL_FORBIDDEN, true));
    assert_false(decide(ASK_GLOBAL, "localhost", 5900, TUNNEL_FORBIDDEN, true));
    assert_false(decide(ASK_AUTH, "localhost", 5900, TUNNEL_FORBIDDEN, false));
    assert_false(decide(ASK_NOTHING, "localhost", 5900, TUNNEL_FORBIDDEN, false));
}

static void test_describe(void **state)
{
    (void)state;
    char text[ASK_TEXT_LEN], host[300];
    struct ask ask = {ASK_DIRECT_TCPIP, NULL, "a\nb\xff", 22};
    ask__describe(&ask, text);
    assert_string_equal(text, "channel to a?b?:22");
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    ask.host = host;
    ask__describe(&ask, text);
    assert_string_equal(text, "channel to hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh:22");
    ask = (struct ask){ASK_CHANNEL_REQUEST, "shell", NULL, 0};
    ask__describe(&ask, text);
    assert_string_equal(text, "request shell");
    ask = (struct ask){ASK_OTHER_CHANNEL, NULL, NULL, 0};
    ask__describe(&ask, text);
    assert_string_equal(text, "channel unknown");
    ask__printable(host, text);
    assert_int_equal(strlen(text), ASK_TEXT_LEN - 1);
}

static void test_handshake(void **state)
{
    (void)state;
    char text[ASK_TEXT_LEN];
    ask__handshake("kex error : no match for method kex algos: server [a,b,c], client [d\n]", text);
    assert_string_equal(text, "kex error : no match for method kex algos: client [d?]");
    ask__handshake("client [ server [", text);
    assert_string_equal(text, "client [ server [");
    ask__handshake("", text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decide), cmocka_unit_test(test_describe),
                                       cmocka_unit_test(test_handshake)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
