/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/display_line.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/secret.h"
#include "base/str.h"
#include "pool/line.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define OWN_DISPLAY "-"

enum field {
    FIELD_END,
    FIELD_VERSION,
    FIELD_PARTICIPANT,
    FIELD_RIGHT,
    FIELD_PASSWORD,
    FIELD_NAME,         /* of an instance */
    FIELD_NAME_OR_SELF, /* or "-" */
    FIELD_ONE_DISPLAY,  /* likewise, and may be missing: the last one of its line */
    FIELD_DISPLAY,
};

/* Each verb's word and fields, in the order of the enumeration. */
static const struct {
    const char *word;
    enum field fields[5];
} verbs[] = {
    [DISPLAY_LINE_HELLO] = {"HELLO", {FIELD_VERSION}},
    [DISPLAY_LINE_PARTICIPANT] = {"PARTICIPANT",
                                  {FIELD_PARTICIPANT, FIELD_RIGHT, FIELD_PASSWORD, FIELD_ONE_DISPLAY}},
    [DISPLAY_LINE_REMOVE] = {"REMOVE", {FIELD_PARTICIPANT}},
    [DISPLAY_LINE_INSTANCE] = {"INSTANCE", {FIELD_NAME, FIELD_DISPLAY}},
    [DISPLAY_LINE_LISTED] = {"LISTED", {FIELD_END}},
    [DISPLAY_LINE_GONE] = {"GONE", {FIELD_NAME}},
    [DISPLAY_LINE_CLIENT] = {"CLIENT", {FIELD_NAME_OR_SELF}},
    [DISPLAY_LINE_JOINED] = {"JOINED", {FIELD_NAME_OR_SELF, FIELD_PARTICIPANT}},
    [DISPLAY_LINE_LEFT] = {"LEFT", {FIELD_NAME_OR_SELF, FIELD_PARTICIPANT}},
};

bool display_line_instance_valid(const char *instance)
{
    return str_is_token(instance, ALNUM, DISPLAY_LINE_INSTANCE_LEN - 1);
}

bool display_line_participant_valid(const char *participant)
{
    return str_is_token(participant, ALNUM "_-", DISPLAY_LINE_PARTICIPANT_LEN - 1);
}

static int parse_name(const char *word, bool or_self, struct display_line *line)
{
    if (or_self && str_eq(word, OWN_DISPLAY))
        return 0;
    return display_line_instance_valid(word) ? str_copy(line->instance, sizeof line->instance, word)
                                             : -EINVAL;
}

static int parse_password(const char *word, struct display_line *line)
{
    uint8_t bytes[DISPLAY_LINE_PASSWORD_LEN - 1];
    size_t digits = strlen(word), len = digits / 2;
    if (digits % 2 != 0 || len < 1 || len > sizeof bytes)
        return -EINVAL;
    int r = hex_decode(word, bytes, len);
    if (r >= 0 && memchr(bytes, 0, len))
        r = -EINVAL;
    if (r >= 0)
        memcpy(line->password, bytes, len);
    secret_wipe(bytes, sizeof bytes);
    return r;
}

static int parse_number(const char *word, int64_t min, int64_t max, int *ret_value)
{
    int64_t value;
    int r = str_to_int(word, min, max, &value);
    if (r >= 0)
        *ret_value = (int)value;
    return r;
}

static int parse_field(enum field field, const char *word, struct display_line *line)
{
    int version = 0, r;
    switch (field) {
    case FIELD_VERSION:
        r = parse_number(word, 1, 1000, &version);
        line->version = (unsigned)version;
        return r;
    case FIELD_PARTICIPANT:
        return display_line_participant_valid(word)
                   ? str_copy(line->participant, sizeof line->participant, word)
                   : -EINVAL;
    case FIELD_RIGHT:
        line->view_only = str_eq(word, "passive");
        return line->view_only || str_eq(word, "active") ? 0 : -EINVAL;
    case FIELD_PASSWORD:
        return parse_password(word, line);
    case FIELD_NAME:
    case FIELD_NAME_OR_SELF:
        return parse_name(word, field == FIELD_NAME_OR_SELF, line);
    case FIELD_ONE_DISPLAY:
        line->one_display = true;
        return parse_name(word, true, line);
    case FIELD_DISPLAY:
        return parse_number(word, 0, 65535, &line->display);
    case FIELD_END:
        break;
    }
    return -EINVAL;
}

