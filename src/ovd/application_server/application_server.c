/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The front-end itself: listener, routes, life cycle. Limits: bodies of 64 KiB with at most 128 fields
 * (ovd/message/form.h), heads of 64 KiB and 2000 connections (http/http_server.h), APS_CALLS_MAX questions to
 * the Session Manager at a time. */
#include "ovd/application_server/application_server.h"

#include <strings.h>
#include <utlist.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"
#include "ovd/message/form.h"
#include "ovd/message/ovd_schema.h"

#define BODY_MAX 65536
#define USUAL_PORT 8082
#define PORT_OFFSET 82 /* above the base port, when the usual one is taken */
#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data"

/* ---- answers and arguments ---- */

void aps_answer(struct http_request *r, unsigned status, const char *type, const char *body)
{
    http_answer(r, status, type, body, strlen(body));
}

void aps_answer_xml(struct http_request *r, const struct buf *xml)
{
    http_answer(r, 200, APS_XML, xml->data, xml->len);
}

void aps_answer_critical(struct http_request *r)
{
    aps_answer(r, 200, APS_TEXT, "CRITICAL ERROR");
}

struct kept {
    struct http_request *request;
    unsigned status;
    const char *type;
    char *body;
    size_t len;
};

/* A disk that takes nothing is the host's trouble, and not a reason to turn people away. */
static void on_kept(void *arg, int result)
{
    struct kept *kept = arg;
    if (result < 0 && result != -EBUSY)
        log_warn("%s is answered although the disk does not take what it was told: %s",
                 http_peer(kept->request), strerror(-result));
    http_answer(kept->request, kept->status, kept->type, kept->body, kept->len);
    free(kept->body);
    free(kept);
}

void aps_answer_kept(struct aps *aps, struct http_request *r, unsigned status, const char *type,
                     const void *body, size_t len)
{
    struct kept *kept = xcalloc(1, sizeof(*kept));
    *kept = (struct kept){.request = r, .status = status, .type = type, .len = len};
    kept->body = xcalloc(1, len + 1);
    memcpy(kept->body, body, len);
    http_defer(r);
    host_sessions_written(aps->s.sessions, on_kept, kept);
}

struct arguments {
    struct form body, query;
};

static void arguments_free(void *data)
{
    struct arguments *arguments = data;
    form_finish(&arguments->body);
    form_finish(&arguments->query);
    free(arguments);
}

/* What is broken, or past a limit, is not there: so has PHP. */
static void read_body(struct http_request *r, struct form *form)
{
    const char *type = http_header(r, "Content-Type");
    size_t len = 0;
    const void *body = http_body(r, &len);
    if (len == 0 || !type)
        return;
    if (strncasecmp(type, URLENCODED, sizeof(URLENCODED) - 1) == 0)
        (void)form_read_urlencoded(form, body, len);
    else if (strncasecmp(type, MULTIPART, sizeof(MULTIPART) - 1) == 0)
        (void)form_read_multipart(form, type, body, len);
}

const char *aps_argument(struct http_request *r, const char *name)
{
    struct arguments *arguments = http_data(r);
    if (!arguments) {
        const char *query = strchr(http_url(r), '?');
        arguments = xcalloc(1, sizeof(*arguments));
        if (query)
            (void)form_read_urlencoded(&arguments->query, query + 1, strlen(query + 1));
        read_body(r, &arguments->body);
        http_set_data(r, arguments, arguments_free);
    }
    const char *value = form_get(&arguments->body, name);
    return value ? value : form_get(&arguments->query, name);
}

/* ---- routes ---- */

static void route_nothing(struct http_request *r, void *ctx)
{
    (void)ctx;
    aps_answer(r, 404, APS_TEXT, "Not found");
}

#define BASE "/applicationserver"

/* Redirects of index.php are relative to the directory. */
static void route_bare(struct http_request *r, void *ctx)
{
    const char *query = strchr(http_url(r), '?');
    cleanup_free char *where = xasprintf(BASE "/%s", query ? query : "");
    (void)ctx;
    http_add_header(r, "Location", where);
    aps_answer(r, 301, APS_TEXT, "");
}

/* clang-format off */
#define BOTH(path, handler) {"GET", BASE path, HTTP_ON_LOOP, 0, 0, handler}, {"POST", BASE path, HTTP_ON_LOOP, 0, BODY_MAX, handler}
#define PAGE(mode, handler) BOTH("/" mode, handler), BOTH("/" mode "/", handler), BOTH("/" mode "/index.php", handler)
/* clang-format on */

/* The original's files look at their arguments and never at the method. */
static const struct http_route routes[] = {
    BOTH("", route_bare),
    BOTH("/", aps_route_index),
    BOTH("/index.php", aps_route_index),
    BOTH("/whatsup.php", aps_route_whatsup),
    BOTH("/start.php", aps_route_start),
    BOTH("/access.php", aps_route_access),
    BOTH("/apps.php", aps_route_apps),
    BOTH("/applications.php", aps_route_apps), /* as older descriptions call it */
    BOTH("/icon.php", aps_route_icon),
    BOTH("/start_app.php", aps_route_start_app),
    BOTH("/exit.php", aps_route_exit),
    BOTH("/suspend.php", aps_route_suspend),
    BOTH("/invite.php", aps_route_invite),
    BOTH("/print.php", aps_route_print),
    PAGE("desktop", aps_route_mode),
    PAGE("portal", aps_route_mode),
    PAGE("external", aps_route_mode),
    PAGE("share", aps_route_mode),
    PAGE("error", aps_route_error),
    BOTH("/portal/{file}", aps_route_portal),
    BOTH("/webservices/{file}", aps_route_manager),
    BOTH("/*", route_nothing),
    {0},
};

