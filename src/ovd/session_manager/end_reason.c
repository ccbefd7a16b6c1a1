/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a session ended, in the original's words. */
#include "base/str.h"
#include "ovd/message/words.h"
#include "ovd/session_manager/manager_priv.h"

/* The core's words (docs/protocol/internal.md) that are not the original's as well. */
static const struct {
    const char *core, *original;
} words[] = {
    {"kill", "adminkill"},
    /* It could not be started, or what it consists of is gone. */
    {"display_failed", "internal2"},
    {"streamer_failed", "internal2"},
    {"sandbox_failed", "internal2"},
    {"no_program", "internal2"},
    {"no_window", "internal2"},
    /* Nobody knows any more: error, lost, abandoned and whatever else. */
};

const char *sm_end_reason(const char *reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_eq(words[i].core, reason))
            return words[i].original;
    }
    return ovd_end_reason_is_known(reason) ? reason : "unknown";
}
