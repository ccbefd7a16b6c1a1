/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identifiers of sessions, tokens and application instances. The original's session ids and tokens are the
 * Unix time and 5 random characters; ours are the time and 22, which nobody can guess. */
#ifndef ISTHMUS_OVD_MESSAGE_IDS_H
#define ISTHMUS_OVD_MESSAGE_IDS_H

#include "ovd/message/limits.h"

#include "base/util.h"

#define OVD_ID_RANDOM_LEN 22
#define OVD_ID_SIZE 42 /* up to 19 digits of time, the random characters and NUL */
#define OVD_INSTANCE_ID_LEN 5
#define OVD_INSTANCE_ID_SIZE 6

/* unix_time is in seconds and not negative. */
void ovd_id_make(int64_t unix_time, char ret_id[OVD_ID_SIZE]);
/* Has exactly the form of ovd_id_make. */
bool ovd_id_is_ours(const char *id);
/* 1 to OVD_ID_MAX characters of [A-Za-z0-9], as anybody's session ids and tokens have to be. */
bool ovd_id_is_valid(const char *id);
/* Five characters, as in the original: unique in its session only, and never a secret. */
void ovd_instance_id_make(char ret_id[OVD_INSTANCE_ID_SIZE]);

#endif
