/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.sock: the host's end of the text protocol with a session's streamer (docs/protocol/internal.md). */
#include <stdio.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/str.h"
#include "http/peer_auth.h"
#include "pool/pool_priv.h"

#define MESSAGE_MAX 8192
#define QUEUE_MAX 65536

static int on_accept(void *ctx, const struct ws_handshake *handshake, void **ret_data)
{
    struct slot *slot = ctx;
    *ret_data = slot;
    if (!str_eq(ws_handshake_path(handshake), "/control"))
        return 404;
    return ws_handshake_uid(handshake) == slot->account.streamer_uid ? 0 : 403;
}

static void on_opened(void *ctx, struct ws_conn *conn, void *data)
{
    struct slot *slot = ctx;
    (void)data;
    slot->streamer = conn; /* the newest one speaks; an older one is a streamer that is on its way out */
}

/* "?a=1&b=2": values are percent-encoded, so the text holds no '|' and goes into its field as it is. */
static char *session_info(const struct slot *slot)
{
    const struct pool *pool = slot->pool;
    uint8_t key[32];
    char key_text[65] = "";
    if (pool->has_key) {
        peer_auth_streamer_key(pool->peer_key, slot->order.session_id, key);
        hex_encode(key, sizeof key, key_text);
    }
    cleanup_free char *socket = slot->order.sandbox
                                    ? xasprintf("%s/session/x11/X%d", slot->dir, slot->display)
                                    : xasprintf("/tmp/.X11-unix/X%d", slot->display);
    cleanup_free char *cookie = xasprintf("%s/session/xauthority", slot->dir);
    cleanup_free char *x11 = percent_encode(socket);
    cleanup_free char *xauthority = percent_encode(cookie);
    cleanup_free char *bind = percent_encode(pool->streamer_bind);
    unsigned port = pool->base_port + 10 * slot->number;
    cleanup_free char *spool = xasprintf("%s/session/print", slot->dir);
    cleanup_free char *encoded = percent_encode(spool);
    cleanup_free char *print = slot->order.printing ? xasprintf("&print=%s", encoded) : xstrdup("");
    cleanup_free char *rfb_socket = xasprintf("%s/session/rfb.sock", slot->dir);
    cleanup_free char *rfb = percent_encode(rfb_socket);
    cleanup_free char *clipboard = percent_encode(slot->order.clipboard ? slot->order.clipboard : "both");
    char *text = xasprintf(
        "SESSION_INFO:%s|ws=%u&http=%u&bind=%s&key=%s&width=%d&height=%d&maxWidth=%d&maxHeight=%d&fps=%u&"
        "compression=%u&x11=%s&xauthority=%s&display=%d%s&rfb=%s&clipboard=%s",
        slot->order.session_id, port, port + 1, bind, key_text, slot->order.width, slot->order.height,
        slot->order.max_width, slot->order.max_height, pool->frame_rate, pool->compression, x11, xauthority,
        slot->display, print, rfb, clipboard);
    secret_wipe(key, sizeof key);
    secret_wipe(key_text, sizeof key_text);
    return text;
}

static void send_info(struct slot *slot)
{
    slot->info_asked = false;
    char *text = session_info(slot);
    (void)ws_send_text(slot->streamer, text);
    secret_wipe(text, strlen(text));
    free(text);
}

static void on_request(struct slot *slot, struct ws_conn *conn, const char *field)
{
    cleanup_free char *name = NULL;
    if (percent_decode(field, strlen(field), &name) < 0 || !str_eq(name, slot->account.name) ||
        slot->ending) {
        (void)ws_send_text(conn, "SESSION_INFO:|error=unknown_user");
        return;
    }
    if (slot->display >= 0)
        send_info(slot);
    else
        slot->info_asked = true;
}

static void on_ready(struct slot *slot)
{
    if (slot->ending)
        return;
    slot->ready = true;
    pool_instance_tell(slot);
    slot->pool->events->ready(slot->pool->arg, slot->order.session_id);
    pool_rfb_listed(slot);
}

static void on_viewers(struct slot *slot, char *fields)
{
    int64_t viewers, owners;
    char *bar = strchr(fields, '|');
    if (!bar || slot->ending)
        return;
    *bar = '\0';
    if (str_to_int(fields, 0, 100000, &viewers) < 0 || str_to_int(bar + 1, 0, viewers, &owners) < 0)
        return;
    slot->pool->events->viewers(slot->pool->arg, slot->order.session_id, (int)viewers, (int)owners);
}

/* Unknown words are a newer streamer's: ignored. */
static void on_message(void *ctx, struct ws_conn *conn, void *data, bool text, const void *message,
                       size_t len)
{
    struct slot *slot = ctx;
    (void)data;
    if (!text || conn != slot->streamer || memchr(message, '\0', len))
        return;
    cleanup_free char *copy = xcalloc(1, len + 1);
    memcpy(copy, message, len);
    char *fields = strchr(copy, ':');
    if (!fields)
        return;
    *fields++ = '\0';
    if (str_eq(copy, "REQUEST_SESSION_INFO"))
        on_request(slot, conn, fields);
    else if (str_eq(copy, "STREAMER_READY"))
        on_ready(slot);
    else if (str_eq(copy, "VIEWERS"))
        on_viewers(slot, fields);
}

static void on_closed(void *ctx, struct ws_conn *conn, void *data)
{
    struct slot *slot = ctx;
    (void)data;
    if (slot->streamer != conn)
        return;
    slot->streamer = NULL;
    slot->info_asked = false;
    slot->ready = false;
    /* Its viewers are gone with it; those that attach to the next one are told anew. */
    if (!slot->ending && slot->state == SLOT_LIVING)
        slot->pool->events->viewers(slot->pool->arg, slot->order.session_id, 0, 0);
}

static const struct ws_handlers handlers = {
    .accept = on_accept, .opened = on_opened, .message = on_message, .closed = on_closed};

int pool_control_open(struct slot *slot)
{
    cleanup_free char *path = xasprintf("%s/session/control.sock", slot->dir);
    (void)unlink(path);
    struct ws_server_options options = {.loop = slot->pool->loop,
                                        .unix_path = path,
                                        .unix_mode = 0600,
                                        .max_message = MESSAGE_MAX,
                                        .max_queue = QUEUE_MAX,
                                        .handlers = &handlers,
                                        .ctx = slot};
    int r = ws_server_create(&options, &slot->control);
    if (r < 0)
        return r;
    if (!slot->account.shared && lchown(path, slot->account.streamer_uid, slot->account.gid) < 0)
        return -errno;
    return 0;
}

void pool_control_close(struct slot *slot)
{
    slot->control = ws_server_destroy(slot->control);
    slot->streamer = NULL;
}

void pool_control_display(struct slot *slot)
{
    if (slot->info_asked && slot->streamer)
        send_info(slot);
}

void pool_control_ending(struct slot *slot)
{
    cleanup_free char *text = xasprintf("SESSION_ENDING:%s", slot->reason);
    if (slot->streamer)
        (void)ws_send_text(slot->streamer, text);
}

int pool_detach(struct pool *pool, const char *session_id, const char *reason)
{
    struct slot *slot = pool_living_slot(pool, session_id);
    if (!slot)
        return -ENOENT;
    cleanup_free char *text = xasprintf("DETACH:%s", keeper_reason_valid(reason) ? reason : "detached");
    if (slot->streamer)
        (void)ws_send_text(slot->streamer, text);
    return 0;
}
