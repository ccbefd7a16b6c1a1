/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/session_info.h"

#include "base/codec.h"
#include "base/str.h"

#define MESSAGE_MAX 8192

void session_info_init(struct session_info *info)
{
    *info = (struct session_info){.max_width = 3840, .max_height = 2160, .frame_rate = 30};
    str_copy(info->bind, sizeof(info->bind), "127.0.0.1");
}

/* Optional members keep what session_info_init set. */
static int get_int(const char *query, const char *name, bool needed, int64_t min, int64_t max,
                   int64_t *ret_value)
{
    cleanup_free char *text = NULL;
    int r = query_get(query, name, &text);

    if (r == -ENOENT)
        return needed ? -EINVAL : 0;
    return r < 0 ? -EINVAL : str_to_int(text, min, max, ret_value);
}

static int get_text(const char *query, const char *name, bool needed, char *dst, size_t size)
{
    cleanup_free char *text = NULL;
    int r = query_get(query, name, &text);

    if (r == -ENOENT)
        return needed ? -EINVAL : 0;
    return r < 0 ? -EINVAL : str_copy(dst, size, text);
}

static int parse_numbers(const char *q, struct session_info *info)
{
    int64_t ws = 0, http = 0, width = 0, height = 0, max_width = info->max_width,
            max_height = info->max_height;
    int64_t fps = info->frame_rate, compression = 0, display = 0;

    if (get_int(q, "ws", true, 0, 65535, &ws) < 0 || get_int(q, "http", true, 0, 65535, &http) < 0 ||
        get_int(q, "width", false, 0, 7680, &width) < 0 ||
        get_int(q, "height", false, 0, 4320, &height) < 0 ||
        get_int(q, "maxWidth", false, 200, 7680, &max_width) < 0 ||
        get_int(q, "maxHeight", false, 200, 4320, &max_height) < 0 ||
        get_int(q, "fps", false, 1, 60, &fps) < 0 ||
        get_int(q, "compression", false, 0, 2, &compression) < 0 ||
        get_int(q, "display", true, 0, 65535, &display) < 0)
        return -EINVAL;
    info->ws_port = (unsigned)ws;
    info->http_port = (unsigned)http;
    info->width = (int)width;
    info->height = (int)height;
    info->max_width = (int)max_width;
    info->max_height = (int)max_height;
    info->frame_rate = (int)fps;
    info->compression = (int)compression;
    info->display = (unsigned)display;
    return 0;
}

/* "both", "in", "out" or "none", and perhaps ":BYTES". */
static int parse_clipboard(const char *q, struct screen_clipboard_rule *rule)
{
    static const char *const words[] = {"both", "out", "in", "none"};
    char text[32] = "both";
    int64_t max = 0;
    char *colon;

    if (get_text(q, "clipboard", false, text, sizeof(text)) < 0)
        return -EINVAL;
    colon = strchr(text, ':');
    if (colon) {
        *colon = '\0';
        if (str_to_int(colon + 1, 0, INT32_MAX, &max) < 0)
            return -EINVAL;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (!str_eq(text, words[i]))
            continue;
        *rule = (struct screen_clipboard_rule){.no_in = i & 1, .no_out = i & 2, .max = (size_t)max};
        if (colon && max == 0)
            rule->no_in = rule->no_out = true;
        return 0;
    }
    return -EINVAL;
}

static int parse_parameters(const char *q, struct session_info *info)
{
    char key[65];

    if (parse_numbers(q, info) < 0 || get_text(q, "bind", false, info->bind, sizeof(info->bind)) < 0 ||
        get_text(q, "x11", true, info->x11, sizeof(info->x11)) < 0 ||
        get_text(q, "print", false, info->print, sizeof(info->print)) < 0 ||
        get_text(q, "rfb", false, info->rfb, sizeof(info->rfb)) < 0 ||
        parse_clipboard(q, &info->clipboard) < 0 ||
        get_text(q, "xauthority", true, info->xauthority, sizeof(info->xauthority)) < 0 ||
        get_text(q, "key", true, key, sizeof(key)) < 0 || hex_decode(key, info->key, sizeof(info->key)) < 0)
        return -EINVAL;
    return 0;
}

static int parse_refusal(const char *field, struct host_message *m)
{
    static const char prefix[] = "error=";

    if (!str_starts_with(field, prefix))
        return -EINVAL;
    m->type = HOST_REFUSED;
    return str_copy(m->word, sizeof(m->word), field + strlen(prefix));
}

/* A field is percent-encoded, so "=" inside it means that the parameters stand there plainly, encoded one by
 * one. */
static int decode_parameters(const char *field, char **ret_query)
{
    if (strchr(field, '=')) {
        *ret_query = xstrdup(field);
        return 0;
    }
    return percent_decode(field, strlen(field), ret_query);
}

static int parse_info(char *fields, struct host_message *m)
{
    cleanup_free char *id = NULL, *query = NULL;
    char *bar = strchr(fields, '|');

    if (!bar || strchr(bar + 1, '|'))
        return -EINVAL;
    *bar = '\0';
    if (decode_parameters(bar + 1, &query) < 0)
        return -EINVAL;
    if (bar == fields)
        return parse_refusal(query, m);
    session_info_init(&m->info);
    if (percent_decode(fields, strlen(fields), &id) < 0 ||
        str_copy(m->info.session_id, sizeof(m->info.session_id), id) < 0)
        return -EINVAL;
    m->type = HOST_SESSION_INFO;
    return parse_parameters(query, &m->info);
}

static int parse_reason(const char *field, enum host_message_type type, struct host_message *m)
{
    cleanup_free char *reason = NULL;

    if (percent_decode(field, strlen(field), &reason) < 0)
        return -EINVAL;
    m->type = type;
    return str_copy(m->word, sizeof(m->word), reason);
}

int host_message_parse(const char *text, size_t len, struct host_message *ret_message)
{
    static const char info[] = "SESSION_INFO:", ending[] = "SESSION_ENDING:", detach[] = "DETACH:";
    cleanup_free char *copy = NULL;
    struct host_message m = {0};
    int r = -ENOMSG;

    if (len > MESSAGE_MAX || memchr(text, '\0', len))
        return -EINVAL;
    copy = xasprintf("%.*s", (int)len, text);
    if (str_starts_with(copy, info))
        r = parse_info(copy + strlen(info), &m);
    else if (str_starts_with(copy, ending))
        r = parse_reason(copy + strlen(ending), HOST_ENDING, &m);
    else if (str_starts_with(copy, detach))
        r = parse_reason(copy + strlen(detach), HOST_DETACH, &m);
    if (r == 0)
        *ret_message = m;
    return r == -ENOMSG ? r : r < 0 ? -EINVAL : 0;
}
