// SPDX-License-Identifier: GPL-3.0-or-later
// isthmus all: everything on one machine with no configuration at all.
#include <getopt.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "isthmus/all_priv.h"
#include "isthmus/isthmus_priv.h"

struct arguments {
    char *state;
    const char *config;
    unsigned port_base;
    bool sandbox, verbose;
};

static void usage(FILE *out)
{
    fprintf(out, "usage: isthmus all [options]\n\n"
                 "  --state DIR      where everything is kept (default: /var/lib/isthmus for root,\n"
                 "                   ~/.local/state/isthmus for others)\n"
                 "  --config FILE    configuration (default: DIR/app.config.xml when it exists)\n"
                 "  --port-base N    first port of the block of 1000 for internal use (default: the first\n"
                 "                   free one from 9000 up, and the same again at the next start)\n"
                 "  --no-sandbox     run sessions without a sandbox, where the kernel allows none\n"
                 "  --verbose        show the logs of all roles here too\n\n"
                 "Signals: INT, TERM, HUP stop everything, sessions included; a second one does not wait.\n"
                 "Exit codes: 0, 1 cannot run, 2 usage, 78 configuration.\n");
}

/* 0, or the exit code plus one. */
static int parse(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"port-base", required_argument, NULL, 'p'},
                                            {"no-sandbox", no_argument, NULL, 'n'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct arguments *a = ret_arguments;
    for (int c; (c = getopt_long(argc, argv, "hv", options, NULL)) != -1;) {
        int64_t number;
        switch (c) {
        case 's':
            free(a->state);
            a->state = xstrdup(optarg);
            break;
        case 'c':
            a->config = optarg;
            break;
        case 'p':
            if (str_to_int(optarg, 1024, 64000, &number) != 0) {
                fprintf(stderr, "isthmus: --port-base is a number from 1024 to 64000\n");
                return 1 + EXIT_USAGE;
            }
            a->port_base = (unsigned)number;
            break;
        case 'n':
            a->sandbox = false;
            break;
        case 'v':
            a->verbose = true;
            break;
        case 'h':
            usage(stdout);
            return 1 + EXIT_OK;
        default:
            usage(stderr);
            return 1 + EXIT_USAGE;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return 1 + EXIT_USAGE;
    }
    return 0;
}

/* The base port that was asked for: by option, or by a configuration that differs from the default; 0 when
 * any will do. */
static unsigned wanted_base(const struct arguments *arguments, const struct config *config)
{
    if (arguments->port_base != 0)
        return arguments->port_base;
    int64_t configured = config_int(config, "webstreamSettings.basePortNumber");
    return configured == PORTS_FIRST ? 0 : (unsigned)configured;
}

/* A public port: as configured, else the one of the run before when it is still free, else the gateway's
 * choice (0). */
static unsigned public_port(const struct config *config, const char *path, unsigned last)
{
    int64_t configured = config_int(config, path);
    if (configured != 0)
        return (unsigned)configured;
    return last != 0 && port_is_free(last) ? last : 0;
}

static int run_instance(const struct arguments *arguments, const char *state, struct config *config)
{
    struct all_status last;
    all_status_load(state, &last);
    unsigned wanted = wanted_base(arguments, config);
    struct all_run_options options = {.state = state, .config = config, .verbose = arguments->verbose};
    cleanup_close int port_lock = -1;
    int err = ports_claim(wanted, last.base, &options.base, &port_lock);
    if (err != 0) {
        fprintf(stderr, "isthmus: %s\n",
                wanted != 0 ? "the ports from --port-base or basePortNumber up are in use"
                            : "no free block of 1000 ports from 9000 up");
        return EXIT_RUN;
    }
    options.https = public_port(config, "gateway.httpsPort", last.https);
    options.http = public_port(config, "gateway.httpPort", last.http);
    options.sandbox = arguments->sandbox && config_bool(config, "isthmus.sandbox");
    err = all_config_write(config, state, options.base, options.https, options.http, options.sandbox);
    if (err != 0) {
        fprintf(stderr, "isthmus: cannot write %s/run/app.config.xml: %s\n", state, strerror(-err));
        return EXIT_RUN;
    }
    cleanup_free char *password = NULL;
    cleanup_free char *cause = NULL;
    if (all_seed(config, state, &password, &cause) != 0) {
        fprintf(stderr, "isthmus: %s\n", cause ? cause : "the database cannot be set up");
        return EXIT_RUN;
    }
    cleanup_free char *self = self_path();
    options.self = self;
    options.password = password;
    int code = all_run(&options);
    if (password)
        secret_wipe(password, strlen(password));
    return code;
}

static void start_log(const struct config *config)
{
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(config_str(config, "isthmus.logLevel"), &level);
    bool json = str_eq(config_str(config, "isthmus.logFormat"), "json");
    log_init("all", level, json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

static int run(const struct arguments *arguments)
{
    cleanup_free char *state = NULL;
    cleanup_free char *cause = NULL;
    cleanup_close int state_lock = -1;
    if (all_state_open(arguments->state, &state, &state_lock, &cause) != 0) {
        fprintf(stderr, "isthmus: %s\n", cause);
        return EXIT_RUN;
    }
    struct config *config = NULL;
    int code = state_config(state, arguments->config, &config);
    if (code != EXIT_OK)
        return code;
    start_log(config);
    code = run_instance(arguments, state, config);
    config_free(config);
    return code;
}

int all_main(int argc, char **argv)
{
    struct arguments arguments = {.state = state_default(), .sandbox = true};
    int code = parse(argc, argv, &arguments);
    if (code == 0 && !arguments.state) {
        fprintf(stderr, "isthmus: this user has no home directory; say --state DIR\n");
        code = 1 + EXIT_USAGE;
    }
    code = code == 0 ? run(&arguments) : code - 1;
    free(arguments.state);
    return code;
}
