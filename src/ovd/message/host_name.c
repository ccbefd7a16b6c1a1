/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/host_name.h"

#include "base/str.h"

#define NAME_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
#define ADDRESS_SET "0123456789abcdefABCDEF:."

/* Of the name at the beginning; 0: there is none. */
static size_t name_length(const char *host)
{
    size_t len = *host == '[' ? 1 + strspn(host + 1, ADDRESS_SET) : strspn(host, NAME_SET);
    if (*host == '[')
        len = len > 1 && host[len] == ']' ? len + 1 : 0;
    return len <= OVD_HOST_MAX ? len : 0;
}

bool ovd_host_read(const char *host, char ret_name[OVD_HOST_MAX + 1], unsigned *ret_port)
{
    size_t len = host ? name_length(host) : 0;
    int64_t port = 80;
    if (len == 0 || (host[len] && host[len] != ':'))
        return false;
    if (host[len] && host[len + 1] && str_to_int(host + len + 1, 1, 65535, &port) < 0)
        return false;
    memcpy(ret_name, host, len);
    ret_name[len] = '\0';
    *ret_port = (unsigned)port;
    return true;
}
