/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/str.h"

#define LIST_ENTRY_MAX 80

/* Every address as 16 bytes; IPv4 in its mapped form. */
static bool parse(const char *text, struct in6_addr *ret)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memset(ret, 0, sizeof *ret);
        ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
        memcpy(ret->s6_addr + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, ret) == 1;
}

static void print(const struct in6_addr *address, char ret_text[ADDR_TEXT_LEN])
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        inet_ntop(AF_INET, address->s6_addr + 12, ret_text, ADDR_TEXT_LEN);
    else
        inet_ntop(AF_INET6, address, ret_text, ADDR_TEXT_LEN);
}

void addr_text(const struct sockaddr *address, char ret_text[ADDR_TEXT_LEN])
{
    /* Copied out, because a sockaddr need not be aligned for its family. */
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, ret_text, ADDR_TEXT_LEN);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        print(&v6.sin6_addr, ret_text);
    } else {
        str_copy(ret_text, ADDR_TEXT_LEN, address->sa_family == AF_UNIX ? "unix" : "unknown");
    }
}

void addr_prefix(const char *text, char ret_prefix[ADDR_TEXT_LEN])
{
    struct in6_addr address;
    if (!parse(text, &address) || IN6_IS_ADDR_V4MAPPED(&address)) {
        str_copy(ret_prefix, ADDR_TEXT_LEN, text);
        return;
    }
    memset(address.s6_addr + 8, 0, 8);
    char network[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &address, network, sizeof network);
    snprintf(ret_prefix, ADDR_TEXT_LEN, "%s/64", network);
}

static bool prefix_equal(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a->s6_addr[bits / 8] ^ b->s6_addr[bits / 8]) >> (8 - rest) == 0;
}

/* One entry of a list: an address or "network/bits". */
static bool entry_matches(const struct in6_addr *address, char *entry)
{
    struct in6_addr network;
    int64_t bits = 128;
    char *slash = strchr(entry, '/');
    if (slash)
        *slash = 0;
    if (!parse(entry, &network))
        return false;
    if (slash) {
        bool v4 = strchr(entry, ':') == NULL;
        if (str_to_int(slash + 1, 0, v4 ? 32 : 128, &bits) < 0)
            return false;
        bits += v4 ? 96 : 0;
    }
    return prefix_equal(address, &network, (unsigned)bits);
}

bool addr_in_list(const char *text, const char *list)
{
    struct in6_addr address;
    if (!list || !parse(text, &address))
        return false;
    while (*list) {
        char entry[LIST_ENTRY_MAX];
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len > 0 && len < sizeof entry) {
            memcpy(entry, list, len);
            entry[len] = 0;
            if (entry_matches(&address, entry))
                return true;
        }
        list += len;
    }
    return false;
}

void addr_client(const char *peer, const char *forwarded_for, const char *trusted,
                 char ret_text[ADDR_TEXT_LEN])
{
    str_copy(ret_text, ADDR_TEXT_LEN, peer);
    if (!forwarded_for || !addr_in_list(peer, trusted))
        return;
    /* From the end: each hop has appended whom it saw, so everything before the last untrusted one may be
     * invented. */
    size_t end = strlen(forwarded_for);
    char entry[ADDR_TEXT_LEN];
    while (end > 0) {
        size_t start = end;
        while (start > 0 && forwarded_for[start - 1] != ',')
            start--;
        size_t from = start + strspn(forwarded_for + start, " \t");
        size_t to = end;
        while (to > from && strchr(" \t", forwarded_for[to - 1]))
            to--;
        struct in6_addr address;
        size_t len = to > from ? to - from : 0;
        if (len < sizeof entry)
            memcpy(entry, forwarded_for + from, len);
        entry[len < sizeof entry ? len : 0] = 0;
        if (!parse(entry, &address)) {
            str_copy(ret_text, ADDR_TEXT_LEN, peer);
            return;
        }
        print(&address, ret_text);
        if (!addr_in_list(entry, trusted))
            return;
        end = start > 0 ? start - 1 : 0;
    }
}
