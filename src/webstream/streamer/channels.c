/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/streamer/channels.h"

#include <utlist.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/peer_auth.h"
#include "webstream/streamer/viewer_role.h"
#include "ws/ws.h"

/* The window, and one update that alone is larger. */
#define MAX_QUEUE (CAPTURE_MAX_UPDATE + VIEWER_WINDOW_BYTES)

enum { CLOSE_PROTOCOL = 1002, CLOSE_POLICY = 1008, CLOSE_INTERNAL = 1011 };

struct channel {
    struct channels *all;
    struct channel *prev, *next;
    bool capture; /* else control */
    enum viewer_role role;
    bool closing;
    struct ws_conn *conn; /* NULL before it is open */
    struct viewer *viewer;
    struct input input;
    uint64_t second;
    unsigned messages, errors; /* in that second */
    uint64_t forbidden_ms;     /* when it was last told that it may not do something */
};

struct channels {
    struct channels_options options;
    struct ws_server *server;
    struct channel *first;
    unsigned count;
    bool closed;
    struct loop_timer *resize_timer;
    uint64_t resized_ms;
    int wanted_w, wanted_h;
};

static const char *name_of(const struct channel *c)
{
    return c->capture ? "capture" : "control";
}

static const char *header_of(const void *arg, const char *name)
{
    return ws_handshake_header(arg, name);
}

static bool path_is(const char *path, const char *wanted)
{
    size_t len = strcspn(path, "?");

    return len == strlen(wanted) && memcmp(path, wanted, len) == 0;
}

/* The HTTP status to refuse with, or 0. */
static int check(const struct channels *all, const struct ws_handshake *h, const char *path,
                 enum viewer_role *ret_role)
{
    const struct peer_auth_request request = {.method = "GET", .url = path, .header = header_of, .arg = h};

    if (peer_auth_verify(all->options.key, &request, ws_handshake_header(h, "x-isthmus-auth"), NULL) < 0)
        return 401;
    if (!str_eq(ws_handshake_header(h, "x-session-id"), all->options.session_id))
        return 403;
    if (!path_is(path, "/capture") && !path_is(path, "/control"))
        return 404;
    if (viewer_role_parse(ws_handshake_header(h, VIEWER_ROLE_HEADER), ret_role) < 0)
        return 400;
    return all->closed || all->count >= CHANNELS_MAX ? 503 : 0;
}

static int on_accept(void *ctx, const struct ws_handshake *handshake, void **ret_data)
{
    struct channels *all = ctx;
    const char *path = ws_handshake_path(handshake);
    enum viewer_role role = VIEWER_PASSIVE;
    int status = check(all, handshake, path, &role);
    struct channel *c;

    if (status != 0) {
        const char *why = status == 401   ? "signature missing or wrong"
                          : status == 403 ? "another session's"
                          : status == 404 ? "no such channel"
                          : status == 400 ? "no such role"
                                          : "too many connections";

        all->options.events->refused(all->options.arg, path_is(path, "/capture") ? "capture" : "other", why);
        return status;
    }
    c = xcalloc(1, sizeof(*c));
    c->all = all;
    c->capture = path_is(path, "/capture");
    c->role = role;
    input_open(&c->input, all->options.input);
    DL_APPEND(all->first, c);
    all->count++;
    *ret_data = c;
    return 0;
}

/* A person with one browser has a connection of each kind. */
static void tell_viewers(struct channels *all)
{
    unsigned count[2][2] = {{0}}, owners; /* of guests and owners, control and capture */
    const struct channel *c;

    DL_FOREACH(all->first, c)
    count[c->role == VIEWER_OWNER][c->capture]++;
    owners = MAX(count[1][0], count[1][1]);
    all->options.events->viewers(all->options.arg, MAX(count[0][0], count[0][1]) + owners, owners);
}

