/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/application_server/aps_priv.h"

#include <stdio.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define LABELS (APS_LAST_PORT - APS_FIRST_PORT + 1)

/* ---- labels ---- */

static void mark_labels(const struct aps_session *session, bool *used)
{
    const struct aps_instance *instance;
    DL_FOREACH(session->instances, instance)
    {
        if (instance->port >= APS_FIRST_PORT && instance->port <= APS_LAST_PORT)
            used[instance->port - APS_FIRST_PORT] = true;
    }
}

static unsigned first_free(const bool *used)
{
    for (unsigned i = 0; i < LABELS; i++)
        if (!used[i])
            return APS_FIRST_PORT + i;
    return 0;
}

/* Nothing listens on a label and a client's credentials say which session it means, so labels have to differ
 * within a session only. They differ on the whole host as long as there are enough of them, because people
 * read them in logs. */
unsigned aps_label_free(const struct aps_session *session)
{
    bool used[LABELS] = {false};
    const struct aps_session *other, *next;
    HASH_ITER(hh_id, session->aps->by_id, other, next)
    mark_labels(other, used);
    unsigned port = first_free(used);
    if (port)
        return port;
    memset(used, 0, sizeof used);
    mark_labels(session, used);
    return first_free(used);
}

/* ---- the list ---- */

struct aps_instance *aps_instance_find(struct aps_session *session, const char *id)
{
    struct aps_instance *instance;
    DL_FOREACH(session->instances, instance)
    {
        if (str_eq(instance->id, id))
            return instance;
    }
    return NULL;
}

struct aps_instance *aps_instance_by_port(struct aps_session *session, unsigned port)
{
    struct aps_instance *instance;
    DL_FOREACH(session->instances, instance)
    {
        if (instance->port == port)
            return instance;
    }
    return NULL;
}

const char *aps_instance_display(const struct aps_instance *instance)
{
    return instance->own_display ? instance->id : "";
}

/* id NULL: a new one. */
static int add(struct aps_session *session, const char *id, const char *app_id, int status,
               struct aps_instance **ret_instance)
{
    struct aps_instance *instance;
    unsigned count;
    DL_COUNT(session->instances, instance, count);
    if (count >= POOL_INSTANCES_MAX || strlen(app_id) >= sizeof instance->app_id)
        return -ENOSPC;
    instance = xcalloc(1, sizeof *instance);
    if (id)
        (void)str_copy(instance->id, sizeof instance->id, id);
    while (!id && (!instance->id[0] || aps_instance_find(session, instance->id))) {
        char made[OVD_INSTANCE_ID_SIZE];
        ovd_instance_id_make(made);
        (void)str_copy(instance->id, sizeof instance->id, made);
    }
    (void)str_copy(instance->app_id, sizeof instance->app_id, app_id);
    instance->status = status;
    instance->port = aps_label_free(session);
    DL_APPEND(session->instances, instance);
    aps_ssh_ports(session);
    *ret_instance = instance;
    return 0;
}

void aps_instance_free(struct aps_session *session, struct aps_instance *instance)
{
    DL_DELETE(session->instances, instance);
    if (session->aps->tunnel)
        tunnel_server_cut(session->aps->tunnel, host_session_id(session->host), instance->port);
    free(instance);
    aps_ssh_ports(session);
}

int aps_instance_new(struct aps_session *session, const char *app_id, int width, int height,
                     struct aps_instance **ret_instance)
{
    int rc = add(session, NULL, app_id, APS_INSTANCE_ORDERED, ret_instance);
    if (rc < 0)
        return rc;
    (*ret_instance)->own_display = true;
    (*ret_instance)->width = width;
    (*ret_instance)->height = height;
    aps_session_changed(session);
    return 0;
}

/* What the session's own display is, when somebody comes to know of it: a session may have been begun long
 * ago by a browser. */
