/* SPDX-License-Identifier: GPL-3.0-or-later */
/* start.php, exit.php and suspend.php (spec/ovd.md 3.3, 3.5). Limits: a width and a height of a decimal
 * number from 1 to SIDE_MAX each; with anything else start.php starts nothing. The host cuts the size to what
 * the session may have. */
#include "base/log.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

#define SIDE_MAX 65535
#define NO_SESSION "die2 (400): ERROR - No $session"

static int side(struct http_request *r, const char *name)
{
    const char *text = aps_argument(r, name);
    int64_t value;
    return text && str_to_int(text, 1, SIDE_MAX, &value) == 0 ? (int)value : 0;
}

static void begin(struct aps_visitor *visitor)
{
    struct aps_session *session = visitor->session;
    int r = host_session_start(session->host, visitor->width, visitor->height);
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, session->session_id, "it cannot be started: %s", strerror(-r));
    else
        aps_session_changed(session);
}

/* Clients repeat it until the status is another one, so the size is written only when it is new. */
void aps_route_start(struct http_request *r, void *ctx)
{
    struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    if (!visitor) {
        aps_answer_critical(r);
        return;
    }
    int width = side(r, "width"), height = side(r, "height");
    int status = aps_session_status(visitor->session);
    bool known = width > 0 && height > 0;
    bool is_new = known && (width != visitor->width || height != visitor->height);
    if (is_new) {
        visitor->width = width;
        visitor->height = height;
    }
    if (!visitor->guest && visitor->type == OVD_TOKEN_START && status == SESSION_CREATED && known)
        begin(visitor);
    else if (!visitor->guest && visitor->type == OVD_TOKEN_RESUME && status == SESSION_SUSPENDED)
        (void)host_session_event(visitor->session->host, SESSION_EV_RESUME, NULL);
    else if (is_new)
        aps_session_changed(visitor->session);
    aps_answer_kept(ctx, r, 200, APS_TEXT, "", 0);
}

/* Gone for the owner's list at once, and its VNC clients with it. */
static void guest_leaves(struct aps_session *session, struct aps_guest *guest)
{
    guest->left = true;
    (void)pool_participant_remove(session->aps->s.pool, session->session_id, guest->token);
}

/* In states before 2 the original's daemon does not look at what exit.php wrote, and ends the session once it
 * is ready; here it ends at once. */
static void owner_leaves(struct aps_session *session, bool suspend)
{
    int status = aps_session_status(session);
    switch (status) {
    case SESSION_CREATED:
    case SESSION_TO_START:
    case SESSION_STARTING:
        (void)host_session_event(session->host, SESSION_EV_EXIT, "exit");
        break;
    case SESSION_READY: /* one that may not be suspended, or was never seen, ends */
        (void)host_session_event(session->host, suspend ? SESSION_EV_SUSPEND : SESSION_EV_EXIT, "exit");
        break;
    case SESSION_SUSPENDED:
    case SESSION_SUSPENDING:
    case SESSION_TO_RESTORE:
        if (!suspend)
            (void)host_session_event(session->host, SESSION_EV_EXIT, "exit");
        break;
    default: /* it is over */
        break;
    }
}

static void leave(struct http_request *r, struct aps *aps, bool suspend)
{
    struct aps_visitor *visitor = aps_visitor_of(aps, r);
    if (!visitor) {
        aps_answer(r, 400, APS_TEXT, NO_SESSION);
        return;
    }
    struct aps_session *session = visitor->session;
    struct aps_guest *guest = visitor->guest;
    aps_visitor_forget(visitor);
    if (guest && !suspend)
        guest_leaves(session, guest);
    aps_session_changed(session);
    if (!guest)
        owner_leaves(session, suspend);
    aps_answer_kept(aps, r, 200, APS_TEXT, "", 0);
}

void aps_route_exit(struct http_request *r, void *ctx)
{
    leave(r, ctx, false);
}

void aps_route_suspend(struct http_request *r, void *ctx)
{
    leave(r, ctx, true);
}
