/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/config.h"

struct sink {
    FILE *out;
    const char *file;
};

static void tell(void *arg, int line, const char *message)
{
    const struct sink *sink = arg;
    if (line > 0)
        (void)fprintf(sink->out, "%s:%d: %s\n", sink->file, line, message);
    else
        (void)fprintf(sink->out, "%s: %s\n", sink->file, message);
}

struct config *config_open(const char *state_dir, const char *file, FILE *errors)
{
    cleanup_free char *standard = xasprintf("%s/app.config.xml", state_dir);
    if (!file && access(standard, F_OK) < 0)
        return config_new();
    struct sink sink = {errors, file ? file : standard};
    struct config *config = NULL;
    return config_load(sink.file, tell, &sink, &config) < 0 ? NULL : config;
}