static int status_of_own(const struct aps_session *session)
{
    switch (aps_session_status(session)) {
    case SESSION_READY:
        return APS_INSTANCE_READY;
    case SESSION_SUSPENDING:
    case SESSION_SUSPENDED:
        return APS_INSTANCE_SUSPENDED;
    case SESSION_TO_RESTORE:
        return APS_INSTANCE_TO_RESUME;
    default:
        return APS_INSTANCE_STARTING;
    }
}

int aps_instance_desktop(struct aps_session *session)
{
    struct aps_instance *instance;
    DL_FOREACH(session->instances, instance)
    {
        if (!instance->own_display)
            return 0;
    }
    if (session->mode == OVD_MODE_DESKTOP)
        return add(session, "desktop", "desktop", status_of_own(session), &instance);
    if (session->mode == OVD_MODE_EXTERNAL && *session->own_app)
        return add(session, NULL, session->own_app, APS_INSTANCE_ORDERED, &instance);
    return 0;
}

int aps_instance_status_of(struct aps_session *session, const char *id)
{
    const struct aps_instance *instance = aps_instance_find(session, id);
    return instance ? instance->status : APS_INSTANCE_ORDERED;
}

/* ---- the status ---- */

/* One with a display of its own that the pool does not know. */
static bool is_gone(const struct aps_session *session, const struct aps_instance *instance)
{
    return instance->own_display &&
           pool_instance_find(session->aps->s.pool, session->session_id, instance->id) == -ENOENT;
}

/* The session's own display ends with the session. Else instance_ended follows, unless there is none. */
static void stop(struct aps_session *session, struct aps_instance *instance)
{
    const char *id = session->session_id;
    if (!instance->own_display) {
        (void)host_session_event(session->host, SESSION_EV_EXIT, "exit");
    } else if (pool_instance_end(session->aps->s.pool, id, instance->id) == -ENOENT) {
        aps_start_settled(session, instance->id, false);
        aps_instance_free(session, instance);
    }
}

/* One step; false when the instance may be gone. */
static bool enter(struct aps_session *session, struct aps_instance *instance, int status)
{
    instance->status = status;
    if (status == APS_INSTANCE_TO_STOP) {
        stop(session, instance);
        return false;
    }
    if (status == APS_INSTANCE_SUSPENDING && session->aps->tunnel)
        tunnel_server_cut(session->aps->tunnel, host_session_id(session->host), instance->port);
    if (status == APS_INSTANCE_READY) {
        instance->polled_ms = clock_monotonic_ms(NULL);
        aps_instances_watch(session->aps);
    }
    return true;
}

int aps_instance_feed(struct aps_session *session, struct aps_instance *instance,
                      enum aps_instance_event event)
{
    bool persistent = host_session_persistent(session->host);
    int status;
    if (aps_instance_step(instance->status, event, persistent, &status) < 0) {
        log_event(LOG_LEVEL_DEBUG, host_session_id(session->host), "application %s: no %s in status %d",
                  instance->id, aps_instance_event_word(event), instance->status);
        return -EPERM;
    }
    while (enter(session, instance, status)) {
        /* A resumed application is there again when its session is. */
        if (status == APS_INSTANCE_TO_RESUME && aps_session_status(session) != SESSION_READY)
            break;
        if (aps_instance_step(status, APS_EV_NEXT, persistent, &status) < 0)
            break;
    }
    if (aps_session_status(session) != SESSION_DESTROYED)
        aps_session_changed(session);
    return 0;
}

/* ---- the session's life ---- */

static void on_session_ready(struct aps_session *session, struct aps_instance *instance, int before)
{
    bool resumed = before == SESSION_TO_RESTORE || before == SESSION_SUSPENDED;
    if (instance->own_display)
        return;
    if (instance->status == APS_INSTANCE_STARTING)
        (void)aps_instance_feed(session, instance, APS_EV_READY);
    else if (instance->status == APS_INSTANCE_TO_RESUME)
        (void)aps_instance_feed(session, instance, APS_EV_NEXT);
    else if (instance->status == APS_INSTANCE_SUSPENDED && resumed)
        (void)aps_instance_feed(session, instance, APS_EV_BACK);
}

