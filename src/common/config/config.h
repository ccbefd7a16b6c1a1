/* SPDX-License-Identifier: GPL-3.0-or-later */
/* app.config.xml. One table (config_table.c) holds every property: its path ("gateway.loadBalancing.strategy", which is
 * <configuration><gateway><loadBalancing><strategy>), type, range, default and help; the schema, isthmus(1) and "isthmus check" follow it. A
 * configuration is read once at start and is then constant, so any thread may read it. */
#ifndef ISTHMUS_CONFIG_CONFIG_H
#define ISTHMUS_CONFIG_CONFIG_H

#include "base/util.h"

struct config;

typedef void (*config_problem_fn)(void *arg, int line, const char *message);

/* All defaults. */
struct config *config_new(void);
struct config *config_free(struct config *config); /* NULL-safe; returns NULL */
/* Defaults overlaid with the file. Every problem (syntax, schema, unknown property, range) is told with its line, then -EINVAL. */
int config_load(const char *path, config_problem_fn problem, void *arg, struct config **ret_config);
/* The same from memory (the fuzz target's entry). */
int config_parse(const char *data, size_t len, config_problem_fn problem, void *arg, struct config **ret_config);
/* Overrides one property before it is read by anybody; -ENOENT unknown, -EINVAL or -ERANGE bad value. */
int config_set(struct config *config, const char *path, const char *value);
/* Writes a file with every property that differs from its default, mode 0600; config_load reads it back equal. */
int config_save(const struct config *config, const char *file);

/* The path must be in the table with that type: anything else is a programming error and ends the process. Strings are lent; an unset string
 * is "". */
const char *config_str(const struct config *config, const char *path);
int64_t config_int(const struct config *config, const char *path);
bool config_bool(const struct config *config, const char *path);

/* For help and the man page. type is "string", "integer", "boolean" or a list of words "a|b|c". */
struct config_property {
    const char *path;
    const char *type;
    int64_t min, max;
    const char *default_value;
    const char *help;
};
const struct config_property *config_properties(size_t *ret_count);

#endif
