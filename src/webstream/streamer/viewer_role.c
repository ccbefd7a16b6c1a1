/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/viewer_role.h"

#include "base/str.h"

static const char *const words[] = {
    [VIEWER_OWNER] = "owner", [VIEWER_ACTIVE] = "active", [VIEWER_PASSIVE] = "passive"};

int viewer_role_parse(const char *text, enum viewer_role *ret_role)
{
    if (!text) {
        *ret_role = VIEWER_OWNER;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_eq(text, words[i])) {
            *ret_role = (enum viewer_role)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *viewer_role_word(enum viewer_role role)
{
    return words[role];
}

/* Named one by one: a type that comes later is nobody's but the owner's until it is written down here. */
bool viewer_role_may(enum viewer_role role, enum control_type type)
{
    switch (type) {
    case CONTROL_PING:
        return true;
    case CONTROL_POINTER:
    case CONTROL_WHEEL:
    case CONTROL_KEY:
    case CONTROL_TEXT:
    case CONTROL_RELEASE_KEYS:
        return role != VIEWER_PASSIVE;
    default:
        return role == VIEWER_OWNER;
    }
}