static void close_channel(struct channel *c, unsigned code, const char *why)
{
    if (c->closing)
        return;
    c->closing = true;
    c->all->options.events->closed(c->all->options.arg, name_of(c), why);
    if (c->conn)
        ws_close(c->conn, code, why);
}

/* Takes over text. */
static void send_text(struct channel *c, char *text)
{
    if (text && !c->closing && !c->capture && c->conn && ws_send_text(c->conn, text) == -ENOBUFS)
        close_channel(c, CLOSE_POLICY, "answers are not read");
    free(text);
}

static void on_update(void *arg, struct rcbuf *message)
{
    struct channel *c = arg;

    if (!c->closing && ws_send_binary(c->conn, message) == -ENOBUFS)
        close_channel(c, CLOSE_INTERNAL, "updates are not read");
}

static void on_opened(void *ctx, struct ws_conn *conn, void *data)
{
    struct channels *all = ctx;
    struct channel *c = data;
    const struct frame *frame = source_frame(screen_source(all->options.screen));

    c->conn = conn;
    all->options.events->attached(all->options.arg, name_of(c));
    if (c->capture) {
        const struct viewer_options options = {.send = on_update, .arg = c};

        c->viewer = viewer_create(all->options.screen, &options);
    } else {
        send_text(c, control_hello(all->options.session_id, frame->width, frame->height,
                                   all->options.max_width, all->options.max_height, viewer_role_word(c->role),
                                   c->role == VIEWER_PASSIVE));
    }
    tell_viewers(all);
}

static void on_resize_timer(void *arg)
{
    struct channels *all = arg;

    all->resized_ms = clock_monotonic_ms(NULL);
    (void)source_resize(screen_source(all->options.screen), all->wanted_w, all->wanted_h);
}

static void resize(struct channel *c, int width, int height)
{
    struct channels *all = c->all;
    const struct frame *frame = source_frame(screen_source(all->options.screen));
    uint64_t now = clock_monotonic_ms(NULL), due = all->resized_ms + CHANNELS_RESIZE_INTERVAL_MS;

    all->wanted_w = MIN(width, all->options.max_width);
    all->wanted_h = MIN(height, all->options.max_height);
    if (all->wanted_w == frame->width && all->wanted_h == frame->height)
        send_text(
            c, control_resized(frame->width, frame->height)); /* nothing will change, yet an answer is due */
    loop_timer_start(all->resize_timer, now >= due ? 0 : due - now, 0);
}

static void on_error(struct channel *c, const char *message)
{
    if (++c->errors > CHANNELS_ERRORS_PER_S) {
        close_channel(c, CLOSE_POLICY, "too many refused messages");
        return;
    }
    send_text(c, control_error("bad_message", message));
}

/* Told once and then once in a while: a page that sends its input all the same does no harm. */
static void forbid(struct channel *c)
{
    uint64_t now = clock_monotonic_ms(NULL);

    if (c->forbidden_ms != 0 && now - c->forbidden_ms < CHANNELS_FORBIDDEN_MS)
        return;
    c->forbidden_ms = now;
    if (c->role == VIEWER_PASSIVE)
        send_text(c, control_error("view_only", "you are watching this session"));
    else
        send_text(c, control_error("owner_only", "only the session's owner may do that"));
}

static void on_text(struct channel *c, const void *data, size_t len)
{
    struct control_message m;
    char error[JSON_ERROR_LEN];

    if (control_parse(data, len, &m, error) < 0) {
        on_error(c, error);
        return;
    }
    if (!viewer_role_may(c->role, m.type))
        forbid(c);
    else if (m.type == CONTROL_RESIZE)
        resize(c, m.width, m.height);
    else if (m.type == CONTROL_PING)
        send_text(c, control_pong(m.t));
    else
        (void)input_message(&c->input, &m);
    control_message_finish(&m);
}

