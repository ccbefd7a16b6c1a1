/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/session_host/session_host.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/str.h"
#include "webstream/session_host/host_priv.h"

#define DESCRIPTORS_MAX 65536
#define STOP_MS 9000 /* then the rest is left to the next start */
#define STOP_STEP_MS 20

/* What the control plane asks. */

static void plane_facts(void *arg, struct control_plane_facts *ret_facts)
{
    struct host *host = arg;
    unsigned total, active, unused;
    pool_count(host_sessions_pool(host->sessions), &total, &active, &unused);
    *ret_facts = (struct control_plane_facts){.status = host->stopping ? "draining" : "healthy",
                                              .active_sessions = (int)active,
                                              .max_sessions = (int)host->max_sessions,
                                              .cpu = host_load_cpu(&host->load),
                                              .memory = host_load_memory()};
}

static json_t *plane_sessions(void *arg)
{
    const struct host *host = arg;
    return host_sessions_reports(host->sessions);
}

static json_t *plane_changes(void *arg, size_t max)
{
    struct host *host = arg;
    return host_sessions_changes(host->sessions, max);
}

static void plane_acknowledged(void *arg, int64_t sequence)
{
    struct host *host = arg;
    host_sessions_acknowledge(host->sessions, sequence);
}

static void plane_end(void *arg, const char *session_id)
{
    const struct host *host = arg;
    struct host_session *session = host_session_find(host->sessions, session_id);
    if (session && session_status_is_alive(host_session_status(session)))
        (void)host_session_event(session, SESSION_EV_KILL, "kill");
}

static void plane_note(void *arg, bool good, const char *sentence)
{
    (void)arg;
    log_event(good ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, NULL, "%s", sentence);
}

static const struct control_plane_host plane_host = {.facts = plane_facts,
                                                     .sessions = plane_sessions,
                                                     .changes = plane_changes,
                                                     .acknowledged = plane_acknowledged,
                                                     .end = plane_end,
                                                     .note = plane_note};

static void on_reports_due(void *arg)
{
    struct host *host = arg;
    if (host->plane)
        control_plane_changed(host->plane);
}

/* Stopping. TERM leaves the sessions under their keepers. INT ends them first, and unregisters so that the
 * gateway knows at once. */

static void on_left(void *arg)
{
    struct host *host = arg;
    host->left = true;
    loop_stop(host->loop);
}

static void leave(struct host *host)
{
    loop_timer_stop(host->stop_timer);
    if (host->left)
        return;
    if (host->ending_all)
        control_plane_leave(host->plane, on_left, host);
    else
        on_left(host);
}

static void on_stop_timer(void *arg)
{
    struct host *host = arg;
    bool late = clock_monotonic_ms(NULL) - host->stop_ms >= STOP_MS;
    bool settled = host_sessions_settled(host->sessions);
    if (!settled && !late)
        return;
    if (!settled)
        log_error("not everything could be finished in time");
    leave(host);
}

static void on_signal(void *arg, int signum)
{
    struct host *host = arg;
    bool end = signum == SIGINT && !host->ending_all;
    if (host->stopping && !end)
        return;
    host->stopping = true;
    host->stop_ms = clock_monotonic_ms(NULL);
    log_info(end ? "stopping: ending all sessions" : "stopping: the sessions go on under their keepers");
    host->listener = listener_destroy(host->listener);
    host_front_ends_stop(host);
    host_sessions_drain(host->sessions);
    if (end) {
        host->ending_all = true;
        host_sessions_end_all(host->sessions);
    }
    loop_timer_start(host->stop_timer, 0, STOP_STEP_MS);
}

/* Starting. */

static void on_connection(void *arg, int fd, const char *peer)
{
    struct host *host = arg;
    (void)http_server_add(host->server, fd, peer, NULL);
}

static void on_finished(void *ctx, struct http_request *request, unsigned status)
{
    (void)ctx;
    if (status == 401)
        log_warn("%s %s from %s: not signed by the farm", http_method(request), http_path(request),
                 http_peer(request));
}

static void say_ready(const struct host *host)
{
    const char *number = getenv("ISTHMUS_READY_FD");
    int64_t fd;
    log_info("listening on port %u, %u sessions%s", listener_port(host->listener), host->max_sessions,
             pool_same_uid(host_sessions_pool(host->sessions)) ? ", same uid for all of them" : "");
    if (!number || str_to_int(number, 3, 65535, &fd) < 0)
        return;
    cleanup_free char *words = host_front_ends_words(host);
    (void)dprintf((int)fd, "READY port=%u%s\n", listener_port(host->listener), words);
    close((int)fd);
    (void)unsetenv("ISTHMUS_READY_FD");
}

