/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws/ws_priv.h"

#define HANDSHAKE_S 10
#define PARALLEL_HANDSHAKES 64

static int make_protocols(struct ws_context *context, lws_callback_function *callback,
                          const char *const *names)
{
    static const char *const any[] = {"isthmus", NULL}; /* for peers that ask for none */
    size_t count = 0;
    if (!names)
        names = any;
    while (names[count])
        count++;
    context->protocols = xcalloc(count + 1, sizeof *context->protocols);
    for (size_t i = 0; i < count; i++)
        context->protocols[i] = (struct lws_protocols){
            .name = names[i],
            .callback = callback,
            .per_session_data_size = 1, /* else libwebsockets does not say that it drops a connection */
            .rx_buffer_size = WS_CHUNK,
            .tx_packet_size = WS_FRAME_MAX,
            .user = context,
        };
    return count > 0 ? 0 : -EINVAL;
}

int ws__context_init(struct ws_context *context, lws_callback_function *callback,
                     const char *const *protocols)
{
    lws_set_log_level(0, NULL); /* what went wrong is reported by our own callers */
    int rc = make_protocols(context, callback, protocols);
    if (rc == 0)
        rc = loop_guest_create(context->loop, &context->guest);
    if (rc < 0)
        return rc;
    unsigned handshake_s = context->handshake_s ? context->handshake_s : HANDSHAKE_S;
    void *loops[] = {loop_guest_native(context->guest)};
    struct lws_context_creation_info info = {
        .port = context->is_client ? CONTEXT_PORT_NO_LISTEN : CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .foreign_loops = loops,
        .protocols = context->protocols,
        .max_http_header_data2 = WS_HEAD_MAX,
        .max_http_header_pool2 = PARALLEL_HANDSHAKES,
        .pt_serv_buf_size = 2 * WS_CHUNK,
        .timeout_secs = handshake_s,
        .timeout_secs_ah_idle = handshake_s,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = context,
    };
    context->lws = lws_create_context(&info);
    if (!context->lws)
        return -EIO;
    context->vhost = lws_get_vhost_by_name(context->lws, "default");
    loop_guest_kick(context->guest);
    return context->vhost ? 0 : -EIO;
}

bool ws__context_finish(struct ws_context *context)
{
    if (context->guest && loop_guest_running(context->guest))
        return false;
    if (context->lws) {
        /* The first call starts closing what is open, the turns let libuv finish that, the second call frees.
         */
        lws_context_destroy(context->lws);
        loop_guest_settle(context->guest);
        lws_context_destroy(context->lws);
    }
    loop_guest_destroy(context->guest);
    free(context->protocols);
    return true;
}
