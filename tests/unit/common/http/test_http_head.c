/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/http_head.h"

/* The example of RFC 6455 section 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static int parse(const char *text, struct http_head *head)
{
    return http_head_parse_answer(text, strlen(text), head);
}

static void test_good(void **state)
{
    (void)state;
    struct http_head head = {0};
    const char *text =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Sec-WebSocket-Accept:  " ACCEPT " \r\nX-Empty:\r\n\r\nfirst frame";
    assert_int_equal(parse(text, &head), 0);
    assert_int_equal(head.status, 101);
    assert_string_equal(text + head.length, "first frame");
    assert_int_equal(head.count, 4);
    assert_string_equal(http_head_get(&head, "x-empty"), "");
    assert_null(http_head_get(&head, "x-other"));
    assert_int_equal(http_head_check_websocket(&head, KEY), 0);
    assert_int_equal(http_head_check_websocket(&head, "AAAAAAAAAAAAAAAAAAAAAA=="), -EPROTO);
    http_head_finish(&head);
    assert_int_equal(parse("HTTP/1.1 200\r\n\r\n", &head), 0);
    assert_int_equal(http_head_check_websocket(&head, KEY), -EPROTO);
    http_head_finish(&head);
}

static void test_every_prefix_waits(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    struct http_head head = {0};
    for (size_t i = 0; i < strlen(text); i++)
        assert_int_equal(http_head_parse_answer(text, i, &head), -EAGAIN);
    assert_int_equal(parse(text, &head), 0);
    http_head_finish(&head);
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rB: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n",
    };
    struct http_head head = {0};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (parse(bad[i], &head) != -EINVAL)
            fail_msg("case %zu", i);
    static const char nul[] = "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n";
    assert_int_equal(http_head_parse_answer(nul, sizeof nul - 1, &head), -EINVAL);
}

static void test_limits(void **state)
{
    (void)state;
    static char text[HTTP_HEAD_MAX + 100];
    struct http_head head = {0};
    memset(text, 'a', sizeof text);
    memcpy(text, "HTTP/1.1 200 OK\r\nA: ", 20);
    assert_int_equal(http_head_parse_answer(text, HTTP_HEAD_MAX - 1, &head), -EAGAIN);
    assert_int_equal(http_head_parse_answer(text, HTTP_HEAD_MAX, &head), -EMSGSIZE);
    memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_head_parse_answer(text, sizeof text, &head), 0);
    http_head_finish(&head);
    char *at = stpcpy(text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < HTTP_HEAD_FIELDS + 1; i++)
        at = stpcpy(at, "A: b\r\n");
    stpcpy(at, "\r\n");
    assert_int_equal(parse(text, &head), -EMSGSIZE);
}

static const char *header_of(const void *arg, const char *name)
{
    for (const char *const *p = arg; *p; p += 2)
        if (strcmp(*p, name) == 0)
            return p[1];
    return NULL;
}

static void test_upgrade(void **state)
{
    (void)state;
    const char *h[] = {
        "Upgrade",           "WebSocket", "Connection", "keep-alive, upgrade", "Sec-WebSocket-Version", "13",
        "Sec-WebSocket-Key", KEY,         NULL};
    assert_int_equal(http_head_check_upgrade("GET", header_of, h), 0);
    assert_int_equal(http_head_check_upgrade("POST", header_of, h), -EINVAL);
    h[5] = "8";
    assert_int_equal(http_head_check_upgrade("GET", header_of, h), -EPROTONOSUPPORT);
    h[5] = "13";
    h[7] = "dGhlIHNhbXBsZQ==";
    assert_int_equal(http_head_check_upgrade("GET", header_of, h), -EINVAL);
    h[7] = KEY;
    h[1] = "websockets";
    assert_int_equal(http_head_check_upgrade("GET", header_of, h), -EINVAL);
    h[0] = NULL;
    assert_int_equal(http_head_check_upgrade("GET", header_of, h), -EINVAL);
}

#define HEX "0123456789abcdef0123456789abcdef"

static void test_ticket(void **state)
{
    (void)state;
    char ticket[33];
    assert_int_equal(http_head_ticket("isthmus.v1, ticket." HEX, ticket), 0);
    assert_string_equal(ticket, HEX);
    assert_int_equal(http_head_ticket("ticket." HEX ",isthmus.v1", ticket), 0);
    static const char *const bad[] = {
        "",
        "isthmus.v1",
        "ticket." HEX,
        "isthmus.v1, ticket." HEX "0",
        "isthmus.v1, ticket.0123",
        "isthmus.v1, ticket." HEX ", ticket." HEX,
        "isthmus.v1, ticket." HEX ",",
        "isthmus.v2, ticket." HEX,
        "isthmus.v1 ticket." HEX,
        "isthmus.v1, isthmus.v1, ticket." HEX,
        "isthmus.v1, ticket.0123456789ABCDEF0123456789abcdef",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (http_head_ticket(bad[i], ticket) != -EINVAL)
            fail_msg("case %zu", i);
    assert_int_equal(http_head_ticket(NULL, ticket), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_every_prefix_waits),
        cmocka_unit_test(test_bad),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_upgrade), cmocka_unit_test(test_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
