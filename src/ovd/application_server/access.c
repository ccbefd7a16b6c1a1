/* SPDX-License-Identifier: GPL-3.0-or-later */
/* access.php: how a client gets to the picture of one instance (spec/ovd.md 3.4). A guest asks for what it
 * was invited to; for anything else it gets no VNC port. Limits: a name in Host of at most
 * OVD_HOST_MAX characters; what has not the form of a name is not repeated to anybody. */
#include "ovd/message/access.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

#define ANSWER_MAX 65536
bool aps_host_read(const struct http_request *r, char ret_name[OVD_HOST_MAX + 1], unsigned *ret_port)
{
    return ovd_host_read(http_header(r, "Host"), ret_name, ret_port);
}

char *aps_host_name(const struct aps *aps, const struct http_request *r, unsigned *ret_port)
{
    char name[OVD_HOST_MAX + 1];
    if (aps_host_read(r, name, ret_port))
        return xstrdup(name);
    *ret_port = listener_port(aps->listener);
    return strchr(aps->server_name, ':') ? xasprintf("[%s]", aps->server_name) : xstrdup(aps->server_name);
}

char *aps_host_bare(const struct aps *aps, const struct http_request *r)
{
    unsigned port;
    char *name = aps_host_name(aps, r, &port);
    if (*name != '[')
        return name;
    char *bare = xasprintf("%.*s", (int)strcspn(name + 1, "]"), name + 1);
    free(name);
    return bare;
}

static void fill_proxy(const struct aps_session *session, struct ovd_access *access)
{
    if (!session->settings[OVD_SETTING_PROXY_HOST])
        return;
    access->proxy_type = xstrdup(aps_session_setting(session, OVD_SETTING_PROXY_TYPE));
    access->proxy_host = xstrdup(aps_session_setting(session, OVD_SETTING_PROXY_HOST));
    access->proxy_port = xstrdup(aps_session_setting(session, OVD_SETTING_PROXY_PORT));
    access->proxy_username = xstrdup(aps_session_setting(session, OVD_SETTING_PROXY_USERNAME));
    access->proxy_password = xstrdup(aps_session_setting(session, OVD_SETTING_PROXY_PASSWORD));
}

/* What is on the screen, or will be. */
static void fill_size(const struct aps_visitor *visitor, const struct aps_instance *instance,
                      struct ovd_access *access)
{
    host_session_size(visitor->session->host, &access->width, &access->height);
    if (instance && instance->width > 0 && instance->height > 0) {
        access->width = instance->width;
        access->height = instance->height;
    } else if (access->width == 0) {
        access->width = visitor->width;
        access->height = visitor->height;
    }
}

/* Before the session is ready and after its suspension there is nothing to tell. */
static int fill_secrets(const struct aps_visitor *visitor, struct ovd_access *access)
{
    const struct aps_session *session = visitor->session;
    const char *vnc = visitor->guest ? visitor->guest->rfb_password : session->rfb_password;
    char hex[OVD_PASSWORD_HEX_SIZE] = "";
    bool ready = aps_session_status(session) == SESSION_READY && *session->ssh_password && *vnc;
    access->ssh_user = xstrdup(ready ? session->ssh_user : "");
    int r = ready ? ovd_ssh_password_to_hex(session->ssh_password, hex) : 0;
    access->ssh_password = xstrdup(r == 0 ? hex : "");
    if (r == 0 && ready)
        r = ovd_vnc_password_to_hex(vnc, hex);
    access->vnc_password = xstrdup(r == 0 ? hex : "");
    secret_wipe(hex, sizeof(hex));
    return r;
}

static struct aps_instance *wanted(const struct aps_visitor *visitor, const char *id)
{
    if (visitor->guest && !str_eq(visitor->guest->access_id, id))
        return NULL;
    return aps_instance_find(visitor->session, id);
}

static int build(const struct aps *aps, const struct http_request *r, const struct aps_visitor *visitor,
                 const char *id, struct buf *out)
{
    const struct aps_session *session = visitor->session;
    const struct aps_instance *instance = wanted(visitor, id);
    struct ovd_access access = {
        .view_only = visitor->guest && visitor->guest->mode == OVD_GUEST_PASSIVE,
        .ssh_host = aps_host_bare(aps, r),
        .has_vnc = session->mode != OVD_MODE_PORTAL || !str_eq(id, "portal"),
        .vnc_port = instance ? (int)instance->port : 0,
        .quality = ovd_quality_read(aps_session_setting(session, OVD_SETTING_QUALITY)),
        .both_forms = true,
    };
    for (unsigned i = 0; i < aps->ssh_port_count; i++)
        access.ssh_ports[access.ssh_port_count++] = (uint16_t)aps->ssh_ports[i];
    fill_size(visitor, instance, &access);
    fill_proxy(session, &access);
    int result = fill_secrets(visitor, &access);
    if (result == 0)
        result = ovd_access_build(&access, out);
    ovd_access_finish(&access);
    return result;
}

void aps_route_access(struct http_request *r, void *ctx)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    const char *id = aps_argument(r, "application_id");
    struct buf out;
    if (!visitor || !id || !*id) {
        aps_answer_critical(r);
        return;
    }
    buf_init(&out, ANSWER_MAX);
    if (build(ctx, r, visitor, id, &out) < 0)
        aps_answer(r, 500, APS_TEXT, "");
    else
        aps_answer_xml(r, &out);
    if (out.data)
        secret_wipe(out.data, out.len);
    buf_finish(&out);
}
