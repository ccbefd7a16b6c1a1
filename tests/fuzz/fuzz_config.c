// links: config
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* app.config.xml from arbitrary bytes: read, and when it is accepted, every property is looked at and the two
 * reads agree. */
#include "base/str.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_problem(void *arg, int line, const char *message)
{
    size_t *count = arg;

    if (line < 0 || !message || !str_is_utf8(message, strlen(message), false))
        abort();
    ++*count;
}

static void look_at_everything(const struct config *config)
{
    size_t count;
    const struct config_property *table = config_properties(&count);

    for (size_t i = 0; i < count; i++) {
        const struct config_property *p = &table[i];

        if (str_eq(p->type, "integer")) {
            if (config_int(config, p->path) < p->min || config_int(config, p->path) > p->max)
                abort();
        } else if (str_eq(p->type, "boolean")) {
            config_bool(config, p->path);
        } else if (strlen(config_str(config, p->path)) > 4096) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    size_t problems = 0;
    int r = config_parse((const char *)data, size, on_problem, &problems, &config);

    /* Refused without a reason, or accepted with one. */
    if ((r == 0) != (problems == 0))
        abort();
    if (r == 0)
        look_at_everything(config);
    config_free(config);
    return 0;
}
