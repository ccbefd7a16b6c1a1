/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/keeper_line.h"

#include <stdio.h>

#include "base/str.h"
#include "pool/line.h"

bool keeper_reason_valid(const char *reason)
{
    return str_is_token(reason, "abcdefghijklmnopqrstuvwxyz_", KEEPER_REASON_LEN - 1);
}

bool keeper_instance_valid(const char *instance)
{
    return str_is_token(instance, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                        KEEPER_INSTANCE_LEN - 1);
}

static int parse_hello(char **at, struct keeper_line *line)
{
    int64_t version, display, streamer, instances;
    int r = line_number(at, 1, 1000, &version);
    const char *session = line_word(at);
    const char *account = line_word(at);
    if (r < 0 || !session || !account || line_number(at, -1, 65535, &display) < 0 ||
        line_number(at, 0, INT32_MAX, &streamer) < 0 ||
        line_number(at, 0, KEEPER_INSTANCES_MAX, &instances) < 0)
        return -EINVAL;
    line->instances = (unsigned)instances;
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

static int parse_instance(char **at, struct keeper_line *line)
{
    const char *name = line_word(at);
    return keeper_instance_valid(name) ? str_copy(line->instance, sizeof line->instance, name) : -EINVAL;
}

static int parse_display(char **at, int min, struct keeper_line *line)
{
    int64_t number;
    int r = line_number(at, min, 65535, &number);
    if (r >= 0)
        line->display = (int)number;
    return r;
}

static const char *const words[] = {
    [KEEPER_HELLO] = "KEEPER",  [KEEPER_STREAMER] = "STREAMER", [KEEPER_READY] = "READY",
    [KEEPER_ENDED] = "ENDED",   [KEEPER_INSTANCE] = "INSTANCE", [KEEPER_GONE] = "GONE",
    [KEEPER_STATUS] = "STATUS", [KEEPER_STOP] = "STOP",         [KEEPER_RUN] = "RUN",
    [KEEPER_CLOSE] = "CLOSE",   [KEEPER_MESSAGE] = "MESSAGE",
};

static int parse_fields(char **at, struct keeper_line *line)
{
    int64_t number = 0;
    int r;
    switch (line->verb) {
    case KEEPER_HELLO:
        return parse_hello(at, line);
    case KEEPER_STREAMER:
        r = line_number(at, 1, INT32_MAX, &number);
        line->streamer = (pid_t)number;
        return r;
    case KEEPER_READY:
        return parse_display(at, 0, line);
    case KEEPER_ENDED:
    case KEEPER_STOP:
        return parse_reason(at, line);
    case KEEPER_INSTANCE:
        r = parse_instance(at, line);
        return r < 0 ? r : parse_display(at, -1, line);
    case KEEPER_GONE:
        r = parse_instance(at, line);
        return r < 0 ? r : parse_reason(at, line);
    case KEEPER_RUN:
    case KEEPER_CLOSE:
        return parse_instance(at, line);
    case KEEPER_STATUS:
    case KEEPER_MESSAGE:
        return 0;
    }
    return -EINVAL;
}

int keeper_line_parse(const char *text, size_t len, struct keeper_line *ret_line)
{
    char copy[KEEPER_LINE_MAX];
    if (len >= sizeof copy || memchr(text, '\0', len))
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *at = copy;
    const char *word = line_word(&at);
    size_t verb = 0;
    while (verb < ARRAY_SIZE(words) && !str_eq(word, words[verb]))
        verb++;
    if (verb == ARRAY_SIZE(words))
        return -EINVAL;
    struct keeper_line line = {.verb = (enum keeper_verb)verb, .display = -1};
    if (parse_fields(&at, &line) < 0 || at)
        return -EINVAL;
    *ret_line = line;
    return 0;
}

static int format(const struct keeper_line *line, char text[KEEPER_LINE_MAX])
{
    const char *word = words[line->verb];
    switch (line->verb) {
    case KEEPER_HELLO:
        return snprintf(text, KEEPER_LINE_MAX, "%s %u %s %s %d %d %u", word, KEEPER_VERSION, line->session_id,
                        line->account, line->display, (int)line->streamer, line->instances);
    case KEEPER_STREAMER:
        return snprintf(text, KEEPER_LINE_MAX, "%s %d", word, (int)line->streamer);
    case KEEPER_READY:
        return snprintf(text, KEEPER_LINE_MAX, "%s %d", word, line->display);
    case KEEPER_ENDED:
    case KEEPER_STOP:
        return snprintf(text, KEEPER_LINE_MAX, "%s %s", word, line->reason);
    case KEEPER_INSTANCE:
        return snprintf(text, KEEPER_LINE_MAX, "%s %s %d", word, line->instance, line->display);
    case KEEPER_GONE:
        return snprintf(text, KEEPER_LINE_MAX, "%s %s %s", word, line->instance, line->reason);
    case KEEPER_RUN:
    case KEEPER_CLOSE:
        return snprintf(text, KEEPER_LINE_MAX, "%s %s", word, line->instance);
    case KEEPER_STATUS:
    case KEEPER_MESSAGE:
        return snprintf(text, KEEPER_LINE_MAX, "%s", word);
    }
    return -EINVAL;
}

int keeper_line_send(int fd, const struct keeper_line *line, int passed_fd)
{
    char text[KEEPER_LINE_MAX];
    int len = format(line, text);
    if (len < 0 || len >= KEEPER_LINE_MAX)
        return -EINVAL;
    return line_send(fd, text, (size_t)len, passed_fd);
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
