// SPDX-License-Identifier: GPL-3.0-or-later
// The life of an instance: gateway up, session host up, banner, supervision; then the same backwards.
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/str.h"
#include "isthmus/all_priv.h"
#include "isthmus/isthmus_priv.h"

#define START_TIMEOUT_MS 90000 /* a first start cleans up after an earlier one and makes keys */
#define LEFTOVER_GRACE_MS 3000
#define TAIL_LINES 12

enum { GATEWAY, HOST, ROLE_COUNT };

enum phase { PHASE_GATEWAY, PHASE_HOST, PHASE_RUNNING, PHASE_STOP_HOST, PHASE_STOP_GATEWAY };

struct all {
    const struct all_run_options *options;
    struct loop *loop;
    struct all_logs *logs;
    struct role *role[ROLE_COUNT];
    struct loop_timer *start_timer;
    struct loop_signal *signals[3];
    unsigned https, http;
    enum phase phase;
    bool banner_shown;
    int exit_code;
};

static struct all_view view_of(const struct all *all)
{
    const struct all_run_options *o = all->options;
    return (struct all_view){.state = o->state,
                             .self = o->self,
                             .config = o->config,
                             .base = o->base,
                             .https = all->https,
                             .http = all->http,
                             .password = o->password,
                             .roles = (const struct role *const *)all->role,
                             .role_count = ROLE_COUNT};
}

static void save_status(const struct all *all)
{
    struct all_view view = view_of(all);
    int err = all_status_write(&view);
    if (err != 0)
        log_warn("the status file cannot be written: %s", strerror(-err));
}

/* Goes on with stopping as far as it can go now. */
static void stop_next(struct all *all)
{
    if (all->phase == PHASE_STOP_HOST && role_get_state(all->role[HOST]) == ROLE_STOPPED) {
        all->phase = PHASE_STOP_GATEWAY;
        role_stop(all->role[GATEWAY]);
    }
    if (all->phase == PHASE_STOP_GATEWAY && role_get_state(all->role[GATEWAY]) == ROLE_STOPPED)
        loop_stop(all->loop);
}

static void stop(struct all *all)
{
    loop_timer_stop(all->start_timer);
    if (all->phase == PHASE_STOP_HOST || all->phase == PHASE_STOP_GATEWAY) {
        role_stop(all->role[all->phase == PHASE_STOP_HOST ? HOST : GATEWAY]); // asked twice: now
    } else {
        fprintf(stderr, "isthmus: stopping\n");
        all->phase = PHASE_STOP_HOST;
        role_stop(all->role[HOST]);
    }
    stop_next(all);
}

static void give_up(struct all *all, const struct role *role, const char *why, int code)
{
    log_error("%s: %s", role_name(role), why);
    fprintf(stderr, "isthmus: the %s %s. Its last words:\n", role_name(role), why);
    all_logs_tail(all->options->state, role_name(role), TAIL_LINES);
    all->exit_code = code;
    stop(all);
}

static void start(struct all *all, struct role *role)
{
    fprintf(stderr, "isthmus: starting the %s\n", role_name(role));
    int err = role_start(role);
    if (err != 0)
        give_up(all, role, strerror(-err), EXIT_RUN);
    else
        loop_timer_start(all->start_timer, START_TIMEOUT_MS, 0);
}

static unsigned port_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    unsigned port = 0;
    return at && sscanf(at + strlen(name), "%5u", &port) == 1 ? port : 0;
}

/* A gateway that starts again must come back at the same address: what it found is written into its
 * configuration. */
static void gateway_ready(struct all *all, const char *line)
{
    const struct all_run_options *o = all->options;
    unsigned https = port_in(line, " https=");
    unsigned http = port_in(line, " http=");
    if (https == 0 || (https == all->https && http == all->http))
        return;
    all->https = https;
    all->http = http;
    int err = all_config_write(o->config, o->state, o->base, https, http, o->sandbox);
    if (err != 0)
        log_warn("the ports cannot be written down: %s", strerror(-err));
}

static void on_role_ready(struct all *all, const struct role *role, const char *line)
{
    log_info("%s is ready:%s", role_name(role), line);
    if (role == all->role[GATEWAY])
        gateway_ready(all, line);
    if (all->phase == PHASE_GATEWAY && role == all->role[GATEWAY]) {
        all->phase = PHASE_HOST;
        start(all, all->role[HOST]);
    } else if (all->phase == PHASE_HOST && role == all->role[HOST]) {
        loop_timer_stop(all->start_timer);
        all->phase = PHASE_RUNNING;
        struct all_view view = view_of(all);
        all_banner(&view);
        all->banner_shown = true;
    } else if (all->phase == PHASE_RUNNING) {
        fprintf(stderr, "isthmus: the %s is back\n", role_name(role));
    }
}

