/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address a host registers with. The gateway will connect to it, so it must not be able to name anything
 * but a machine of the farm: no other scheme, no path, no user, no public and no link-local address (where
 * clouds keep their credentials). */
#include <netdb.h>
#include <stdio.h>

#include "net/addr.h"
#include "webstream/gateway/gateway_priv.h"

#define SCHEME "http://"
#define NAME_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define IPV6_SET "0123456789abcdefABCDEF:."
#define PRIVATE "127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, ::1/128, fc00::/7"

/* The host part at *text into ret_host, without brackets; *text moves behind it. */
static int take_host(const char **text, char ret_host[256], bool *ret_is_v6)
{
    const char *at = *text;
    bool v6 = *at == '[';
    const char *start = v6 ? at + 1 : at;
    size_t len = strcspn(start, v6 ? "]" : ":/");
    if (len == 0 || len > 255 || (v6 && start[len] != ']'))
        return -EINVAL;
    memcpy(ret_host, start, len);
    ret_host[len] = '\0';
    if (!str_is_token(ret_host, v6 ? IPV6_SET : NAME_SET, 255))
        return -EINVAL;
    *text = start + len + (v6 ? 1 : 0);
    *ret_is_v6 = v6;
    return 0;
}

int host_url_parse(const char *text, struct host_url *ret_url)
{
    struct host_url url = {.port = 80};
    char port[8];
    int64_t number;
    bool v6;
    if (strlen(text) > 512 || !str_starts_with(text, SCHEME))
        return -EINVAL;
    text += strlen(SCHEME);
    int r = take_host(&text, url.host, &v6);
    if (r < 0)
        return r;
    if (*text == ':') {
        size_t len = strcspn(++text, "/");
        if (len == 0 || len >= sizeof(port))
            return -EINVAL;
        memcpy(port, text, len);
        port[len] = '\0';
        if (str_to_int(port, 1, 65535, &number) < 0)
            return -EINVAL;
        url.port = (unsigned)number;
        text += len;
    }
    if (*text && strcmp(text, "/") != 0)
        return -EINVAL;
    snprintf(url.text, sizeof(url.text), v6 ? SCHEME "[%s]:%u" : SCHEME "%s:%u", url.host, url.port);
    *ret_url = url;
    return 0;
}

int host_url_check(const struct host_url *url)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(url->host, NULL, &hints, &list) != 0)
        return -ENOENT;
    int r = list ? 0 : -ENOENT;
    for (const struct addrinfo *at = list; at && r == 0; at = at->ai_next) {
        char address[ADDR_TEXT_LEN];
        addr_text(at->ai_addr, address);
        if (!addr_in_list(address, PRIVATE))
            r = -EACCES;
    }
    freeaddrinfo(list);
    return r;
}
