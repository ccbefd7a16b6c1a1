/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/keeper_line.h"

#include <stdio.h>

#include "base/str.h"
#include "pool/line.h"

bool keeper_reason_valid(const char *reason)
{
    return str_is_token(reason, "abcdefghijklmnopqrstuvwxyz_", KEEPER_REASON_LEN - 1);
}

static int parse_hello(char **at, struct keeper_line *line)
{
    int64_t version, display, streamer;
    int r = line_number(at, 1, 1000, &version);
    const char *session = line_word(at);
    const char *account = line_word(at);
    if (r < 0 || !session || !account || line_number(at, -1, 65535, &display) < 0 ||
        line_number(at, 0, INT32_MAX, &streamer) < 0)
        return -EINVAL;
    line->version = (unsigned)version;
    line->display = (int)display;
    line->streamer = (pid_t)streamer;
    if (!str_is_id(session) || str_copy(line->session_id, sizeof line->session_id, session) < 0)
        return -EINVAL;
    return str_copy(line->account, sizeof line->account, account) < 0 ? -EINVAL : 0;
}

static int parse_reason(char **at, struct keeper_line *line)
{
    const char *reason = line_word(at);
    if (!reason || !keeper_reason_valid(reason))
        return -EINVAL;
    return str_copy(line->reason, sizeof line->reason, reason);
}

int keeper_line_parse(const char *text, size_t len, struct keeper_line *ret_line)
{
    char copy[KEEPER_LINE_MAX];
    if (len >= sizeof copy || memchr(text, '\0', len))
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *at = copy;
    const char *verb = line_word(&at);
    struct keeper_line line = {.display = -1};
    int64_t number = 0;
    int r = 0;
    if (str_eq(verb, "KEEPER")) {
        line.verb = KEEPER_HELLO;
        r = parse_hello(&at, &line);
    } else if (str_eq(verb, "READY")) {
        line.verb = KEEPER_READY;
        r = line_number(&at, 0, 65535, &number);
        line.display = (int)number;
    } else if (str_eq(verb, "STREAMER")) {
        line.verb = KEEPER_STREAMER;
        r = line_number(&at, 1, INT32_MAX, &number);
        line.streamer = (pid_t)number;
    } else if (str_eq(verb, "ENDED") || str_eq(verb, "STOP")) {
        line.verb = *verb == 'E' ? KEEPER_ENDED : KEEPER_STOP;
        r = parse_reason(&at, &line);
    } else if (str_eq(verb, "STATUS")) {
        line.verb = KEEPER_STATUS;
    } else {
        return -EINVAL;
    }
    if (r < 0 || at)
        return -EINVAL;
    *ret_line = line;
    return 0;
}

static int format(const struct keeper_line *line, char text[KEEPER_LINE_MAX])
{
    switch (line->verb) {
    case KEEPER_HELLO:
        return snprintf(text, KEEPER_LINE_MAX, "KEEPER %u %s %s %d %d", KEEPER_VERSION, line->session_id,
                        line->account, line->display, (int)line->streamer);
    case KEEPER_READY:
        return snprintf(text, KEEPER_LINE_MAX, "READY %d", line->display);
    case KEEPER_STREAMER:
        return snprintf(text, KEEPER_LINE_MAX, "STREAMER %d", (int)line->streamer);
    case KEEPER_ENDED:
        return snprintf(text, KEEPER_LINE_MAX, "ENDED %s", line->reason);
    case KEEPER_STATUS:
        return snprintf(text, KEEPER_LINE_MAX, "STATUS");
    case KEEPER_STOP:
        return snprintf(text, KEEPER_LINE_MAX, "STOP %s", line->reason);
    }
    return -EINVAL;
}

int keeper_line_send(int fd, const struct keeper_line *line, int lock_fd)
{
    char text[KEEPER_LINE_MAX];
    int len = format(line, text);
    if (len < 0 || len >= KEEPER_LINE_MAX)
        return -EINVAL;
    return line_send(fd, text, (size_t)len, lock_fd);
}

int keeper_line_receive(int fd, struct keeper_line *ret_line, int *ret_fd)
{
    char text[KEEPER_LINE_MAX];
    int passed = -1;
    *ret_fd = -1;
    int r = line_receive(fd, text, sizeof text, &passed);
    if (r >= 0)
        r = keeper_line_parse(text, strlen(text), ret_line);
    if (r >= 0)
        *ret_fd = passed;
    else if (passed >= 0)
        close(passed);
    return r;
}
