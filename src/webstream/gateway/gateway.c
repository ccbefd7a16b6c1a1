/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role's life: options, parts, loop, signals, end. */
#include "webstream/gateway/gateway.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/paths.h"
#include "webstream/gateway/attempts.h"
#include "webstream/gateway/gateway_priv.h"

#define DRAIN_STEP_MS 50
#define DRAIN_MAX_MS 5000
#define DESCRIPTORS_MAX 65536
#define RAISED_NICENESS (-5)
#define LARGE_BLOCK (1 << 20)

/* A password may have been reset beside this process: the WebSockets that the old one opened end here. */
static void close_revoked(void *arg, const char *user_id)
{
    gateway_user_revoked(arg, user_id);
}

static void sweep(void *arg)
{
    struct gateway *g = arg;
    int revoked = identity_revoked_since(g->identity, &g->revocations_seen, close_revoked, g);
    if (revoked < 0)
        log_warn("revoked logins could not be read: %s", strerror(-revoked));
    int64_t expiry_ms = config_int(g->config, "isthmus.selectExpiryMs");
    int r = session_broker_expire(g->broker, (expiry_ms + 999) / 1000, GATEWAY_KEEP_ENDED_S);
    if (r < 0)
        log_warn("old sessions could not be swept: %s", strerror(-r));
    gateway_front_ends_sweep(g);
}

static void sweep_done(void *arg)
{
    struct gateway *g = arg;
    g->sweeping = false;
}

static void on_sweep_timer(void *arg)
{
    struct gateway *g = arg;
    ws_links_sweep(g);
    logins_go_on(g); /* for those who have waited too long */
    if (!g->sweeping)
        g->sweeping = loop_work(g->loop, sweep, sweep_done, g) == 0;
}

/* Requests that wait for a host may still finish, but not for ever. */
static void on_drain_timer(void *arg)
{
    struct gateway *g = arg;
    uint64_t passed = clock_monotonic_ms(NULL) - g->drain_started;
    if ((!g->host_calls && passed >= 2 * DRAIN_STEP_MS) || passed >= DRAIN_MAX_MS)
        loop_stop(g->loop);
}

/* Sessions go on at their hosts, and the pages come back as soon as there is a gateway again. */
static void drain(struct gateway *g)
{
    if (atomic_exchange(&g->draining, true))
        return;
    log_info("stopping");
    gateway_listen_stop(g);
    ws_links_close_all(g);
    g->drain_started = clock_monotonic_ms(NULL);
    loop_timer_start(g->drain_timer, DRAIN_STEP_MS, DRAIN_STEP_MS);
}

static void reload(struct gateway *g)
{
    cleanup_free char *cause = NULL;
    if (gateway_certificate_load(g, &cause) < 0)
        log_error("the old certificate stays in use: %s", cause ? cause : "the new one cannot be read");
    else
        log_info("read the certificate again");
}

static void on_signal(void *arg, int signum)
{
    struct gateway *g = arg;
    if (signum == SIGTERM)
        drain(g);
    else if (signum == SIGHUP)
        reload(g);
    else
        loop_stop(g->loop);
}

static int start_handles(struct gateway *g)
{
    static const int signals[ARRAY_SIZE(g->signals)] = {SIGTERM, SIGINT, SIGHUP};
    int r = loop_timer_create(g->loop, on_sweep_timer, g, &g->sweep_timer);
    if (r == 0)
        r = loop_timer_create(g->loop, on_drain_timer, g, &g->drain_timer);
    for (size_t i = 0; i < ARRAY_SIZE(signals) && r == 0; i++)
        r = loop_signal_create(g->loop, signals[i], on_signal, g, &g->signals[i]);
    if (r == 0)
        loop_timer_start(g->sweep_timer, GATEWAY_SWEEP_MS, GATEWAY_SWEEP_MS);
    return r;
}

