/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdio.h>

#include "base/str.h"
#include "webstream/session_host/host_priv.h"

static void usage(FILE *out)
{
    fputs("usage: isthmus session-host --state DIR [--config FILE] [--no-sandbox] [-tags a,b]\n"
          "  --state DIR     where the slots, the key and the journal are\n"
          "  --config FILE   configuration, default DIR/app.config.xml when it exists\n"
          "  --no-sandbox    run sessions without isolation, where the system refuses namespaces\n"
          "  -tags a,b       what workspaces can ask for in a host\n",
          out);
}

static int take(struct host_options *options, int c)
{
    char **to = c == 's'   ? &options->state
                : c == 'c' ? &options->config_file
                : c == 't' ? &options->tags
                           : NULL;
    if (to) {
        free(*to);
        *to = xstrdup(optarg);
    } else if (c == 'n') {
        options->no_sandbox = true;
    } else {
        return -1;
    }
    return 0;
}

int host_options_parse(int argc, char **argv, struct host_options *ret_options, int *ret_code)
{
    static const struct option table[] = {
        {"state", required_argument, NULL, 's'}, {"config", required_argument, NULL, 'c'},
        {"tags", required_argument, NULL, 't'},  {"no-sandbox", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    struct host_options options = {0};
    int c;
    optind = 1;
    /* long_only: the contract writes -tags with one dash. */
    while ((c = getopt_long_only(argc, argv, "", table, NULL)) != -1) {
        if (take(&options, c) == 0)
            continue;
        usage(c == 'h' ? stdout : stderr);
        host_options_finish(&options);
        *ret_code = c == 'h' ? 0 : HOST_EXIT_USAGE;
        return -1;
    }
    if (optind < argc || !options.state) {
        usage(stderr);
        host_options_finish(&options);
        *ret_code = HOST_EXIT_USAGE;
        return -1;
    }
    *ret_options = options;
    return 0;
}

void host_options_finish(struct host_options *options)
{
    free(options->state);
    free(options->config_file);
    free(options->tags);
    *options = (struct host_options){0};
}

/* Without a slash at the end, which paths bring themselves. */
static char *trimmed(const char *url)
{
    char *copy = xstrdup(url);
    size_t len = strlen(copy);
    while (len > 0 && copy[len - 1] == '/')
        copy[--len] = '\0';
    return copy;
}

char *host_own_url(const struct config *config)
{
    const char *url = config_str(config, "gateway.backend.advertisedUrl");
    if (*url)
        return trimmed(url);
    return xasprintf("http://127.0.0.1:%d", (int)config_int(config, "webstreamSettings.basePortNumber") + 5);
}

char *host_gateway_url(const struct config *config)
{
    const char *url = config_str(config, "gateway.backend.gatewayUrl");
    return *url ? trimmed(url) : xasprintf("http://127.0.0.1:%d", (int)config_int(config, "gateway.port"));
}
