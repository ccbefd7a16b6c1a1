/* SPDX-License-Identifier: GPL-3.0-or-later */
/* app.config.xml. One table (config_table.c) holds every property: its path
 * ("gateway.loadBalancing.strategy", which is <configuration><gateway><loadBalancing><strategy>), type,
 * range, default and help; the schema, isthmus(1) and "isthmus check" follow it. A configuration is read once
 * at start and is then constant, so any thread may read it. */
#ifndef ISTHMUS_CONFIG_CONFIG_H
#define ISTHMUS_CONFIG_CONFIG_H

#include <stdio.h>

#include "base/util.h"

struct config;

typedef void (*config_problem_fn)(void *arg, int line, const char *message);

/* All defaults. */
struct config *config_new(void);
struct config *config_free(struct config *config); /* NULL-safe; returns NULL */
/* Defaults overlaid with the file. Every problem (syntax, schema, unknown property, range) is told with its
 * line and without the value, which may be a secret; then -EINVAL, or what reading the file or the schema
 * gave. problem may be NULL. */
int config_load(const char *path, config_problem_fn problem, void *arg, struct config **ret_config);
/* The configuration that a program works with: file when given (it must be there), else
 * state_dir/app.config.xml when that exists, else the defaults. Problems are written to errors, one
 * "FILE:LINE: message" a line; then NULL. */
struct config *config_open(const char *state_dir, const char *file, FILE *errors);
/* The same as config_load from memory (the fuzz target's entry). */
int config_parse(const char *data, size_t len, config_problem_fn problem, void *arg,
                 struct config **ret_config);
/* Overrides one property before it is read by anybody; -ENOENT unknown, -EINVAL or -ERANGE bad value. What
 * several properties together have to fulfil is not checked here: see config_check. */
int config_set(struct config *config, const char *path, const char *value);
/* Checks what several properties together have to fulfil: 0, or -EINVAL after telling (without a line).
 * config_load has done it. */
int config_check(const struct config *config, config_problem_fn problem, void *arg);
/* Writes a file with every property that differs from its default, mode 0600; config_load reads it back
 * equal. */
int config_save(const struct config *config, const char *file);

/* The path must be in the table with that type: anything else is a programming error and ends the process.
 * Strings are lent; an unset string is "". */
const char *config_str(const struct config *config, const char *path);
int64_t config_int(const struct config *config, const char *path);
bool config_bool(const struct config *config, const char *path);

/* The entries of mcpApiKeys, <key name="..." value="..."/>, which are the one list among the properties: name
 * is for the audit trail, value is what a client presents. Lent; NULL past the end. */
#define CONFIG_MCP_KEY_MAX 64
const char *config_mcp_key(const struct config *config, size_t index, const char **ret_value);

/* For help and the man page. type is "string", "integer", "boolean" or a list of words "a|b|c"; min and max
 * bound an integer's value or a string's bytes. Properties of one section stand together. */
struct config_property {
    const char *path;
    const char *type;
    int64_t min, max;
    const char *default_value;
    const char *help;
    bool secret; /* never shown, not even by the command that prints a configuration */
};
const struct config_property *config_properties(size_t *ret_count);

#endif
