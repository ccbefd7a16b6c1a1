// links: gateway
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What strangers say at the gateway's edge: a host's address and a page's origin. Input: address, NUL,
 * origin, NUL, our host, NUL, list. */
#include <strings.h>

#include "webstream/gateway/gateway_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const char *text)
{
    struct host_url url, again;
    if (host_url_parse(text, &url) < 0)
        return;
    /* The normal form means the same, and holds nothing that could end a line or a name. */
    if (host_url_parse(url.text, &again) < 0 || strcmp(again.text, url.text) != 0 || again.port != url.port ||
        strcmp(again.host, url.host) != 0)
        abort();
    for (const char *at = url.text; *at; at++)
        if (*at <= ' ' || *at == '@' || *at == '?' || *at == '#' || *at == '%')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *part[4] = {"", "", "", ""};
    char *text = calloc(1, size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(part) && at <= size; i++) {
        part[i] = text + at;
        at += strlen(text + at) + 1;
    }
    check_url(part[0]);
    /* With an empty list only a page of our own scheme gets in. */
    if (origin_is_allowed(part[1], part[2], "") && strncasecmp(part[1], "https://", 8) != 0)
        abort();
    (void)origin_is_allowed(part[1], part[2], part[3]);
    free(text);
    return 0;
}
