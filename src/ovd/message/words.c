/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/words.h"

#include "base/str.h"

const char *const ovd_server_status_words[3] = {"ready", "down", "broken"};
const char *const ovd_server_type_words[2] = {"linux", "windows"};
const char *const ovd_mode_words[4] = {"desktop", "portal", "external", "share"};
const char *const ovd_token_type_words[4] = {"start", "resume", "reuse", "invite"};
const char *const ovd_application_type_words[3] = {"linux", "windows", "weblink"};
const char *const ovd_guest_mode_words[2] = {"active", "passive"};

enum ovd_server_status ovd_server_status_read(const char *word)
{
    if (str_eq(word, "ready"))
        return OVD_SERVER_READY;
    return str_eq(word, "down") ? OVD_SERVER_DOWN : OVD_SERVER_BROKEN;
}

enum ovd_guest_mode ovd_guest_mode_read(const char *word)
{
    return str_eq(word, "passive") ? OVD_GUEST_PASSIVE : OVD_GUEST_ACTIVE;
}

bool ovd_session_status_is_known(int64_t status)
{
    switch (status) {
    case -1:
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 9:
    case 10:
    case 11:
    case 22:
        return true;
    default:
        return false;
    }
}

bool ovd_instance_status_is_known(int64_t status)
{
    return status == -1 || (status >= 1 && status <= 4) || (status >= 8 && status <= 11);
}

bool ovd_end_reason_is_known(const char *word)
{
    static const char *const reasons[] = {"exit",     "internal1", "internal2", "internal3", "timeout",
                                          "shutdown", "kma",       "ssh",       "adminkill", "unknown"};

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (str_eq(reasons[i], word))
            return true;
    }
    return false;
}
