/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fixed words and numbers of the OVD web services. */
#ifndef ISTHMUS_OVD_MESSAGE_WORDS_H
#define ISTHMUS_OVD_MESSAGE_WORDS_H

#include "base/util.h"

enum ovd_server_status { OVD_SERVER_READY, OVD_SERVER_DOWN, OVD_SERVER_BROKEN };
extern const char *const ovd_server_status_words[3]; /* ready down broken */
/* Any other word, and none at all, is broken: so a Session Manager stores what it does not know. */
enum ovd_server_status ovd_server_status_read(const char *word);

enum ovd_server_type { OVD_SERVER_LINUX, OVD_SERVER_WINDOWS };
extern const char *const ovd_server_type_words[2]; /* linux windows */

enum ovd_mode { OVD_MODE_DESKTOP, OVD_MODE_PORTAL, OVD_MODE_EXTERNAL, OVD_MODE_SHARE };
extern const char *const ovd_mode_words[4]; /* desktop portal external share */

enum ovd_token_type { OVD_TOKEN_START, OVD_TOKEN_RESUME, OVD_TOKEN_REUSE, OVD_TOKEN_INVITE };
extern const char *const ovd_token_type_words[4]; /* start resume reuse invite */

enum ovd_application_type { OVD_APPLICATION_LINUX, OVD_APPLICATION_WINDOWS, OVD_APPLICATION_WEBLINK };
extern const char *const ovd_application_type_words[3]; /* linux windows weblink */

/* What a guest may do. Any word but "passive" invites an active one. */
enum ovd_guest_mode { OVD_GUEST_ACTIVE, OVD_GUEST_PASSIVE };
extern const char *const ovd_guest_mode_words[2]; /* active passive */
enum ovd_guest_mode ovd_guest_mode_read(const char *word);

/* Whether a session or an application instance can have this status at all; 4 is "destroyed or unknown". */
bool ovd_session_status_is_known(int64_t status);
bool ovd_instance_status_is_known(int64_t status);

/* Whether this is one of the reasons that a session can end for (exit, timeout, kma ...). */
bool ovd_end_reason_is_known(const char *word);

#endif
