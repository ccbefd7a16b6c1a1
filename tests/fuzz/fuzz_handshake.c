// links: http
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that reads the bytes of a WebSocket handshake or of a peer's signature. The first byte chooses
 * which; in those with fields, lines are "name: value". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_head.h"
#include "http/peer_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int truth)
{
    if (!truth)
        abort();
}

static void fuzz_answer(const char *text, size_t len)
{
    struct http_head head = {0};
    if (http_head_parse_answer(text, len, &head) != 0)
        return;
    check(head.length <= len && head.length >= 4 && memcmp(text + head.length - 4, "\r\n\r\n", 4) == 0);
    check(head.status >= 100 && head.status <= 599 && head.count <= HTTP_HEAD_FIELDS);
    for (size_t i = 0; i < head.count; i++)
        check(head.field[i].name[0] && !strpbrk(head.field[i].name, " \t\r\n:") &&
              !strpbrk(head.field[i].value, "\r\n"));
    http_head_check_websocket(&head, "dGhlIHNhbXBsZSBub25jZQ==");
    http_head_finish(&head);
}

/* Finds "name: value" in lines of text; lent until the next call. */
struct lines {
    char *text;
};

static const char *line_of(const void *arg, const char *name)
{
    const struct lines *lines = arg;
    size_t len = strlen(name);
    for (char *next, *at = lines->text; at; at = next) {
        next = strchr(at, '\n');
        next = next ? next + 1 : NULL;
        if (strncmp(at, name, len) != 0 || strncmp(at + len, ": ", 2) != 0)
            continue;
        static char value[4096];
        size_t value_len = strcspn(at + len + 2, "\n");
        if (value_len >= sizeof value)
            return NULL;
        memcpy(value, at + len + 2, value_len);
        value[value_len] = 0;
        return value;
    }
    return NULL;
}

static void fuzz_peer(char *text)
{
    static const uint8_t key[32] = "fuzz";
    static const struct clock now = {.wall_s = 1800000000};
    struct lines lines = {strchr(text, '\n')};
    if (lines.text)
        *lines.text++ = 0; /* the first line is the signature */
    struct peer_auth_request request = {"GET", "/capture", text, strlen(text), lines.text ? line_of : NULL,
                                        &lines};
    check(peer_auth_verify(key, &request, text, &now) != 0); /* nobody guesses a MAC */
    char *value = peer_auth_sign(key, &request);
    if (value)
        check(peer_auth_verify(key, &request, value, NULL) == 0);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char ticket[33];
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    struct lines lines = {text};
    switch (data[0] % 4) {
    case 0:
        fuzz_answer(text, size - 1);
        break;
    case 1:
        http_head_check_upgrade("GET", line_of, &lines);
        break;
    case 2:
        if (http_head_ticket(text, ticket) == 0)
            check(strlen(ticket) == 32 && strstr(text, ticket) != NULL);
        break;
    default:
        fuzz_peer(text);
        break;
    }
    free(text);
    return 0;
}
