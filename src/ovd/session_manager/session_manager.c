/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/session_manager/session_manager.h"

#include <time.h>

#include "base/log.h"
#include "ovd/message/ovd_schema.h"
#include "ovd/session_manager/manager_priv.h"

int64_t sm_manager_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sm_manager_answer(struct http_request *r, unsigned status, const char *type, const char *body)
{
    http_answer(r, status, type, body, strlen(body));
}

void sm_manager_say(struct http_request *r, const char *text)
{
    http_add_header(r, "Cache-Control", "no-store");
    sm_manager_answer(r, 200, MANAGER_TEXT, text);
}

/* check.php does its duties by itself, all the time; who calls it hears that it was done. */
static void route_check(struct http_request *r, void *ctx)
{
    (void)ctx;
    sm_manager_say(r, "");
}

/* So that the page's own links lead below it. */
static void route_bare(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_add_header(r, "Location", "sessionmanager/");
    sm_manager_answer(r, 301, MANAGER_TEXT, "");
}

static void route_nothing(struct http_request *r, void *ctx)
{
    (void)ctx;
    sm_manager_answer(r, 404, MANAGER_TEXT, "Not found");
}

#define BASE "/sessionmanager/"
/* clang-format off */
#define GET(path, handler) {"GET", BASE path, HTTP_ON_WORKER, 0, 0, handler}
#define POST(path, handler) {"POST", BASE path, HTTP_ON_WORKER, 0, MANAGER_BODY_MAX, handler}
#define GET_IN_TURN(path, handler) {"GET", BASE path, HTTP_ON_LOOP, 0, 0, handler}
#define POST_IN_TURN(path, handler) {"POST", BASE path, HTTP_ON_LOOP, 0, MANAGER_BODY_MAX, handler}
/* clang-format on */

static const struct http_route routes[] = {
    {"GET", "/sessionmanager", HTTP_ON_WORKER, 0, 0, route_bare},
    GET("", sm_route_index),
    GET("index.php", sm_route_index),
    POST("", sm_route_index),
    POST("index.php", sm_route_index),
    GET_IN_TURN("startsession.php", sm_route_start),
    POST_IN_TURN("startsession.php", sm_route_start),
    GET_IN_TURN("ajax/login.php", sm_route_login), /* with the words of a wrong login */
    POST_IN_TURN("ajax/login.php", sm_route_login),
    GET_IN_TURN("applications.php", sm_route_user_applications),
    POST_IN_TURN("applications.php", sm_route_user_applications),
    GET_IN_TURN("icon.php", sm_route_user_icon),
    POST_IN_TURN("icon.php", sm_route_user_icon),
    GET("check.php", route_check),
    GET("webservices/session_token.php", sm_route_session_token),
    GET("webservices/session_status.php", sm_route_session_status),
    GET("webservices/session_end_status.php", sm_route_session_end_status),
    GET_IN_TURN("webservices/session_invite.php", sm_route_session_invite),
    POST_IN_TURN("webservices/session_invite.php", sm_route_session_invite),
    GET("webservices/icon.php", sm_route_server_icon),
    GET("webservices/application.php", sm_route_server_application),
    GET("webservices/get_news.php", sm_route_news),
    GET("webservices/get_logo.php", sm_route_logo),
    {"POST", "/gateway/session/invite", HTTP_ON_WORKER, 0, MANAGER_BODY_MAX, sm_route_share},
    GET("*", route_nothing),
    POST("*", route_nothing),
    {0},
};

static bool is_enabled(const struct config *config)
{
    return config_bool(config, "ovd.sessionManager");
}

static void destroy(void *front_end)
{
    struct manager *m = front_end;
    if (!m)
        return;
    fqdn_checker_destroy(m->fqdn);
    free(m);
}

static void stop(void *front_end)
{
    sm_turns_stop(front_end);
}

static int start(const struct front_end_services *services, void **ret_front_end, char **ret_cause)
{
    (void)ret_cause;
    struct manager *m = xcalloc(1, sizeof(*m));
    m->s = *services;
    m->fqdn = fqdn_checker_create(NULL, NULL);
    int r = sm_turns_start(m);
    if (r < 0) {
        destroy(m);
        return r;
    }
    *ret_front_end = m;
    log_info("the OVD Session Manager answers below /sessionmanager");
    return 0;
}

static void sweep(void *front_end)
{
    struct manager *m = front_end;
    int r = sm_tokens_keep_leases(m);
    if (r == 0)
        r = sm_records_end(m);
    if (r == 0)
        r = sm_records_sweep(m);
    if (r == 0)
        r = sm_logins_sweep(m);
    if (r < 0)
        log_warn("old tokens could not be swept: %s", strerror(-r));
}

const struct front_end ovd_session_manager = {
    .name = "the OVD Session Manager",
    .enabled = is_enabled,
    .public_routes = routes,
    .plain_routes = routes,
    .internal_routes = sm_host_routes,
    .start = start,
    .sweep = sweep,
    .stop = stop,
    .destroy = destroy,
};