/* "http://NAME:PORT": the port to listen on, and the address to bind, which is loopback when the name is. */
static int own_address(const struct host *host, const char **ret_bind, unsigned *ret_port)
{
    const char *colon = strrchr(host->server_url, ':');
    int64_t port;
    if (!str_starts_with(host->server_url, "http://") || !colon || str_to_int(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    *ret_port = (unsigned)port;
    bool loopback = str_starts_with(host->server_url, "http://127.") ||
                    str_starts_with(host->server_url, "http://localhost:") ||
                    str_starts_with(host->server_url, "http://[::1]:");
    *ret_bind = loopback ? "127.0.0.1" : "";
    return 0;
}

static int open_sessions(struct host *host, const struct host_options *options, const char *bind,
                         char **ret_cause)
{
    const struct config *config = host->config;
    struct pool_options pool = {
        .loop = host->loop,
        .state_dir = host->state_dir,
        .account_base = config_str(config, "webstreamSettings.serverSessionUsername"),
        .slots = (unsigned)config_int(config, "webstreamSettings.serverMaxSessionCount"),
        .base_port = (unsigned)config_int(config, "webstreamSettings.basePortNumber"),
        .sandbox = config_bool(config, "isthmus.sandbox") && !options->no_sandbox,
        .printing = config_bool(config, "isthmus.printing"),
        .start_timeout_ms = (unsigned)config_int(config, "isthmus.startTimeoutMs"),
        .orphan_ms = (unsigned)config_int(config, "isthmus.keeperOrphanMs"),
        .peer_key = host->key,
        .streamer_bind = *bind ? bind : "0.0.0.0",
        .frame_rate = (unsigned)config_int(config, "isthmus.frameRate"),
        .compression = (unsigned)config_int(config, "webstreamSettings.remoteCompressionLevel"),
        .log_level = config_str(config, "isthmus.logLevel"),
        .log_format = config_str(config, "isthmus.logFormat")};
    if (!pool.sandbox)
        log_warn("sessions run without a sandbox");
    const struct host_sessions_options sessions = {.loop = host->loop,
                                                   .config = config,
                                                   .state_dir = host->state_dir,
                                                   .pool = &pool,
                                                   .reports_due = on_reports_due,
                                                   .arg = host};
    return host_sessions_create(&sessions, &host->sessions, ret_cause);
}

static int load_key(struct host *host, char **ret_cause)
{
    const char *file = config_str(host->config, "gateway.sharedSecretFile");
    cleanup_free char *dir = xasprintf("%s/secrets", host->state_dir);
    cleanup_free char *path = *file ? xstrdup(file) : xasprintf("%s/shared.key", dir);
    int r = *file ? 0 : dir_make(dir, 0700);
    if (r >= 0)
        r = secret_load_key(path, host->key);
    if (r < 0)
        *ret_cause = xasprintf("the farm's key %s cannot be read: %s", path, strerror(-r));
    return r;
}

static int open_web_root(struct host *host, char **ret_cause)
{
    const char *configured = config_str(host->config, "webstreamSettings.serverHttpPath");
    if (*configured)
        host->web_root = xstrdup(configured);
    else if (paths_asset("web", &host->web_root) < 0) {
        *ret_cause = xstrdup("the browser client is not installed");
        return -ENOENT;
    }
    return 0;
}

static int open_plane(struct host *host)
{
    cleanup_json json_t *capabilities = host_front_ends_capabilities(host);
    struct control_plane_gateway_options options = {
        .loop = host->loop,
        .client = host->client,
        .gateway_url = host->gateway_url,
        .server_url = host->server_url,
        .tags = host->tags,
        .capabilities = capabilities,
        .heartbeat_s = (unsigned)config_int(host->config, "gateway.backend.heartbeatInterval"),
        .key = host->key};
    return control_plane_gateway_create(&options, &plane_host, host, &host->plane);
}

static int open_server(struct host *host, const char *bind, unsigned port, char **ret_cause)
{
    struct http_server_options options = {.loop = host->loop,
                                          .routes = host_routes,
                                          .ctx = host,
                                          .base_path = "",
                                          .peer_key = host->key,
                                          .finished = on_finished};
    int r = http_server_create(&options, &host->server);
    if (r >= 0)
        r = listener_create(host->loop, bind, port, on_connection, host, &host->listener);
    if (r < 0)
        *ret_cause = xasprintf("port %u cannot be listened on: %s", port, strerror(-r));
    return r;
}

static int open_signals(struct host *host)
{
    int r = loop_timer_create(host->loop, on_stop_timer, host, &host->stop_timer);
    if (r >= 0)
        r = loop_signal_create(host->loop, SIGTERM, on_signal, host, &host->signals[0]);
    if (r >= 0)
        r = loop_signal_create(host->loop, SIGINT, on_signal, host, &host->signals[1]);
    return r;
}

static int start(struct host *host, const struct host_options *options,
                 const struct host_front_end *const *front_ends, char **ret_cause)
{
    const char *bind;
    unsigned port;
    unsigned capacity = (unsigned)config_int(host->config, "gateway.backend.maxSessions");
    unsigned slots = (unsigned)config_int(host->config, "webstreamSettings.serverMaxSessionCount");
    host->server_url = host_own_url(host->config);
    host->gateway_url = host_gateway_url(host->config);
    host->max_sessions = capacity ? MIN(capacity, slots) : slots;
    int r = own_address(host, &bind, &port);
    if (r < 0) {
        *ret_cause =
            xasprintf("gateway.backend.advertisedUrl must be http://NAME:PORT, not \"%s\"", host->server_url);
        return r;
    }
    r = load_key(host, ret_cause);
    if (r >= 0)
        r = open_web_root(host, ret_cause);
    if (r >= 0)
        r = open_signals(host);
    if (r >= 0)
        r = http_client_create(host->loop, &host->client);
    if (r >= 0)
        r = open_server(host, bind, port, ret_cause);
    if (r >= 0)
        r = open_sessions(host, options, bind, ret_cause);
    if (r >= 0)
        r = host_front_ends_start(host, front_ends, bind, ret_cause);
    if (r >= 0)
        r = open_plane(host);
    return r;
}

static void finish(struct host *host)
{
    host->listener = listener_destroy(host->listener);
    host_sessions_close(host->sessions);
    host->server = http_server_destroy(host->server);
    host->plane = control_plane_destroy(host->plane);
    host_front_ends_destroy(host);
    host->sessions = host_sessions_destroy(host->sessions);
    host->client = http_client_destroy(host->client);
    for (size_t i = 0; i < ARRAY_SIZE(host->signals); i++)
        loop_signal_destroy(host->signals[i]);
    loop_timer_destroy(host->stop_timer);
    loop_destroy(host->loop);
    config_free(host->config);
    secret_wipe(host->key, sizeof host->key);
    free(host->state_dir);
    free(host->tags);
    free(host->web_root);
    free(host->server_url);
    free(host->gateway_url);
}

static void init_log(const struct config *config)
{
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(config_str(config, "isthmus.logLevel"), &level);
    log_init("session-host", level,
             str_eq(config_str(config, "isthmus.logFormat"), "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

static int run(struct host *host, const struct host_options *options,
               const struct host_front_end *const *front_ends)
{
    cleanup_free char *cause = NULL;
    host->state_dir = xstrdup(options->state);
    host->tags = options->tags ? xstrdup(options->tags) : NULL;
    host->started_ms = clock_monotonic_ms(NULL);
    int r = dir_make(host->state_dir, 0711);
    /* Clients of a front-end must not be able to take the descriptors that sessions need. */
    int raised = fd_limit_raise(DESCRIPTORS_MAX);
    if (raised < 0)
        log_warn("the limit of open files stays low: %s", strerror(-raised));
    if (r >= 0)
        r = loop_create(&host->loop);
    if (r < 0) {
        log_error("%s cannot be used: %s", host->state_dir, strerror(-r));
        return HOST_EXIT_RUN;
    }
    r = start(host, options, front_ends, &cause);
    if (r < 0) {
        log_error("%s", cause ? cause : strerror(-r));
        return HOST_EXIT_RUN;
    }
    say_ready(host);
    control_plane_start(host->plane);
    r = loop_run(host->loop);
    return r < 0 ? HOST_EXIT_RUN : 0;
}

int session_host_main(int argc, char **argv, const struct host_front_end *const *front_ends)
{
    struct host_options options;
    int code;
    if (host_options_parse(argc, argv, &options, &code) < 0)
        return code;
    struct host host = {.config = config_open(options.state, options.config_file, stderr)};
    if (!host.config) {
        host_options_finish(&options);
        return HOST_EXIT_CONFIG;
    }
    init_log(host.config);
    code = run(&host, &options, front_ends);
    if (host.loop)
        finish(&host);
    else
        config_free(host.config);
    host_options_finish(&options);
    return code;
}
