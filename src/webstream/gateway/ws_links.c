/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of active WebSockets, and every way in which one ends. */
#include <utlist.h>

#include "base/clock.h"
#include "webstream/gateway/ws_priv.h"

/* Guests cannot keep the owner out, nor one guest the others. */
static bool has_room(const struct gateway *g, const struct ws_link *newest)
{
    unsigned all = 0, guests = 0, same = 0;
    bool is_guest = newest->who.role != IDENTITY_OWNER;
    const struct ws_link *link;
    DL_FOREACH(g->links, link)
    {
        if (strcmp(link->row.id, newest->row.id) != 0)
            continue;
        all++;
        guests += link->who.role != IDENTITY_OWNER;
        same += newest->who.guest[0] != '\0' && strcmp(link->who.guest, newest->who.guest) == 0;
    }
    return all < WS_LINKS_PER_SESSION_MAX &&
           (!is_guest || (guests < WS_LINKS_OF_GUESTS_MAX && same < WS_LINKS_PER_GUEST_MAX));
}

int ws_link_activate(struct ws_link *link)
{
    struct gateway *g = link->gateway;
    if (!has_room(g, link))
        return -ENOSPC;
    link->refs++;
    link->active = true;
    DL_APPEND(g->links, link);
    return 0;
}

void ws_link_finish(struct ws_link *link, unsigned status, const char *code, const char *message)
{
    struct gateway *g = link->gateway;
    link->active = false;
    DL_DELETE(g->links, link);
    link->connector = connector_destroy(link->connector);
    link->deadline = loop_timer_destroy(link->deadline);
    link->poll = loop_poll_destroy(link->poll);
    link->tunnel = tunnel_destroy(link->tunnel);
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    if (link->counted)
        viewers_add(g, link->row.id, -1);
    link->counted = false;
    /* An upgrade that is under way finds the link inactive and closes the client. */
    if (link->request && !link->upgrading && status != 0)
        http_answer_error(link->request, status, code, message);
    ws_link_unref(link);
}

static void close_link(struct ws_link *link)
{
    ws_link_finish(link, 410, "session_ended", "The session has ended.");
}

void ws_links_close_session(struct gateway *g, const char *session_id)
{
    struct ws_link *link, *next;
    DL_FOREACH_SAFE(g->links, link, next)
    {
        if (strcmp(link->row.id, session_id) == 0)
            close_link(link);
    }
}

static void expect_end(struct ws_link *link)
{
    if (link->ends_at == 0)
        link->ends_at = clock_monotonic_ms(NULL) + WS_FAREWELL_MS;
}

void ws_links_expect_end(struct gateway *g, const char *session_id)
{
    struct ws_link *link;
    DL_FOREACH(g->links, link)
    {
        if (strcmp(link->row.id, session_id) == 0)
            expect_end(link);
    }
}

void ws_links_reported(struct gateway *g, const char *server_url, const char *session_id, int64_t status)
{
    bool ends = status == SESSION_TO_DESTROY || status == SESSION_DESTROYED;
    bool parks = status == SESSION_SUSPENDING || status == SESSION_SUSPENDED;
    struct ws_link *link;
    if (!ends && !parks)
        return;
    DL_FOREACH(g->links, link)
    {
        if (strcmp(link->row.id, session_id) == 0 && strcmp(link->row.server_url, server_url) == 0 &&
            (ends || link->who.role != IDENTITY_OWNER))
            expect_end(link);
    }
}

void ws_links_sweep(struct gateway *g)
{
    struct ws_link *link, *next;
    uint64_t now = clock_monotonic_ms(NULL);
    DL_FOREACH_SAFE(g->links, link, next)
    {
        if (link->ends_at != 0 && link->ends_at <= now)
            close_link(link);
    }
}

void ws_links_close_user(struct gateway *g, const char *user_id)
{
    struct ws_link *link, *next;
    DL_FOREACH_SAFE(g->links, link, next)
    {
        if (strcmp(link->row.user_id, user_id) == 0)
            close_link(link);
    }
}

void ws_links_close_all(struct gateway *g)
{
    struct ws_link *link, *next;
    DL_FOREACH_SAFE(g->links, link, next)
    {
        ws_link_finish(link, 503, "busy", "The gateway is stopping; try again in a moment.");
    }
}

struct revocation {
    struct gateway *gateway;
    char user_id[SECRET_ID_LEN];
};

static void close_revoked(void *arg)
{
    struct revocation *revocation = arg;
    revocation->gateway->revocations++;
    ws_links_close_user(revocation->gateway, revocation->user_id);
    free(revocation);
}

void gateway_user_revoked(struct gateway *g, const char *user_id)
{
    struct revocation *revocation = xcalloc(1, sizeof(*revocation));
    revocation->gateway = g;
    if (str_copy(revocation->user_id, sizeof(revocation->user_id), user_id) < 0) {
        free(revocation);
        return;
    }
    loop_post(g->loop, close_revoked, revocation);
}