static int parse_words(char *text, struct display_line *line)
{
    char *at = text;
    const char *word = line_word(&at);
    size_t verb = 0;
    while (verb < ARRAY_SIZE(verbs) && !str_eq(word, verbs[verb].word))
        verb++;
    if (verb == ARRAY_SIZE(verbs))
        return -EINVAL;
    line->verb = (enum display_line_verb)verb;
    int r = 0;
    for (const enum field *field = verbs[verb].fields; r >= 0 && *field != FIELD_END; field++) {
        if (!at && *field == FIELD_ONE_DISPLAY)
            break;
        word = line_word(&at);
        r = word ? parse_field(*field, word, line) : -EINVAL;
    }
    return r < 0 || at ? -EINVAL : 0;
}

int display_line_parse(const char *text, size_t len, struct display_line *ret_line)
{
    char copy[DISPLAY_LINE_MAX];
    if (len >= sizeof copy || memchr(text, '\0', len))
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    struct display_line line = {0};
    int r = parse_words(copy, &line);
    if (r >= 0)
        *ret_line = line;
    secret_wipe(copy, sizeof copy);
    display_line_wipe(&line);
    return r;
}

int display_line_build(const struct display_line *line, char ret_text[DISPLAY_LINE_MAX])
{
    char password[2 * DISPLAY_LINE_PASSWORD_LEN];
    const char *instance = *line->instance ? line->instance : OWN_DISPLAY;
    const char *word = verbs[line->verb].word;
    int len = -EINVAL;
    switch (line->verb) {
    case DISPLAY_LINE_HELLO:
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s %d", word, DISPLAY_LINE_VERSION);
        break;
    case DISPLAY_LINE_LISTED:
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s", word);
        break;
    case DISPLAY_LINE_PARTICIPANT:
        hex_encode((const uint8_t *)line->password, strlen(line->password), password);
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s %s %s %s%s%s", word, line->participant,
                       line->view_only ? "passive" : "active", password, line->one_display ? " " : "",
                       line->one_display ? instance : "");
        secret_wipe(password, sizeof password);
        break;
    case DISPLAY_LINE_REMOVE:
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s %s", word, line->participant);
        break;
    case DISPLAY_LINE_INSTANCE:
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s %s %d", word, instance, line->display);
        break;
    case DISPLAY_LINE_GONE:
    case DISPLAY_LINE_CLIENT:
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s %s", word, instance);
        break;
    case DISPLAY_LINE_JOINED:
    case DISPLAY_LINE_LEFT:
        len = snprintf(ret_text, DISPLAY_LINE_MAX, "%s %s %s", word, instance, line->participant);
        break;
    }
    /* What the other end would refuse is not sent: a name with a space could say something else there. */
    struct display_line check;
    int r = len < 0 ? len : display_line_parse(ret_text, (size_t)len, &check);
    if (r >= 0)
        display_line_wipe(&check);
    return r < 0 ? -EINVAL : len;
}

int display_line_send(int fd, const struct display_line *line, int client_fd)
{
    char text[DISPLAY_LINE_MAX];
    int len = display_line_build(line, text);
    if (len >= 0 && (line->verb == DISPLAY_LINE_CLIENT) != (client_fd >= 0))
        len = -EINVAL;
    int r = len < 0 ? len : line_send(fd, text, (size_t)len, client_fd);
    secret_wipe(text, sizeof text);
    return r;
}

int display_line_receive(int fd, struct display_line *ret_line, int *ret_client_fd)
{
    char text[DISPLAY_LINE_MAX];
    int passed = -1;
    *ret_client_fd = -1;
    int r = line_receive(fd, text, sizeof text, &passed);
    if (r < 0)
        return r;
    struct display_line line = {0};
    r = display_line_parse(text, strlen(text), &line);
    if (r >= 0 && (line.verb == DISPLAY_LINE_CLIENT) != (passed >= 0))
        r = -EINVAL;
    if (r >= 0) {
        *ret_line = line;
        *ret_client_fd = passed;
    } else if (passed >= 0) {
        close(passed);
    }
    secret_wipe(text, sizeof text);
    display_line_wipe(&line);
    return r;
}

void display_line_wipe(struct display_line *line)
{
    secret_wipe(line->password, sizeof line->password);
}
