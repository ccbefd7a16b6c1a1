/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdio.h>

#include "webstream/gateway/gateway_priv.h"

static void usage(FILE *out)
{
    fputs("usage: isthmus gateway --state DIR [--config FILE]\n"
          "  --state DIR     where keys and the database are\n"
          "  --config FILE   configuration, default DIR/app.config.xml when it exists\n",
          out);
}

int gateway_options_parse(int argc, char **argv, struct gateway_options *ret_options, int *ret_code)
{
    static const struct option table[] = {{"state", required_argument, NULL, 's'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct gateway_options options = {0};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        char **to = c == 's' ? &options.state : c == 'c' ? &options.config_file : NULL;
        if (!to) {
            usage(c == 'h' ? stdout : stderr);
            gateway_options_finish(&options);
            *ret_code = c == 'h' ? 0 : GATEWAY_EXIT_USAGE;
            return -1;
        }
        free(*to);
        *to = xstrdup(optarg);
    }
    if (optind < argc || !options.state) {
        usage(stderr);
        gateway_options_finish(&options);
        *ret_code = GATEWAY_EXIT_USAGE;
        return -1;
    }
    *ret_options = options;
    return 0;
}

void gateway_options_finish(struct gateway_options *options)
{
    free(options->state);
    free(options->config_file);
    *options = (struct gateway_options){0};
}
