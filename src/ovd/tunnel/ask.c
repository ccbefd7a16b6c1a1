/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/ask_priv.h"

#include <stdio.h>

#include "base/str.h"

#define HOST_SHOWN 40

bool ask__decide(const struct ask *ask, enum tunnel_reason *ret_reason, bool *ret_report)
{
    *ret_reason = TUNNEL_FORBIDDEN;
    *ret_report = ask->kind != ASK_NOTHING && ask->kind != ASK_AUTH;
    if (ask->kind != ASK_DIRECT_TCPIP)
        return false;
    *ret_reason = TUNNEL_FORBIDDEN_PORT;
    return (str_eq(ask->host, "localhost") || str_eq(ask->host, "127.0.0.1")) && ask->port > 0 &&
           ask->port <= 65535;
}

void ask__printable(const char *text, char ret_text[ASK_TEXT_LEN])
{
    size_t i;
    for (i = 0; i + 1 < ASK_TEXT_LEN && text[i]; i++)
        ret_text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    ret_text[i] = '\0';
}

void ask__handshake(const char *error, char ret_text[ASK_TEXT_LEN])
{
    char text[4 * ASK_TEXT_LEN];
    const char *server = strstr(error, "server ["), *client = strstr(error, "client [");
    if (server && client && client > server)
        snprintf(text, sizeof text, "%.*s%s", (int)MIN(server - error, ASK_TEXT_LEN), error, client);
    else
        snprintf(text, sizeof text, "%s", error);
    ask__printable(text, ret_text);
}

void ask__describe(const struct ask *ask, char ret_text[ASK_TEXT_LEN])
{
    static const char *const words[] = {
        [ASK_NOTHING] = "nothing",         [ASK_DIRECT_TCPIP] = "channel to", [ASK_OTHER_CHANNEL] = "channel",
        [ASK_CHANNEL_REQUEST] = "request", [ASK_GLOBAL] = "global request",   [ASK_AUTH] = "authentication",
    };
    char text[ASK_TEXT_LEN];
    if (ask->kind == ASK_DIRECT_TCPIP)
        snprintf(text, sizeof text, "%s %.*s:%d", words[ask->kind], HOST_SHOWN, ask->host ? ask->host : "",
                 ask->port);
    else
        snprintf(text, sizeof text, "%s %.*s", words[ask->kind], HOST_SHOWN,
                 ask->name ? ask->name : "unknown");
    ask__printable(text, ret_text);
}