static void on_role_died(struct all *all, const struct role *role)
{
    if (all->phase == PHASE_RUNNING) {
        fprintf(stderr, "isthmus: the %s has died (%d), starting it again\n", role_name(role),
                role_exit_code(role));
        return;
    }
    if (all->phase != PHASE_GATEWAY && all->phase != PHASE_HOST)
        return;
    // A role that does not come up the first time has a reason that a person must see.
    int code = role_exit_code(role);
    give_up(all, role, "does not start", code == EXIT_CONFIG ? EXIT_CONFIG : EXIT_RUN);
}

static void on_role_changed(void *arg, struct role *role, const char *line)
{
    struct all *all = arg;
    if (line)
        on_role_ready(all, role, line);
    else if (role_get_state(role) == ROLE_WAITING)
        on_role_died(all, role);
    save_status(all);
    stop_next(all);
}

static void on_start_timeout(void *arg)
{
    struct all *all = arg;
    give_up(all, all->role[all->phase == PHASE_GATEWAY ? GATEWAY : HOST], "does not become ready", EXIT_RUN);
}

static void on_signal(void *arg, int signum)
{
    struct all *all = arg;
    log_info("signal %d: stopping", signum);
    stop(all);
}

static int watch_signals(struct all *all)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction hup;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGHUP, NULL, &hup);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (numbers[i] == SIGHUP && hup.sa_handler == SIG_IGN)
            continue; // started with nohup: the terminal may go
        int err = loop_signal_create(all->loop, numbers[i], on_signal, all, &all->signals[i]);
        if (err != 0)
            return err;
    }
    return 0;
}

static int set_up(struct all *all)
{
    const struct all_run_options *o = all->options;
    // Whoever loses its parent below lands here, and can be ended and reaped.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return -errno;
    loop_reap_orphans(all->loop);
    int err = all_logs_create(all->loop, o->state, o->verbose, &all->logs);
    int log_fd = -1;
    if (err == 0)
        err = all_logs_open(all->logs, "all", &log_fd);
    if (err != 0)
        return err;
    log_set_fd(log_fd); // held as long as this process lives
    cleanup_free char *config = xasprintf("%s/run/app.config.xml", o->state);
    static const struct {
        const char *name;
        int stop_signal;
    } kinds[ROLE_COUNT] = {
        [GATEWAY] = {"gateway", SIGTERM}, [HOST] = {"session-host", SIGINT}}; // INT: it ends its sessions too
    for (size_t i = 0; i < ROLE_COUNT && err == 0; i++) {
        const struct role_options options = {.loop = all->loop,
                                             .name = kinds[i].name,
                                             .self = o->self,
                                             .state = o->state,
                                             .config = config,
                                             .logs = all->logs,
                                             .stop_signal = kinds[i].stop_signal,
                                             .changed = on_role_changed,
                                             .arg = all};
        err = role_create(&options, &all->role[i]);
    }
    if (err == 0)
        err = loop_timer_create(all->loop, on_start_timeout, all, &all->start_timer);
    return err == 0 ? watch_signals(all) : err;
}

static void tear_down(struct all *all)
{
    for (size_t i = 0; i < ARRAY_SIZE(all->signals); i++)
        loop_signal_destroy(all->signals[i]);
    loop_timer_destroy(all->start_timer);
    for (size_t i = 0; i < ROLE_COUNT; i++)
        role_destroy(all->role[i]);
    all_logs_destroy(all->logs);
    loop_destroy(all->loop);
}

int all_run(const struct all_run_options *options)
{
    struct all all = {.options = options, .https = options->https, .http = options->http};
    int err = loop_create(&all.loop);
    if (err == 0)
        err = set_up(&all);
    if (err == 0) {
        start(&all, all.role[GATEWAY]);
        save_status(&all);
        loop_run(all.loop);
        unsigned left = leftover_end(LEFTOVER_GRACE_MS);
        if (left > 0)
            log_warn("ended %u processes that the roles had left behind", left);
        save_status(&all);
        log_info("stopped");
        if (!all.banner_shown && options->password) // it exists from now on, and nothing will print it again
            printf("user: admin\npassword: %s\n", options->password);
        if (all.exit_code == EXIT_OK)
            fprintf(stderr, "isthmus: stopped\n");
    } else {
        fprintf(stderr, "isthmus: cannot start: %s\n", strerror(-err));
        all.exit_code = EXIT_RUN;
    }
    tear_down(&all);
    return all.exit_code;
}
