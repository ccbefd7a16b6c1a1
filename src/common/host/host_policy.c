/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/host_policy.h"

#include <stdio.h>

#include "base/str.h"

static const char *direction_of(const json_t *clipboard)
{
    static const char *const words[][2] = {
        {"bidirectional", "both"}, {"clientToServer", "in"}, {"serverToClient", "out"}};
    const json_t *enabled = json_object_get(clipboard, "enabled");
    const json_t *direction = json_object_get(clipboard, "direction");

    if (enabled && !json_is_true(enabled))
        return "none";
    if (!direction)
        return "both";
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(json_string_value(direction), words[i][0]))
            return words[i][1];
    return "none";
}

void host_policy_clipboard(const json_t *policy, char ret_rule[POOL_CLIPBOARD_LEN])
{
    const json_t *clipboard = json_object_get(json_object_get(policy, "security"), "clipboard");
    const json_t *max = json_object_get(clipboard, "maxSizeBytes");
    json_int_t bytes = json_integer_value(max);

    if (!clipboard)
        (void)snprintf(ret_rule, POOL_CLIPBOARD_LEN, "both");
    else if (!json_is_object(clipboard) ||
             (max && !json_is_null(max) && (!json_is_integer(max) || bytes < 0)))
        (void)snprintf(ret_rule, POOL_CLIPBOARD_LEN, "none");
    else if (!max || json_is_null(max))
        (void)snprintf(ret_rule, POOL_CLIPBOARD_LEN, "%s", direction_of(clipboard));
    else
        (void)snprintf(ret_rule, POOL_CLIPBOARD_LEN, "%s:%lld", direction_of(clipboard),
                       (long long)MIN(bytes, (json_int_t)POOL_CLIPBOARD_MAX));
}
