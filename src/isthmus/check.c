// SPDX-License-Identifier: GPL-3.0-or-later
// isthmus check: every problem of a configuration at once, or its effective values.
#include <getopt.h>
#include <inttypes.h>

#include "base/str.h"
#include "isthmus/isthmus_priv.h"

static void usage(FILE *out)
{
    fprintf(out, "usage: isthmus check [--config FILE] [--state DIR] [--dump | --list]\n\n"
                 "  --config FILE   the file to check (default DIR/app.config.xml)\n"
                 "  --state DIR     the state directory\n"
                 "  --dump          print every property with its effective value\n"
                 "  --list          print every property with type, default and meaning\n\n"
                 "Prints every problem as FILE:LINE: message and then exits with 78.\n");
}

static void dump(const struct config *config)
{
    size_t count;
    const struct config_property *p = config_properties(&count);
    for (size_t i = 0; i < count; i++, p++) {
        if (str_eq(p->type, "integer"))
            printf("%s = %" PRId64 "\n", p->path, config_int(config, p->path));
        else if (str_eq(p->type, "boolean"))
            printf("%s = %s\n", p->path, config_bool(config, p->path) ? "true" : "false");
        else if (p->secret)
            printf("%s = %s\n", p->path, config_str(config, p->path)[0] ? "(set)" : "");
        else
            printf("%s = %s\n", p->path, config_str(config, p->path));
    }
}

static void list(void)
{
    size_t count;
    const struct config_property *p = config_properties(&count);
    for (size_t i = 0; i < count; i++, p++) {
        printf("%s (%s", p->path, p->type);
        if (str_eq(p->type, "integer"))
            printf(", %" PRId64 " ... %" PRId64, p->min, p->max);
        printf(", default %s)\n    %s\n",
               p->default_value && p->default_value[0] ? p->default_value : "empty", p->help);
    }
}

int check_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"state", required_argument, NULL, 's'},
        {"dump", no_argument, NULL, 'd'},         {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *file = NULL;
    cleanup_free char *state = state_default();
    bool want_dump = false;
    bool want_list = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 's':
            free(state);
            state = xstrdup(optarg);
            break;
        case 'd':
            want_dump = true;
            break;
        case 'l':
            want_list = true;
            break;
        case 'h':
            usage(stdout);
            return EXIT_OK;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc || !state) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (want_list) {
        list();
        return EXIT_OK;
    }
    struct config *config = NULL;
    int code = state_config(state, file, &config);
    if (code != EXIT_OK)
        return code;
    if (want_dump)
        dump(config);
    else
        printf("%s: no problem found\n", file ? file : "the configuration");
    config_free(config);
    return EXIT_OK;
}
