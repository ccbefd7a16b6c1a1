/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/instance_order.h"

#include "pool/argv_json.h"
#include "pool/cmdline.h"
#include "pool/text_fd.h"

#define ORDER_MAX ((size_t)4 * 1024 * 1024)

int instance_order_make(const struct instance_order *order)
{
    json_t *argv = argv_to_json(order->argv);
    if (!argv)
        return -EINVAL;
    cleanup_json json_t *value =
        json_pack("{s:o, s:i, s:i}", "argv", argv, "width", order->width, "height", order->height);
    cleanup_free char *text = value ? json_text(value) : NULL;
    return text ? text_fd_make(text, strlen(text)) : -ENOMEM;
}

int instance_order_read(int fd, struct instance_order *ret_order)
{
    char error[JSON_ERROR_LEN];
    cleanup_free char *text = NULL;
    cleanup_json json_t *value = NULL;
    struct instance_order order = {0};
    int64_t width, height;
    size_t len;
    int r = text_fd_read(fd, ORDER_MAX, &text, &len);
    if (r >= 0)
        r = json_read(text, len, &value, error);
    if (r >= 0)
        r = json_get_int(value, "width", 1, 32767, &width, error);
    if (r >= 0)
        r = json_get_int(value, "height", 1, 32767, &height, error);
    if (r >= 0)
        r = argv_from_json(value, "argv", &order.argv, error);
    if (r >= 0 && !order.argv)
        r = -EINVAL;
    if (r < 0)
        return r;
    order.width = (int)width;
    order.height = (int)height;
    *ret_order = order;
    return 0;
}

void instance_order_finish(struct instance_order *order)
{
    cmdline_free(order->argv);
    *order = (struct instance_order){0};
}
