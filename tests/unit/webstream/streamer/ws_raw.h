/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A WebSocket client made of a blocking socket: speaks to the streamer as the gateway's tunnel does, byte by
 * byte as a test wants it. */
#ifndef ISTHMUS_TESTS_STREAMER_WS_RAW_H
#define ISTHMUS_TESTS_STREAMER_WS_RAW_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/str.h"
#include "http/peer_auth.h"

struct ws_raw {
    int fd;
    uint8_t *data; /* of the last message */
    size_t len, cap;
    unsigned opcode;
    unsigned close_code; /* set when a close frame has come */
};

struct ws_raw_who {
    const char *session, *role; /* NULL: no role is named */
};

static inline const char *ws_raw_header(const void *arg, const char *name)
{
    const struct ws_raw_who *who = arg;

    if (str_eq(name, "x-viewer-role"))
        return who->role;
    return str_eq(name, "x-session-id") ? who->session : NULL;
}

static inline int ws_raw_all(int fd, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(fd, (uint8_t *)data + done, len - done, 0);

        if (n == 0)
            return -EPIPE;
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static inline int ws_raw_connect(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
        close(fd);
        return -errno;
    }
    return fd;
}

/* One HTTP exchange; the answer's status. key NULL: unsigned. upgrade: a WebSocket handshake. said: the role
 * in the header, which need not be the one that is signed. */
static inline int ws_raw_request_as(int fd, const char *path, const struct ws_raw_who *who, const char *said,
                                    const uint8_t *key, bool upgrade)
{
    struct peer_auth_request request = {.method = "GET", .url = path, .header = ws_raw_header, .arg = who};
    cleanup_free char *auth = key ? peer_auth_sign(key, &request) : NULL;
    cleanup_free char *text =
        xasprintf("GET %s HTTP/1.1\r\nHost: streamer\r\nX-Session-ID: %s\r\n%s%s%s%s%s%s%s\r\n", path,
                  who->session, said ? "X-Viewer-Role: " : "", said ? said : "", said ? "\r\n" : "",
                  auth ? "X-Isthmus-Auth: " : "", auth ? auth : "", auth ? "\r\n" : "",
                  upgrade ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                            "Sec-WebSocket-Protocol: isthmus.v1\r\n"
                          : "Connection: close\r\n");
    char answer[8192];
    size_t len = 0;
    int status = 0;

    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return -errno;
    while (len + 1 < sizeof(answer)) {
        int r = ws_raw_all(fd, answer + len, 1);

        if (r < 0)
            return r;
        answer[++len] = '\0';
        if (len >= 4 && memcmp(answer + len - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    sscanf(answer, "HTTP/1.%*c %d", &status);
    return status;
}

static inline int ws_raw_request(int fd, const char *path, const char *session, const uint8_t *key,
                                 bool upgrade)
{
    const struct ws_raw_who who = {session, NULL};

    return ws_raw_request_as(fd, path, &who, NULL, key, upgrade);
}

/* 101 or the status of the refusal. */
static inline int ws_raw_open_as(struct ws_raw *w, unsigned port, const char *path, const char *session,
                                 const uint8_t *key, const char *role)
{
    const struct ws_raw_who who = {session, role};
    int status;

    *w = (struct ws_raw){.fd = ws_raw_connect(port)};
    if (w->fd < 0)
        return w->fd;
    status = ws_raw_request_as(w->fd, path, &who, role, key, true);
    if (status != 101) {
        close(w->fd);
        w->fd = -1;
    }
    return status;
}

static inline int ws_raw_open(struct ws_raw *w, unsigned port, const char *path, const char *session,
                              const uint8_t *key)
{
    return ws_raw_open_as(w, port, path, session, key, NULL);
}

static inline void ws_raw_close(struct ws_raw *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    free(w->data);
    w->data = NULL;
}

/* A masked frame (the mask is zeros). */
static inline int ws_raw_send(struct ws_raw *w, unsigned opcode, const void *data, size_t len)
{
    uint8_t head[14] = {(uint8_t)(0x80 | opcode)};
    size_t n = 2;

    if (len < 126) {
        head[1] = (uint8_t)(0x80 | len);
    } else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        n = 4;
    } else {
        head[1] = 0x80 | 127;
        for (unsigned i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
        n = 10;
    }
    n += 4;
    if (send(w->fd, head, n, MSG_NOSIGNAL | (len ? MSG_MORE : 0)) < 0)
        return -errno;
    return len == 0 || send(w->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -errno;
}

static inline int ws_raw_text(struct ws_raw *w, const char *text)
{
    return ws_raw_send(w, 1, text, strlen(text));
}

/* Reads one frame behind what is there. */
static inline int ws_raw_frame(struct ws_raw *w, bool *ret_final)
{
    uint8_t head[10];
    uint64_t len;
    int r = ws_raw_all(w->fd, head, 2);

    if (r < 0)
        return r;
    len = head[1] & 0x7f;
    if (len == 126 && (r = ws_raw_all(w->fd, head + 2, 2)) == 0)
        len = (uint64_t)head[2] << 8 | head[3];
    else if (len == 127 && (r = ws_raw_all(w->fd, head + 2, 8)) == 0)
        for (unsigned i = len = 0; i < 8; i++)
            len = len << 8 | head[2 + i];
    if (r < 0 || len > (256u << 20))
        return -EPROTO;
    if (w->len + len + 1 > w->cap) {
        w->cap = (w->len + len + 1) * 2;
        w->data = realloc(w->data, w->cap);
    }
    if ((head[0] & 0x0f) != 0)
        w->opcode = head[0] & 0x0f;
    *ret_final = head[0] & 0x80;
    r = ws_raw_all(w->fd, w->data + w->len, len);
    w->len += len;
    w->data[w->len] = 0;
    return r;
}

/* A whole message: 0 and opcode 1 or 2; -EPIPE after a close frame or the connection's end. */
static inline int ws_raw_read(struct ws_raw *w)
{
    bool final = false;
    int r;

    do {
        w->len = 0;
        do
            r = ws_raw_frame(w, &final);
        while (r == 0 && !final);
        if (r < 0)
            return r;
        if (w->opcode == 8) {
            w->close_code = w->len >= 2 ? (unsigned)w->data[0] << 8 | w->data[1] : 1005;
            return -EPIPE;
        }
    } while (w->opcode > 2); /* pings */
    return 0;
}

#endif