static void on_binary(struct channel *c, const void *data, size_t len)
{
    int r = c->viewer ? viewer_message(c->viewer, data, len) : -EPROTO;

    if (r == -EDQUOT)
        close_channel(c, CLOSE_POLICY, "too many requests");
    else if (r < 0)
        close_channel(c, CLOSE_PROTOCOL, "malformed message");
}

static bool too_many(struct channel *c)
{
    uint64_t second = clock_monotonic_ms(NULL) / 1000;

    if (second != c->second) {
        c->second = second;
        c->messages = c->errors = 0;
    }
    return ++c->messages > CHANNELS_MESSAGES_PER_S;
}

static void on_message(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message,
                       size_t len)
{
    struct channel *c = data;

    (void)ctx;
    (void)conn;
    if (c->closing)
        return;
    if (too_many(c))
        close_channel(c, CLOSE_POLICY, "too many messages");
    else if (text)
        on_text(c, message, len);
    else
        on_binary(c, message, len);
}

static void on_closed(void *ctx, struct ws_conn *conn, void *data)
{
    struct channels *all = ctx;
    struct channel *c = data;

    (void)conn;
    input_close(&c->input);
    viewer_destroy(c->viewer);
    DL_DELETE(all->first, c);
    all->count--;
    if (!c->closing)
        all->options.events->closed(all->options.arg, name_of(c), NULL);
    free(c);
    tell_viewers(all);
}

int channels_create(const struct channels_options *options, struct channels **ret_channels)
{
    static const char *const protocols[] = {"isthmus.v1", NULL};
    static const struct ws_handlers handlers = {
        .accept = on_accept, .opened = on_opened, .message = on_message, .closed = on_closed};
    struct channels *all = xcalloc(1, sizeof(*all));
    struct ws_server_options server = {
        .loop = options->loop,
        .bind = options->bind,
        .port = options->port,
        .protocols = protocols,
        .max_message = CONTROL_MAX_MESSAGE,
        .max_queue = MAX_QUEUE,
        .handlers = &handlers,
        .ctx = all,
    };
    int r;

    all->options = *options;
    r = loop_timer_create(options->loop, on_resize_timer, all, &all->resize_timer);
    if (r == 0)
        r = ws_server_create(&server, &all->server);
    if (r < 0) {
        channels_destroy(all);
        return r;
    }
    *ret_channels = all;
    return 0;
}

struct channels *channels_destroy(struct channels *channels)
{
    if (!channels)
        return NULL;
    channels->closed = true;
    ws_server_destroy(channels->server);
    loop_timer_destroy(channels->resize_timer);
    free(channels);
    return NULL;
}

unsigned channels_port(const struct channels *channels)
{
    return ws_server_port(channels->server);
}

unsigned channels_count(const struct channels *channels)
{
    return channels->count;
}

void channels_resized(struct channels *channels, int width, int height)
{
    struct channel *c;

    DL_FOREACH(channels->first, c)
    send_text(c, control_resized(width, height));
}

unsigned channels_printed(struct channels *channels, const char *title, int64_t time, uint64_t bytes)
{
    struct channel *c;
    unsigned count = 0;

    DL_FOREACH(channels->first, c)
    {
        if (c->capture || c->closing || !c->conn || c->role != VIEWER_OWNER)
            continue;
        send_text(c, control_print(title, time, bytes));
        count++;
    }
    return count;
}

static void close_all(struct channels *channels, unsigned code, const char *reason)
{
    struct channel *c, *tmp;

    DL_FOREACH_SAFE(channels->first, c, tmp)
    {
        if (code == CHANNELS_CLOSE_ENDED)
            send_text(c, control_ended(reason));
        close_channel(c, code, reason);
    }
}

void channels_detach(struct channels *channels, const char *reason)
{
    close_all(channels, CHANNELS_CLOSE_ENDED, reason);
}

void channels_close(struct channels *channels, unsigned code, const char *reason)
{
    channels->closed = true;
    close_all(channels, code, reason);
}