/* ---- life cycle ---- */

static bool is_enabled(const struct config *config)
{
    return config_bool(config, "ovd.applicationServer");
}

static void on_connection(void *arg, int fd, const char *peer)
{
    struct aps *aps = arg;
    (void)http_server_add(aps->server, fd, peer, NULL);
}

/* "http://NAME:PORT": NAME, an IPv6 address without its brackets. */
static char *host_of_url(const char *url)
{
    const char *name = strstr(url, "://");
    name = name ? name + 3 : url;
    bool bracket = *name == '[';
    name += bracket;
    return xasprintf("%.*s", (int)strcspn(name, bracket ? "]" : ":/"), name);
}

static void read_config(struct aps *aps)
{
    const char *name = config_str(aps->s.config, "ovd.serverName");
    const char *url = config_str(aps->s.config, "ovd.sessionManagerUrl");
    size_t len = strlen(url);
    /* Clients come here by themselves and not through a gateway. */
    aps->s.bind = config_str(aps->s.config, "gateway.publicIP");
    aps->server_name = *name ? xstrdup(name) : host_of_url(aps->s.server_url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    aps->manager_url =
        len > 0 ? xasprintf("%.*s", (int)len, url) : xasprintf("%s/sessionmanager", aps->s.gateway_url);
}

static int listen_at(void *arg, unsigned port, unsigned *ret_port)
{
    struct aps *aps = arg;
    int r = listener_create(aps->s.loop, aps->s.bind, port, on_connection, aps, &aps->listener);
    if (r == 0)
        *ret_port = listener_port(aps->listener);
    return r;
}

static int open_listener(struct aps *aps, char **ret_cause)
{
    static const struct aps_port what = {"ovd.applicationServerPort", USUAL_PORT, PORT_OFFSET};
    unsigned port;
    return aps_port_open(aps, &what, listen_at, aps, &port, ret_cause);
}

static int open_server(struct aps *aps)
{
    static const char *const headers[] = {"Cache-Control: no-store", "X-Content-Type-Options: nosniff", NULL};
    const struct http_server_options options = {
        .loop = aps->s.loop, .routes = routes, .ctx = aps, .base_path = "", .headers = headers};
    return http_server_create(&options, &aps->server);
}

static void stop(void *front_end)
{
    struct aps *aps = front_end;
    aps->stopping = true;
    aps->listener = listener_destroy(aps->listener);
}

static void destroy(void *front_end)
{
    struct aps *aps = front_end;
    struct aps_session *session, *next;
    if (!aps)
        return;
    stop(aps);
    aps->server = http_server_destroy(aps->server);
    aps_calls_cancel(aps);
    aps_starts_close(aps);
    aps_apps_close(aps);
    aps_callers_close(aps);
    aps_instances_close(aps);
    aps_ssh_close(aps);
    HASH_ITER(hh_id, aps->by_id, session, next) aps_session_free(session);
    loop_timer_destroy(aps->retry_timer);
    free(aps->server_name);
    free(aps->manager_url);
    free(aps);
}

static void schema_problem(void *arg, int line, const char *message)
{
    char **ret_cause = arg;
    if (!*ret_cause)
        *ret_cause = xasprintf("the schemas of the OVD messages: line %d: %s", line, message);
}

static void restore(void *arg, struct host_session *host)
{
    aps_session_restore(arg, host);
}

static int open_parts(struct aps *aps, char **ret_cause)
{
    int r = ovd_schema_load_all(schema_problem, ret_cause);
    if (r == 0)
        r = loop_timer_create(aps->s.loop, aps_session_retry, aps, &aps->retry_timer);
    if (r == 0)
        r = host_sessions_listen(aps->s.sessions, &aps_host_events, aps);
    if (r == 0)
        r = aps_ssh_open(aps, ret_cause);
    if (r < 0)
        return r;
    host_sessions_each(aps->s.sessions, restore, aps);
    r = open_server(aps);
    return r < 0 ? r : open_listener(aps, ret_cause);
}

static int start(const struct host_front_end_services *services, void **ret_front_end, char **ret_cause)
{
    struct aps *aps = xcalloc(1, sizeof(*aps));
    aps->s = *services;
    read_config(aps);
    int r = open_parts(aps, ret_cause);
    if (r < 0) {
        destroy(aps);
        return r;
    }
    *ret_front_end = aps;
    log_info("the OVD Application Server answers on port %u", listener_port(aps->listener));
    return 0;
}

static void capabilities(void *front_end, json_t *list)
{
    const struct aps *aps = front_end;
    const char *external = config_str(aps->s.config, "ovd.externalName");
    json_array_append_new(list, json_sprintf("ovd-port=%u", listener_port(aps->listener)));
    json_array_append_new(list, json_sprintf("ovd-fqdn=%s", aps->server_name));
    if (*external)
        json_array_append_new(list, json_sprintf("ovd-external=%s", external));
}

static char *ready_words(void *front_end)
{
    const struct aps *aps = front_end;
    cleanup_free char *ssh = aps_ssh_words(aps);
    return xasprintf("ovd=%u%s%s", listener_port(aps->listener), ssh && *ssh ? " " : "", ssh ? ssh : "");
}

const struct host_front_end ovd_application_server = {
    .name = "the OVD Application Server",
    .enabled = is_enabled,
    .start = start,
    .capabilities = capabilities,
    .ready_words = ready_words,
    .stop = stop,
    .destroy = destroy,
};
