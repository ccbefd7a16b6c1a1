/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/ids.h"

#include <stdio.h>

#include "base/secret.h"
#include "base/str.h"
#include "ovd/message/message_priv.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

void ovd__random_letters(char *ret_text, size_t len)
{
    const unsigned count = sizeof(letters) - 1;
    uint8_t byte;

    for (size_t i = 0; i < len; i++) {
        /* Bytes of the last, incomplete round would make some letters more likely than others. */
        do {
            secret_random(&byte, 1);
        } while (byte >= 256 / count * count);
        ret_text[i] = letters[byte % count];
    }
    ret_text[len] = '\0';
}

void ovd_id_make(int64_t unix_time, char ret_id[OVD_ID_SIZE])
{
    int digits = snprintf(ret_id, OVD_ID_SIZE, "%lld", (long long)MAX(unix_time, (int64_t)0));

    ovd__random_letters(ret_id + digits, OVD_ID_RANDOM_LEN);
}

bool ovd_id_is_ours(const char *id)
{
    size_t len;

    if (!str_is_token(id, letters, OVD_ID_SIZE - 1))
        return false;
    len = strlen(id);
    if (len <= OVD_ID_RANDOM_LEN)
        return false;
    len -= OVD_ID_RANDOM_LEN;
    return strspn(id, "0123456789") >= len && (id[0] != '0' || len == 1);
}

bool ovd_id_is_valid(const char *id)
{
    return str_is_token(id, letters, OVD_ID_MAX);
}

void ovd_instance_id_make(char ret_id[OVD_INSTANCE_ID_SIZE])
{
    ovd__random_letters(ret_id, OVD_INSTANCE_ID_LEN);
}
