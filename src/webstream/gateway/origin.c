/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <strings.h>

#include "webstream/gateway/gateway_priv.h"

#define OURS "https://"
#define DEFAULT_PORT ":443"

/* Length of "host[:port]" without a port that says only the default. */
static size_t without_default_port(const char *host, size_t len)
{
    size_t tail = strlen(DEFAULT_PORT);
    /* "[::443" is no port: an address in brackets ends with one. */
    if (len >= tail && strncmp(host + len - tail, DEFAULT_PORT, tail) == 0 &&
        (host[0] != '[' || host[len - tail - 1] == ']'))
        return len - tail;
    return len;
}

static bool same_host(const char *a, const char *b)
{
    size_t a_len = without_default_port(a, strlen(a)), b_len = without_default_port(b, strlen(b));
    return a_len > 0 && a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

static bool is_listed(const char *origin, const char *list)
{
    while (*list) {
        size_t skip = strspn(list, ", ");
        size_t len = strcspn(list + skip, ", ");
        if (len > 0 && len == strlen(origin) && strncasecmp(list + skip, origin, len) == 0)
            return true;
        list += skip + len;
    }
    return false;
}

bool origin_is_allowed(const char *origin, const char *host, const char *list)
{
    /* No browser leaves it out. Other programs are known by their ticket, which no foreign page can get. */
    if (!origin)
        return true;
    if (host && strncasecmp(origin, OURS, strlen(OURS)) == 0 && same_host(origin + strlen(OURS), host))
        return true;
    return is_listed(origin, list);
}
