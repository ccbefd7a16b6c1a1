/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Session Manager asks a server: spec/ovd.md 2.1, 2.2, 2.5, 2.7. */
#include "ovd/application_server/aps_priv.h"

#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "xml/xml.h"

static void server_status(struct http_request *r, void *ctx)
{
    const struct aps *aps = ctx;
    aps_answer(r, 200, APS_TEXT, ovd_server_status_words[aps->stopping ? OVD_SERVER_DOWN : OVD_SERVER_READY]);
}

static void server_type(struct http_request *r, void *ctx)
{
    (void)ctx;
    aps_answer(r, 200, APS_TEXT, ovd_server_type_words[OVD_SERVER_LINUX]);
}

static void answer_id(struct http_request *r, unsigned status, const char *text, const char *id)
{
    struct buf body;
    buf_init(&body, 4096);
    (void)buf_append_str(&body, text);
    if (ovd_id_is_valid(id))
        (void)xml_append_escaped(&body, id);
    http_answer(r, status, APS_TEXT, body.data, body.len);
    buf_finish(&body);
}

static const char *asked_session(struct http_request *r)
{
    const char *id = aps_argument(r, "session");
    if (!id)
        aps_answer(r, 400, APS_TEXT, "ERROR - NO $_GET['session']");
    return id;
}

static void session_status(struct http_request *r, void *ctx)
{
    const char *id = asked_session(r);
    char text[16];
    if (!id)
        return;
    const struct aps_session *session = aps_session_by_ovd(ctx, id);
    snprintf(text, sizeof text, "%d", session ? aps_session_status(session) : (int)SESSION_DESTROYED);
    aps_answer(r, 200, APS_TEXT, text);
}

/* "OK", and not the original's nothing: a Session Manager takes nothing for "it was gone already" and forgets
 * the session at once, instead of waiting for its end. */
static void kill_session(struct http_request *r, void *ctx)
{
    const char *id = asked_session(r);
    if (!id)
        return;
    struct aps_session *session = aps_session_by_ovd(ctx, id);
    int status = session ? aps_session_status(session) : SESSION_DESTROYED;
    if (status == SESSION_DESTROYED) {
        answer_id(r, 400, "No such session : ", id);
    } else if (status != SESSION_TO_DESTROY &&
               host_session_event(session->host, SESSION_EV_KILL, "adminkill") < 0) {
        answer_id(r, 400, "Unable to kill session : ", id);
    } else {
        log_event(LOG_LEVEL_INFO, host_session_id(session->host), "ended by the Session Manager");
        aps_answer_kept(ctx, r, 200, APS_TEXT, "OK", 2);
    }
}

static void unknown(struct http_request *r, void *ctx)
{
    (void)ctx;
    aps_answer(r, 404, APS_TEXT, "Not found");
}

static const struct {
    const char *file;
    void (*handle)(struct http_request *r, void *ctx);
} services[] = {
    {"server_status.php", server_status},
    {"server_type.php", server_type},
    {"session_status.php", session_status},
    {"kill_session.php", kill_session},
};

void aps_route_manager(struct http_request *r, void *ctx)
{
    const char *file = http_param(r, "file");
    void (*handle)(struct http_request * r, void *ctx) = unknown;
    for (size_t i = 0; i < ARRAY_SIZE(services); i++)
        if (str_eq(services[i].file, file))
            handle = services[i].handle;
    aps_caller_check(ctx, r, handle);
}