static void on_session_parked(struct aps_session *session, struct aps_instance *instance)
{
    aps_start_settled(session, instance->id, false);
    if (instance->status == APS_INSTANCE_READY || instance->status == APS_INSTANCE_TO_RESUME)
        (void)aps_instance_feed(session, instance, APS_EV_PARK);
}

static void on_session_over(struct aps_session *session, struct aps_instance *instance)
{
    aps_start_settled(session, instance->id, false);
    instance->status = APS_INSTANCE_TO_STOP;
    if (aps_session_status(session) == SESSION_DESTROYED)
        aps_instance_free(session, instance);
}

static void follow_instance(struct aps_session *session, struct aps_instance *instance, int before)
{
    switch (aps_session_status(session)) {
    case SESSION_READY:
        on_session_ready(session, instance, before);
        break;
    case SESSION_SUSPENDING:
    case SESSION_SUSPENDED:
        on_session_parked(session, instance);
        break;
    case SESSION_TO_RESTORE:
        if (!instance->own_display && instance->status == APS_INSTANCE_SUSPENDED)
            (void)aps_instance_feed(session, instance, APS_EV_BACK);
        break;
    case SESSION_TO_DESTROY:
    case SESSION_DESTROYED:
        on_session_over(session, instance);
        break;
    default:
        break;
    }
}

void aps_instances_follow(struct aps_session *session, int before)
{
    struct aps_instance *instance, *next;
    if (aps_session_status(session) == SESSION_READY)
        (void)aps_ssh_grant(session);
    else
        aps_ssh_revoke(session);
    DL_FOREACH_SAFE(session->instances, instance, next)
    follow_instance(session, instance, before);
    aps_session_changed(session);
}

void aps_instances_adopt(struct aps_session *session)
{
    struct aps_instance *instance, *next;
    uint64_t now = clock_monotonic_ms(NULL);
    DL_FOREACH_SAFE(session->instances, instance, next)
    {
        instance->polled_ms = now;
        if (is_gone(session, instance))
            aps_instance_free(session, instance);
        else if (instance->status == APS_INSTANCE_TO_STOP && instance->own_display)
            stop(session, instance);
        else
            follow_instance(session, instance, aps_session_status(session));
    }
    if (aps_session_status(session) == SESSION_READY)
        (void)aps_ssh_grant(session);
    else
        aps_ssh_revoke(session);
    aps_instances_watch(session->aps);
}

void aps_instance_on_ready(void *arg, struct host_session *host, const char *name)
{
    struct aps_session *session = aps_session_find(arg, host_session_id(host));
    struct aps_instance *instance = session ? aps_instance_find(session, name) : NULL;
    if (!instance || aps_instance_feed(session, instance, APS_EV_READY) < 0)
        return;
    log_event(LOG_LEVEL_INFO, host_session_id(host), "application %s (%s) is ready", name, instance->app_id);
    bool parked = aps_session_status(session) != SESSION_READY;
    aps_start_settled(session, name, !parked);
    if (parked)
        (void)aps_instance_feed(session, instance, APS_EV_PARK);
}

void aps_instance_on_ended(void *arg, struct host_session *host, const char *name, const char *reason)
{
    struct aps_session *session = aps_session_find(arg, host_session_id(host));
    struct aps_instance *instance = session ? aps_instance_find(session, name) : NULL;
    if (!instance)
        return;
    log_event(LOG_LEVEL_INFO, host_session_id(host), "application %s (%s) is over: %s", name,
              instance->app_id, reason);
    aps_start_settled(session, name, false);
    aps_instance_free(session, instance);
    aps_session_changed(session);
}
