/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order of a session as its journal keeps it: a JSON object. */
#include "base/str.h"
#include "host/host_priv.h"

#define TEXT_MAX 65536
#define SIDE_MAX 1000000

static char *copy_of(const char *text)
{
    return xstrdup(text ? text : "");
}

/* As it can be shown: without CR, and not longer than the pool takes, cut between two characters. */
static char *message_of(const char *text)
{
    cleanup_free char *whole = copy_of(text);
    char *message = str_replace(whole, "\r", "");
    size_t len = strlen(message);
    if (len > POOL_MESSAGE_MAX) {
        len = POOL_MESSAGE_MAX;
        while (len > 0 && ((unsigned char)message[len] & 0xC0) == 0x80)
            len--;
        message[len] = '\0';
    }
    return message;
}

void host_order_copy(struct host_order *order, const struct host_session_order *from)
{
    *order = (struct host_order){.username = copy_of(from->username),
                                 .app_exe = copy_of(from->app_exe),
                                 .app_args = copy_of(from->app_args),
                                 .app_mode = copy_of(from->app_mode),
                                 .clipboard = copy_of(from->clipboard ? from->clipboard : "both"),
                                 .max_width = from->max_width,
                                 .max_height = from->max_height};
    host_order_set_terms(order, from);
}

void host_order_set_terms(struct host_order *order, const struct host_session_order *from)
{
    if (order->time_limit != from->time_limit)
        order->warned = false;
    order->legacy = from->legacy;
    order->may_be_silent = from->may_be_silent;
    order->time_limit = from->time_limit;
    free(order->time_limit_message);
    order->time_limit_message = message_of(from->time_limit_message);
}

void host_order_finish(struct host_order *order)
{
    free(order->username);
    free(order->app_exe);
    free(order->app_args);
    free(order->app_mode);
    free(order->clipboard);
    free(order->time_limit_message);
    *order = (struct host_order){0};
}

char *host_order_text(const struct host_order *order)
{
    cleanup_json json_t *value =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:b, s:b, s:b, s:I, s:s}", "username",
                  order->username, "appExe", order->app_exe, "appArgs", order->app_args, "appMode",
                  order->app_mode, "clipboard", order->clipboard, "width", order->width, "height",
                  order->height, "maxWidth", order->max_width, "maxHeight", order->max_height, "legacy",
                  order->legacy, "mayBeSilent", order->may_be_silent, "warned", order->warned, "timeLimit",
                  (json_int_t)order->time_limit, "timeLimitMessage", order->time_limit_message);
    return value ? json_text(value) : NULL;
}

static int read_text(const json_t *value, const char *name, char **ret_text)
{
    const json_t *member = json_object_get(value, name);
    if (!json_is_string(member) || json_string_length(member) > TEXT_MAX)
        return -EINVAL;
    *ret_text = xstrdup(json_string_value(member));
    return 0;
}

static int read_side(const json_t *value, const char *name, int *ret_side)
{
    char error[JSON_ERROR_LEN];
    int64_t side;
    int r = json_get_int(value, name, 0, SIDE_MAX, &side, error);
    if (r >= 0)
        *ret_side = (int)side;
    return r;
}

static int read_all(const json_t *value, struct host_order *order)
{
    char error[JSON_ERROR_LEN];
    int r = read_text(value, "username", &order->username);
    if (r >= 0)
        r = read_text(value, "appExe", &order->app_exe);
    if (r >= 0)
        r = read_text(value, "appArgs", &order->app_args);
    if (r >= 0)
        r = read_text(value, "appMode", &order->app_mode);
    if (r >= 0)
        r = json_object_get(value, "clipboard") ? read_text(value, "clipboard", &order->clipboard) : 0;
    if (r >= 0 && !order->clipboard)
        order->clipboard = xstrdup("both"); /* written by an earlier version */
    if (r >= 0)
        r = read_text(value, "timeLimitMessage", &order->time_limit_message);
    if (r >= 0)
        r = read_side(value, "width", &order->width);
    if (r >= 0)
        r = read_side(value, "height", &order->height);
    if (r >= 0)
        r = read_side(value, "maxWidth", &order->max_width);
    if (r >= 0)
        r = read_side(value, "maxHeight", &order->max_height);
    if (r >= 0)
        r = json_get_bool(value, "legacy", &order->legacy, error);
    if (r >= 0)
        r = json_get_bool(value, "mayBeSilent", &order->may_be_silent, error);
    if (r >= 0)
        r = json_get_bool(value, "warned", &order->warned, error);
    return r >= 0 ? json_get_int(value, "timeLimit", 0, INT64_MAX / 1000, &order->time_limit, error) : r;
}

int host_order_read(const char *text, struct host_order *ret_order)
{
    cleanup_json json_t *value = NULL;
    char error[JSON_ERROR_LEN];
    struct host_order order = {0};
    if (json_read(text, strlen(text), &value, error) < 0 || read_all(value, &order) < 0) {
        host_order_finish(&order);
        return -EINVAL;
    }
    *ret_order = order;
    return 0;
}