static int start(struct gateway *g, const struct front_end *const *front_ends, char **ret_cause)
{
    int r = loop_create(&g->loop);
    if (r == 0)
        r = http_client_create(g->loop, &g->client);
    if (r == 0)
        r = start_handles(g);
    if (r < 0) {
        *ret_cause = xasprintf("cannot start the event loop: %s", strerror(-r));
        return r;
    }
    g->base_path = xstrdup(config_str(g->config, "gateway.basePath"));
    if (config_bool(g->config, "gateway.webClient") && paths_asset("web", &g->web_root) < 0) {
        *ret_cause =
            xstrdup("the browser client's files are not where they belong; set gateway.webClient to false "
                    "to take them from a session host");
        return -ENOENT;
    }
    r = gateway_state_open(g, ret_cause);
    if (r == 0)
        r = gateway_front_ends_start(g, front_ends, ret_cause);
    return r < 0 ? r : gateway_listen(g, ret_cause);
}

/* Handlers that run on workers use everything below, so the servers go first and the loop, which waits for
 * the workers, before the state. */
static void stop(struct gateway *g)
{
    ws_links_close_all(g);
    host_calls_cancel(g);
    logins_cancel(g);
    gateway_front_ends_stop(g);
    gateway_listen_finish(g);
    g->client = http_client_destroy(g->client);
    viewers_finish(g);
    attempts_free(&g->code_attempts);
    for (size_t i = 0; i < ARRAY_SIZE(g->signals); i++)
        g->signals[i] = loop_signal_destroy(g->signals[i]);
    g->sweep_timer = loop_timer_destroy(g->sweep_timer);
    g->drain_timer = loop_timer_destroy(g->drain_timer);
    loop_destroy(g->loop);
    gateway_front_ends_destroy(g);
    gateway_state_close(g);
    free(g->base_path);
    free(g->web_root);
}

static void tell_ready(const struct gateway *g)
{
    const char *text = getenv("ISTHMUS_READY_FD");
    int64_t fd;
    log_info("isthmus %s serves https on port %u, http on port %u, session hosts on %s port %d",
             ISTHMUS_VERSION, g->https_port, g->http_port, config_str(g->config, "gateway.internalAddress"),
             (int)config_int(g->config, "gateway.port"));
    if (!text || str_to_int(text, 3, 65535, &fd) < 0)
        return;
    dprintf((int)fd, "READY https=%u http=%u\n", g->https_port, g->http_port);
    close((int)fd);
    unsetenv("ISTHMUS_READY_FD");
}

static void init_log(const struct config *config)
{
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(config_str(config, "isthmus.logLevel"), &level);
    log_init("gateway", level,
             str_eq(config_str(config, "isthmus.logFormat"), "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

static void claim_resources(const struct config *config)
{
    int r = fd_limit_raise(DESCRIPTORS_MAX); /* a WebSocket takes two */
    if (r < 0)
        log_warn("the limit of open files stays low: %s", strerror(-r));
    /* The 19 MiB of each password that is checked go back to the system at once. By itself the allocator
     * learns to keep them, for every worker. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    if (config_bool(config, "gateway.elevateGatewayPriority") &&
        setpriority(PRIO_PROCESS, 0, RAISED_NICENESS) < 0)
        log_warn("the system does not allow a raised priority: %s", strerror(errno));
}

int gateway_main(int argc, char **argv, const struct front_end *const *front_ends)
{
    struct gateway_options options;
    int code = 0;
    if (gateway_options_parse(argc, argv, &options, &code) < 0)
        return code;
    struct gateway g = {.config = config_open(options.state, options.config_file, stderr),
                        .state_dir = options.state};
    cleanup_free char *cause = NULL;
    if (!g.config) {
        gateway_options_finish(&options);
        return GATEWAY_EXIT_CONFIG;
    }
    init_log(g.config);
    signal(SIGPIPE, SIG_IGN);
    claim_resources(g.config);
    if (start(&g, front_ends, &cause) < 0) {
        log_error("%s", cause ? cause : "cannot start");
        code = GATEWAY_EXIT_RUN;
    } else {
        tell_ready(&g);
        loop_run(g.loop);
        log_info("stopped");
    }
    stop(&g);
    config_free(g.config);
    gateway_options_finish(&options);
    return code;
}
