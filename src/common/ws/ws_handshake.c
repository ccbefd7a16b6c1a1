/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <sys/socket.h>

#include "utlist.h"
#include "ws/ws_priv.h"

/* A value asked for during accept; freed with the handshake. */
struct ws_text {
    struct ws_text *next;
    char text[];
};

static char *keep(struct ws_handshake *h, size_t size)
{
    struct ws_text *t = calloc(1, sizeof *t + size);
    if (!t)
        return NULL;
    LL_PREPEND(h->texts, t);
    return t->text;
}

/* Arguments are kept apart by libwebsockets, one fragment each. */
static void append_arguments(struct ws_handshake *h, char *at, size_t room)
{
    char separator = '?';
    for (int i = 0;; i++) {
        if (room < 2)
            return;
        int len = lws_hdr_copy_fragment(h->wsi, at + 1, (int)(room - 1), WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len < 0)
            return;
        *at = separator;
        separator = '&';
        at += len + 1;
        room -= (size_t)len + 1;
    }
}

void ws__handshake_init(struct ws_handshake *h, struct lws *wsi)
{
    *h = (struct ws_handshake){.wsi = wsi};
    int path = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI);
    int args = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    size_t size = (size_t)(path + args) + 256;
    h->path = xcalloc(1, size);
    int len = lws_hdr_copy(wsi, h->path, (int)size, WSI_TOKEN_GET_URI);
    if (len > 0 && args > 0)
        append_arguments(h, h->path + len, size - (size_t)len);
}

void ws__handshake_finish(struct ws_handshake *h)
{
    struct ws_text *t, *next;
    LL_FOREACH_SAFE(h->texts, t, next)
    free(t);
    free(h->path);
}

const char *ws_handshake_path(const struct ws_handshake *h)
{
    return h->path;
}

/* Headers that libwebsockets knows by number, "host:" and so on. */
static int known_header(const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; i < WSI_TOKEN_COUNT; i++) {
        const char *token = (const char *)lws_token_to_string((enum lws_token_indexes)i);
        if (token && strlen(token) == len + 1 && token[len] == ':' && memcmp(token, name, len) == 0)
            return i;
    }
    return -1;
}

const char *ws_handshake_header(const struct ws_handshake *handshake, const char *name)
{
    /* The text is kept in the handshake; nothing a caller can see changes. */
    struct ws_handshake *h = (struct ws_handshake *)(uintptr_t)handshake;
    int token = known_header(name);
    if (token >= 0) {
        int len = lws_hdr_total_length(h->wsi, (enum lws_token_indexes)token);
        char *text = len > 0 ? keep(h, (size_t)len + 64) : NULL;
        bool ok = text && lws_hdr_copy(h->wsi, text, len + 64, (enum lws_token_indexes)token) >= 0;
        return ok ? text : NULL;
    }
    cleanup_free char *label = xasprintf("%s:", name);
    int label_len = (int)strlen(label);
    int len = lws_hdr_custom_length(h->wsi, label, label_len);
    char *text = len >= 0 ? keep(h, (size_t)len + 1) : NULL;
    return text && lws_hdr_custom_copy(h->wsi, text, len + 1, label, label_len) >= 0 ? text : NULL;
}

uid_t ws_handshake_uid(const struct ws_handshake *h)
{
    struct ucred peer;
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address, peer_len = sizeof peer;
    int fd = lws_get_socket_fd(h->wsi);
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 || address.ss_family != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) < 0)
        return (uid_t)-1;
    return peer.uid;
}

void ws__refuse(struct lws *wsi, unsigned status, const char *phrase, const char *code, const char *message)
{
    char body[256];
    unsigned char text[LWS_PRE + 768];
    int body_len =
        snprintf(body, sizeof body, "{\"success\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}",
                 code, message);
    int len = snprintf((char *)text + LWS_PRE, sizeof text - LWS_PRE,
                       "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: "
                       "%d\r\nConnection: close\r\n%s\r\n%s",
                       status, phrase, body_len,
                       status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "", body);
    lws_write(wsi, text + LWS_PRE, (size_t)len, LWS_WRITE_HTTP_HEADERS);
}
