/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/control_msg.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "base/str.h"

/* A coordinate from a browser is clamped later, but it has to be a number of sane size. */
#define COORD_MAX 1000000

static int get_number(const json_t *o, const char *name, int min, int max, int *ret_value, char *error)
{
    int64_t value;
    int r = json_get_int(o, name, min, max, &value, error);

    if (r == 0)
        *ret_value = (int)value;
    return r;
}

static int get_position(const json_t *o, struct control_message *m, char *error)
{
    int r = get_number(o, "x", -COORD_MAX, COORD_MAX, &m->x, error);

    return r < 0 ? r : get_number(o, "y", -COORD_MAX, COORD_MAX, &m->y, error);
}

static int parse_pointer(const json_t *o, struct control_message *m, char *error)
{
    int buttons, r = get_position(o, m, error);

    if (r == 0)
        r = get_number(o, "buttons", 0, 31, &buttons, error);
    if (r == 0)
        m->buttons = (unsigned)buttons;
    return r;
}

static int parse_wheel(const json_t *o, struct control_message *m, char *error)
{
    int r = get_position(o, m, error);

    if (r == 0)
        r = get_number(o, "dx", -12000, 12000, &m->dx, error);
    return r < 0 ? r : get_number(o, "dy", -12000, 12000, &m->dy, error);
}

static int parse_key(const json_t *o, struct control_message *m, char *error)
{
    int r = json_get_string(o, "code", CONTROL_MAX_KEY, &m->code, error);

    if (r == 0)
        r = json_get_string(o, "key", CONTROL_MAX_KEY, &m->key, error);
    return r < 0 ? r : json_get_bool(o, "down", &m->down, error);
}

/* Not json_get_string: a text may hold line ends and tabs. */
static int parse_text(const json_t *o, struct control_message *m, char *error)
{
    const json_t *text = json_object_get(o, "text");

    if (!json_is_string(text) || json_string_length(text) > CONTROL_MAX_TEXT ||
        strlen(json_string_value(text)) != json_string_length(text)) {
        snprintf(error, JSON_ERROR_LEN, "text must be a string of at most %d bytes", CONTROL_MAX_TEXT);
        return -EINVAL;
    }
    m->text = json_string_value(text);
    return 0;
}

static int parse_nothing(const json_t *o, struct control_message *m, char *error)
{
    (void)o;
    (void)m;
    (void)error;
    return 0;
}

static int parse_resize(const json_t *o, struct control_message *m, char *error)
{
    int r = get_number(o, "width", 200, 7680, &m->width, error);

    return r < 0 ? r : get_number(o, "height", 200, 4320, &m->height, error);
}

static int parse_ping(const json_t *o, struct control_message *m, char *error)
{
    const json_t *t = json_object_get(o, "t");

    if (!json_is_number(t) || !isfinite(json_number_value(t))) {
        snprintf(error, JSON_ERROR_LEN, "t must be a number");
        return -EINVAL;
    }
    m->t = json_number_value(t);
    return 0;
}

static const struct {
    const char *name;
    int (*parse)(const json_t *o, struct control_message *m, char *error);
} types[] = {
    [CONTROL_POINTER] = {"pointer", parse_pointer},
    [CONTROL_WHEEL] = {"wheel", parse_wheel},
    [CONTROL_KEY] = {"key", parse_key},
    [CONTROL_TEXT] = {"text", parse_text},
    [CONTROL_RELEASE_KEYS] = {"releaseKeys", parse_nothing},
    [CONTROL_RESIZE] = {"resize", parse_resize},
    [CONTROL_PING] = {"ping", parse_ping},
};

static int parse_typed(const json_t *o, struct control_message *m, char *error)
{
    const char *type;
    int r = json_get_string(o, "type", 64, &type, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (str_eq(type, types[i].name)) {
            m->type = (enum control_type)i;
            return types[i].parse(o, m, error);
        }
    }
    snprintf(error, JSON_ERROR_LEN, "type is unknown");
    return -EINVAL;
}

int control_parse(const char *data, size_t len, struct control_message *ret_message, char *ret_error)
{
    struct control_message m = {0};
    int r;

    if (len > CONTROL_MAX_MESSAGE) {
        snprintf(ret_error, JSON_ERROR_LEN, "the message is longer than %d bytes", CONTROL_MAX_MESSAGE);
        return -EINVAL;
    }
    r = json_read(data, len, &m.owner, ret_error);
    if (r < 0)
        return -EINVAL;
    if (!json_is_object(m.owner)) {
        snprintf(ret_error, JSON_ERROR_LEN, "the message must be an object");
        r = -EINVAL;
    } else {
        r = parse_typed(m.owner, &m, ret_error);
    }
    if (r < 0) {
        json_decref(m.owner);
        return -EINVAL;
    }
    *ret_message = m;
    return 0;
}

void control_message_finish(struct control_message *message)
{
    json_decref(message->owner);
    message->owner = NULL;
}

/* Takes over value, which may be NULL. */
static char *text_of(json_t *value)
{
    char *text = value ? json_text(value) : NULL;

    json_decref(value);
    return text;
}

char *control_hello(const char *session_id, int width, int height, int max_width, int max_height,
                    const char *role, bool view_only)
{
    return text_of(json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:s, s:b}", "type", "hello", "sessionId",
                             session_id, "version", 1, "width", width, "height", height, "maxWidth",
                             max_width, "maxHeight", max_height, "role", role, "viewOnly", view_only));
}

char *control_resized(int width, int height)
{
    return text_of(json_pack("{s:s, s:i, s:i}", "type", "resized", "width", width, "height", height));
}

char *control_pong(double t)
{
    /* An integer comes back as an integer. */
    if (t == floor(t) && fabs(t) < 9007199254740992.0)
        return text_of(json_pack("{s:s, s:I}", "type", "pong", "t", (json_int_t)t));
    return text_of(json_pack("{s:s, s:f}", "type", "pong", "t", t));
}

char *control_error(const char *code, const char *message)
{
    return text_of(json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", message));
}

char *control_ended(const char *reason)
{
    return text_of(json_pack("{s:s, s:s}", "type", "ended", "reason", reason));
}

char *control_print(const char *title, int64_t time, uint64_t bytes)
{
    return text_of(json_pack("{s:s, s:s, s:I, s:I}", "type", "print", "title", title, "time",
                             (json_int_t)time, "bytes", (json_int_t)bytes));
}
