/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_head.h"

#include <strings.h>

#include "base/codec.h"
#include "base/secret.h"
#include "base/str.h"

#define TOKEN_CHARS "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */

/* Length of the head with its blank line; 0 when that is not there yet. */
static size_t find_end(const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

static int parse_status(const char *line, unsigned *ret_status)
{
    int64_t status;
    char digits[4];
    if (strncmp(line, "HTTP/1.1 ", 9) != 0 && strncmp(line, "HTTP/1.0 ", 9) != 0)
        return -EINVAL;
    if (strnlen(line, 12) < 12 || (line[12] != ' ' && line[12] != 0))
        return -EINVAL;
    memcpy(digits, line + 9, 3);
    digits[3] = 0;
    if (str_to_int(digits, 100, 599, &status) < 0)
        return -EINVAL;
    *ret_status = (unsigned)status;
    return 0;
}

static bool value_is_clean(const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p; p++)
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}

static int parse_field(char *line, struct http_head *head)
{
    char *colon = strchr(line, ':');
    if (!colon || head->count == HTTP_HEAD_FIELDS)
        return colon ? -EMSGSIZE : -EINVAL;
    *colon = 0;
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = 0;
    if (!str_is_token(line, TOKEN_CHARS, HTTP_HEAD_MAX) || !value_is_clean(value))
        return -EINVAL;
    if (strcasecmp(line, "Content-Length") == 0 && http_head_get(head, "Content-Length"))
        return -EINVAL;
    head->field[head->count].name = line;
    head->field[head->count].value = value;
    head->count++;
    return 0;
}

/* Cuts the copy into lines at CRLF; a CR or LF on its own stays in the line and is refused there. */
static int parse_lines(struct http_head *head, char *text)
{
    int rc = 0;
    for (bool first = true; rc == 0; first = false) {
        char *end = strstr(text, "\r\n");
        if (!end) /* a NUL byte hid the rest */
            return -EINVAL;
        if (end == text)
            return first || end + 2 != head->storage + head->length ? -EINVAL : 0;
        *end = 0;
        if (first)
            rc = value_is_clean(text) ? parse_status(text, &head->status) : -EINVAL;
        else
            rc = parse_field(text, head);
        text = end + 2;
    }
    return rc;
}

int http_head_parse_answer(const void *data, size_t len, struct http_head *ret_head)
{
    size_t length = find_end(data, MIN(len, HTTP_HEAD_MAX));
    if (length == 0)
        return len >= HTTP_HEAD_MAX ? -EMSGSIZE : -EAGAIN;
    struct http_head *head = calloc(1, sizeof *head);
    if (!head)
        return -ENOMEM;
    head->length = length;
    head->storage = calloc(1, length + 1);
    int rc = head->storage ? 0 : -ENOMEM;
    if (rc == 0) {
        memcpy(head->storage, data, length);
        rc = parse_lines(head, head->storage);
    }
    if (rc == 0)
        *ret_head = *head;
    else
        http_head_finish(head);
    free(head);
    return rc;
}

void http_head_finish(struct http_head *head)
{
    if (!head)
        return;
    free(head->storage);
    memset(head, 0, sizeof *head);
}

const char *http_head_get(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++)
        if (strcasecmp(head->field[i].name, name) == 0)
            return head->field[i].value;
    return NULL;
}

/* Whether a comma separated list has the token, in any case. */
static bool has_token(const char *list, const char *token)
{
    size_t want = strlen(token);
    while (list && *list) {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, " \t,");
        if (len == want && strncasecmp(list, token, want) == 0)
            return true;
        list += len;
    }
    return false;
}

int http_head_check_websocket(const struct http_head *head, const char *key)
{
    char *wanted = http_head_accept(key);
    const char *accept = http_head_get(head, "Sec-WebSocket-Accept");
    bool ok = head->status == 101 && has_token(http_head_get(head, "Upgrade"), "websocket") &&
              has_token(http_head_get(head, "Connection"), "upgrade") && accept && str_eq(accept, wanted);
    free(wanted);
    return ok ? 0 : -EPROTO;
}

char *http_head_accept(const char *key)
{
    uint8_t hash[SECRET_SHA1_LEN];
    cleanup_free char *text = xasprintf("%s" WEBSOCKET_GUID, key);
    secret_sha1(text, strlen(text), hash);
    return base64_encode(hash, sizeof hash);
}

static bool key_is_good(const char *key)
{
    cleanup_free uint8_t *raw = NULL;
    size_t len = 0;
    return key && strlen(key) == 24 && base64_decode(key, 24, &raw, &len) == 0 && len == 16;
}

int http_head_check_upgrade(const char *method, const char *(*header)(const void *arg, const char *name),
                            const void *arg)
{
    if (!str_eq(method, "GET") || !has_token(header(arg, "Upgrade"), "websocket") ||
        !has_token(header(arg, "Connection"), "upgrade"))
        return -EINVAL;
    if (!str_eq(header(arg, "Sec-WebSocket-Version"), "13"))
        return -EPROTONOSUPPORT;
    return key_is_good(header(arg, "Sec-WebSocket-Key")) ? 0 : -EINVAL;
}

int http_head_ticket(const char *protocols, char ret_ticket[33])
{
    char ticket[33] = "";
    bool version = false;
    while (protocols && *protocols) {
        protocols += strspn(protocols, " \t");
        size_t len = strcspn(protocols, " \t,");
        if (len == 10 && !version && memcmp(protocols, "isthmus.v1", 10) == 0) {
            version = true;
        } else if (len == 7 + 32 && !ticket[0] && memcmp(protocols, "ticket.", 7) == 0) {
            memcpy(ticket, protocols + 7, 32);
        } else {
            return -EINVAL;
        }
        protocols += len;
        protocols += strspn(protocols, " \t");
        if (*protocols == ',' && protocols[1])
            protocols++;
        else if (*protocols)
            return -EINVAL;
    }
    if (!version || !str_is_id(ticket))
        return -EINVAL;
    memcpy(ret_ticket, ticket, sizeof ticket);
    return 0;
}
