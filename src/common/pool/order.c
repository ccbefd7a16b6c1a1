/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/order.h"

#include "base/file.h"
#include "base/str.h"
#include "pool/argv_json.h"
#include "pool/cmdline.h"

#define ORDER_FILE "order.json"
#define ORDER_MAX (4 * 1024 * 1024)
#define ORDER_VERSION 1
#define TEXT_MAX 1024

int order_write(const struct order *order, int session_dir)
{
    cleanup_json json_t *value = json_pack(
        "{s:i, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:o, s:b, s:b, s:b, s:i, s:i, s:i, s:i, s:I, s:I, s:s, s:s}",
        "version", ORDER_VERSION, "sessionId", order->session_id, "account", order->account, "username",
        order->username, "runAs", order->run_as, "streamerAs", order->streamer_as, "clipboard",
        order->clipboard, "argv", argv_to_json(order->argv), "desktop", order->desktop, "sandbox",
        order->sandbox, "printing", order->printing, "width", order->width, "height", order->height,
        "maxWidth", order->max_width, "maxHeight", order->max_height, "startTimeoutMs",
        (json_int_t)order->start_timeout_ms, "orphanMs", (json_int_t)order->orphan_ms, "logLevel",
        order->log_level, "logFormat", order->log_format);
    cleanup_free char *text = value ? json_text(value) : NULL;
    return text ? file_write(session_dir, ORDER_FILE, text, strlen(text), 0600) : -EINVAL;
}

static int get_copy(const json_t *value, const char *name, bool required, char **ret_text, char *error)
{
    const char *text = NULL;
    int r = required ? json_get_string(value, name, TEXT_MAX, &text, error)
                     : json_opt_string(value, name, TEXT_MAX, &text, error);
    if (r >= 0 && text)
        *ret_text = xstrdup(text);
    return r;
}

static int parse(const json_t *value, struct order *order)
{
    char error[JSON_ERROR_LEN];
    const char *id;
    int64_t version, width, height, max_width, max_height, start, orphan;
    int r = json_get_int(value, "version", ORDER_VERSION, ORDER_VERSION, &version, error);
    if (r >= 0)
        r = json_get_string(value, "sessionId", SECRET_ID_LEN - 1, &id, error);
    if (r >= 0)
        r = str_copy(order->session_id, sizeof order->session_id, id);
    if (r >= 0)
        r = get_copy(value, "account", true, &order->account, error);
    if (r >= 0)
        r = get_copy(value, "username", false, &order->username, error);
    if (r >= 0)
        r = get_copy(value, "runAs", false, &order->run_as, error);
    if (r >= 0)
        r = get_copy(value, "streamerAs", false, &order->streamer_as, error);
    if (r >= 0)
        r = get_copy(value, "clipboard", false, &order->clipboard, error);
    if (r >= 0)
        r = get_copy(value, "logLevel", true, &order->log_level, error);
    if (r >= 0)
        r = get_copy(value, "logFormat", true, &order->log_format, error);
    if (r >= 0)
        r = argv_from_json(value, "argv", &order->argv, error);
    if (r >= 0)
        r = json_get_bool(value, "desktop", &order->desktop, error);
    if (r >= 0)
        r = json_get_bool(value, "sandbox", &order->sandbox, error);
    if (r >= 0)
        r = json_opt_bool(value, "printing", &order->printing, error);
    if (r >= 0)
        r = json_get_int(value, "width", 1, 32767, &width, error);
    if (r >= 0)
        r = json_get_int(value, "height", 1, 32767, &height, error);
    if (r >= 0)
        r = json_get_int(value, "maxWidth", 1, 32767, &max_width, error);
    if (r >= 0)
        r = json_get_int(value, "maxHeight", 1, 32767, &max_height, error);
    if (r >= 0)
        r = json_get_int(value, "startTimeoutMs", 1, UINT32_MAX, &start, error);
    if (r >= 0)
        r = json_get_int(value, "orphanMs", 1, UINT32_MAX, &orphan, error);
    if (r < 0)
        return r;
    order->width = (int)width;
    order->height = (int)height;
    order->max_width = (int)max_width;
    order->max_height = (int)max_height;
    order->start_timeout_ms = (unsigned)start;
    order->orphan_ms = (unsigned)orphan;
    return 0;
}

int order_read(int session_dir, struct order *ret_order)
{
    cleanup_free char *text = NULL;
    size_t len;
    int r = file_read(session_dir, ORDER_FILE, ORDER_MAX, &text, &len);
    if (r < 0)
        return r;
    char error[JSON_ERROR_LEN];
    cleanup_json json_t *value = NULL;
    r = json_read(text, len, &value, error);
    if (r < 0)
        return r;
    struct order order = {0};
    r = parse(value, &order);
    if (r < 0) {
        order_finish(&order);
        return r;
    }
    *ret_order = order;
    return 0;
}

void order_finish(struct order *order)
{
    free(order->account);
    free(order->username);
    free(order->run_as);
    free(order->streamer_as);
    free(order->clipboard);
    free(order->log_level);
    free(order->log_format);
    cmdline_free(order->argv);
    *order = (struct order){0};
}
