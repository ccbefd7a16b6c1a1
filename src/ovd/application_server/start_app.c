/* SPDX-License-Identifier: GPL-3.0-or-later */
/* start_app.php. The order is noted, the Session Manager is asked for the command line, the pool starts it on
 * a display of its own, and the client hears when that can be seen. */
#include "ovd/application_server/aps_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include <utlist.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/message/application.h"
#include "ovd/message/start_app.h"

/* One client that waits. Found again by the names of session and instance, which may end meanwhile. */
struct aps_start {
    struct aps *aps;
    struct http_request *r; /* NULL: answered */
    char session_id[SECRET_ID_LEN];
    char instance[POOL_INSTANCE_LEN];
    char *argument;
    bool asking; /* the Session Manager: its answer comes to this struct */
    struct loop_timer *timer;
    struct aps_start *prev, *next;
};

struct aps_starts {
    struct aps_start *list;
};

/* ---- answers ---- */

static void answer(struct http_request *r, char *access_id)
{
    struct ovd_start_app message = {access_id, OVD_START_APP_ERRNO, (char *)OVD_START_APP_ERRSTR};
    struct buf out;
    buf_init(&out, OVD_LINE_MAX);
    if (ovd_start_app_build(&message, &out) == 0)
        aps_answer_xml(r, &out);
    else
        aps_answer(r, 500, APS_TEXT, "");
    buf_finish(&out);
}

static void answer_error(struct http_request *r)
{
    answer(r, NULL);
}

/* Answers, and forgets it unless the Session Manager's answer is still to come. */
static void finish(struct aps_start *start, bool ready)
{
    if (start->r) {
        answer(start->r, ready ? start->instance : NULL);
        start->r = NULL;
        start->timer = loop_timer_destroy(start->timer);
        DL_DELETE(start->aps->starts->list, start);
    }
    if (start->asking)
        return;
    free(start->argument);
    free(start);
}

void aps_start_settled(struct aps_session *session, const char *instance, bool ready)
{
    struct aps_start *start, *next;
    if (!session->aps->starts)
        return;
    DL_FOREACH_SAFE(session->aps->starts->list, start, next)
    {
        if (str_eq(start->session_id, host_session_id(session->host)) && str_eq(start->instance, instance))
            finish(start, ready);
    }
}

void aps_starts_close(struct aps *aps)
{
    struct aps_start *start, *next;
    if (!aps->starts)
        return;
    DL_FOREACH_SAFE(aps->starts->list, start, next)
    finish(start, false);
    free(aps->starts);
    aps->starts = NULL;
}

/* ---- what was asked for ---- */

int aps_size_read(const char *text, int *ret_width, int *ret_height)
{
    const char *x = strchr(text, 'x');
    char width_text[8];
    int64_t width, height;
    if (!x || (size_t)(x - text) >= sizeof width_text)
        return -EINVAL;
    memcpy(width_text, text, (size_t)(x - text));
    width_text[x - text] = '\0';
    if (str_to_int(width_text, 1, 65535, &width) < 0 || str_to_int(x + 1, 1, 65535, &height) < 0)
        return -EINVAL;
    *ret_width = (int)CLAMP(width, HOST_MIN_SIDE, APS_MAX_SIDE);
    *ret_height = (int)CLAMP(height, HOST_MIN_SIDE, APS_MAX_SIDE);
    return 0;
}

int aps_menu_find(const struct aps_session *session, const char *app_id, int64_t *ret_id)
{
    int64_t id;
    if (str_to_int(app_id, 1, INT64_MAX, &id) < 0)
        return -EINVAL;
    for (size_t i = 0; i < session->menu_count; i++) {
        if (session->menu[i].id != id)
            continue;
        *ret_id = id;
        return 0;
    }
    return -ENOENT;
}

/* ---- the pool ---- */

static struct aps_instance *instance_of(const struct aps_start *start, struct aps_session **ret_session)
{
    *ret_session = aps_session_find(start->aps, start->session_id);
    return *ret_session ? aps_instance_find(*ret_session, start->instance) : NULL;
}

/* Ends what was begun; who waits is answered by that. */
static void give_up(struct aps_start *start)
{
    struct aps_session *session;
    struct aps_instance *instance = instance_of(start, &session);
    finish(start, false);
    if (instance)
        (void)aps_instance_feed(session, instance, APS_EV_STOP);
}

static void on_late(void *arg)
{
    struct aps_start *start = arg;
    log_event(LOG_LEVEL_WARN, start->session_id, "application %s did not start in time", start->instance);
    give_up(start);
}

