/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/xauth.h"

#include "base/secret.h"

#define FAMILY_WILD 0xffff
#define COOKIE_LEN 16

static size_t put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return 2;
}

/* Counted byte strings behind big-endian 16-bit lengths: family, address, display number, name, data. */
size_t xauth_make_entry(uint8_t ret_entry[XAUTH_ENTRY_MAX])
{
    static const char name[] = "MIT-MAGIC-COOKIE-1";
    size_t len = put_u16(ret_entry, FAMILY_WILD);
    len += put_u16(ret_entry + len, 0);
    len += put_u16(ret_entry + len, 0);
    len += put_u16(ret_entry + len, sizeof name - 1);
    memcpy(ret_entry + len, name, sizeof name - 1);
    len += sizeof name - 1;
    len += put_u16(ret_entry + len, COOKIE_LEN);
    secret_random(ret_entry + len, COOKIE_LEN);
    return len + COOKIE_LEN;
}