static int launch(struct aps_start *start, struct aps_session *session, struct aps_instance *instance,
                  const struct ovd_application *application)
{
    int max_width, max_height;
    host_session_max_size(session->host, &max_width, &max_height);
    instance->width = MIN(instance->width, max_width);
    instance->height = MIN(instance->height, max_height);
    const struct pool_instance_order order = {
        .name = instance->id,
        .command = application->command,
        .argument = start->argument,
        .width = instance->width,
        .height = instance->height,
    };
    if (application->type == OVD_APPLICATION_WINDOWS)
        return -EOPNOTSUPP;
    int rc = pool_instance_start(start->aps->s.pool, start->session_id, &order);
    return rc < 0 ? rc : aps_instance_feed(session, instance, APS_EV_LAUNCHED);
}

static void on_application(void *arg, const char *body, size_t len, const char *type)
{
    struct aps_start *start = arg;
    struct aps_session *session;
    struct ovd_application application = {0};
    (void)type;
    start->asking = false;
    if (!start->r) {
        finish(start, false);
        return;
    }
    struct aps_instance *instance = instance_of(start, &session);
    int rc = instance && body ? ovd_application_parse(body, len, NULL, NULL, &application) : -ENOENT;
    if (rc == 0) {
        rc = aps_session_status(session) == SESSION_READY ? launch(start, session, instance, &application)
                                                          : -EPERM;
        ovd_application_finish(&application);
    }
    if (rc == 0)
        return;
    log_event(LOG_LEVEL_WARN, start->session_id, "application %s cannot be started: %s", start->instance,
              strerror(-rc));
    give_up(start);
}

/* ---- start_app.php ---- */

/* The session's own display shows its first application already, with its argument. */
static struct aps_instance *first_of(struct aps_session *session, const char *app_id, const char *argument)
{
    const char *own = session->argument ? session->argument : "";
    struct aps_instance *instance;
    DL_FOREACH(session->instances, instance)
    {
        if (!instance->own_display && instance->status == APS_INSTANCE_ORDERED &&
            str_eq(instance->app_id, app_id) && (!*argument || str_eq(argument, own)))
            return instance;
    }
    return NULL;
}

static int begin(struct aps_session *session, struct http_request *r, const char *app_id,
                 const char *argument, int width, int height)
{
    struct aps *aps = session->aps;
    struct aps_instance *instance;
    int rc = aps_instance_new(session, app_id, width, height, &instance);
    if (rc < 0)
        return rc;
    struct aps_start *start = xcalloc(1, sizeof *start);
    cleanup_free char *query = xasprintf("id=%s", app_id);
    start->aps = aps;
    (void)str_copy(start->session_id, sizeof start->session_id, host_session_id(session->host));
    (void)str_copy(start->instance, sizeof start->instance, instance->id);
    rc = loop_timer_create(aps->s.loop, on_late, start, &start->timer);
    if (rc == 0)
        rc = aps_manager_get(aps, "application.php", query, on_application, start);
    if (rc < 0) {
        loop_timer_destroy(start->timer);
        free(start);
        (void)aps_instance_feed(session, instance, APS_EV_STOP);
        return rc;
    }
    start->asking = true;
    start->argument = xstrdup(argument);
    start->r = r;
    if (!aps->starts)
        aps->starts = xcalloc(1, sizeof *aps->starts);
    DL_APPEND(aps->starts->list, start);
    loop_timer_start(start->timer, (uint64_t)config_int(aps->s.config, "ovd.connectionTimeoutMs"), 0);
    http_defer(r);
    return 0;
}

static void start_app(struct aps_session *session, struct http_request *r, const char *app_id,
                      const char *size, const char *argument)
{
    int width, height, rc;
    int64_t number;
    char id[24];
    if (aps_size_read(size, &width, &height) < 0 || strlen(argument) > APS_ARGUMENT_MAX ||
        !str_is_utf8(argument, strlen(argument), true) || aps_session_status(session) != SESSION_READY ||
        aps_menu_find(session, app_id, &number) < 0) {
        log_event(LOG_LEVEL_WARN, host_session_id(session->host), "start_app.php refused");
        answer_error(r);
        return;
    }
    snprintf(id, sizeof id, "%" PRId64, number);
    struct aps_instance *first = first_of(session, id, argument);
    if (first) {
        /* Its size is that of start.php. */
        rc = aps_instance_feed(session, first, APS_EV_READY);
        if (rc == 0)
            answer(r, first->id);
    } else {
        rc = begin(session, r, id, argument, width, height);
    }
    if (rc < 0)
        answer_error(r);
}

void aps_route_start_app(struct http_request *r, void *ctx)
{
    const struct aps_visitor *visitor = aps_visitor_of(ctx, r);
    const char *app_id = aps_argument(r, "app_id");
    const char *size = aps_argument(r, "size");
    const char *argument = aps_argument(r, "app_args");
    if (!argument)
        argument = aps_argument(r, "doc");
    if (!visitor || visitor->guest || !app_id || !size)
        aps_answer_critical(r);
    else
        start_app(visitor->session, r, app_id, size, argument ? argument : "");
}
