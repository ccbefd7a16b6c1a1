/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values in memory: defaults, checks, access. */
#include "config/config.h"

#include <stdio.h>

#include "base/secret.h"
#include "base/str.h"
#include "config/config_priv.h"

static const struct config_property *property(int row)
{
    size_t count;

    return &config_properties(&count)[row];
}

int config__find(const char *path)
{
    size_t count;
    const struct config_property *table = config_properties(&count);

    for (size_t i = 0; i < count; i++) {
        if (str_eq(table[i].path, path))
            return (int)i;
    }
    return -1;
}

static bool is_word_of(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; len > 0;) {
        size_t n = strcspn(at, "|");

        if (n == len && memcmp(at, word, len) == 0)
            return true;
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    return false;
}

static int parse(const struct config_property *p, const char *text, struct config_value *ret_value)
{
    if (str_eq(p->type, "integer"))
        return str_to_int(text, p->min, p->max, &ret_value->number);
    if (str_eq(p->type, "boolean")) {
        if (!str_eq(text, "true") && !str_eq(text, "false"))
            return -EINVAL;
        ret_value->flag = str_eq(text, "true");
        return 0;
    }
    if (str_eq(p->type, "string")) {
        size_t len = strlen(text);

        if (!str_is_utf8(text, len, true))
            return -EINVAL;
        return len < (size_t)p->min || len > (size_t)p->max ? -ERANGE : 0;
    }
    return is_word_of(p->type, text) ? 0 : -EINVAL;
}

static void wipe(char **text)
{
    if (*text)
        secret_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

int config__store(struct config *config, int row, const char *text)
{
    struct config_value value = {0};
    int r = parse(property(row), text, &value);

    if (r < 0)
        return r;
    value.text = str_eq(text, property(row)->default_value) ? NULL : xstrdup(text);
    wipe(&config->values[row].text);
    config->values[row] = value;
    return 0;
}

int config__add_key(struct config *config, const char *name, const char *value)
{
    if (config->key_count >= CONFIG_MCP_KEY_MAX)
        return -ENOSPC;
    if (!str_is_utf8(name, strlen(name), true) || !str_is_utf8(value, strlen(value), true))
        return -EINVAL;
    if (!*name || strlen(name) > 128 || strlen(value) < 16 || strlen(value) > 512)
        return -ERANGE;
    config->keys[config->key_count++] = (struct config_key){xstrdup(name), xstrdup(value)};
    return 0;
}

const char *config_mcp_key(const struct config *config, size_t index, const char **ret_value)
{
    if (index >= config->key_count)
        return NULL;
    *ret_value = config->keys[index].value;
    return config->keys[index].name;
}

void config__expectation(int row, char *ret_text, size_t size)
{
    const struct config_property *p = property(row);

    if (str_eq(p->type, "integer"))
        snprintf(ret_text, size, "%s has to be a number from %lld to %lld", p->path, (long long)p->min,
                 (long long)p->max);
    else if (str_eq(p->type, "boolean"))
        snprintf(ret_text, size, "%s has to be true or false", p->path);
    else if (str_eq(p->type, "string"))
        snprintf(ret_text, size, "%s has to be one line of at most %lld bytes", p->path, (long long)p->max);
    else
        snprintf(ret_text, size, "%s has to be one of %s", p->path, p->type);
}

struct config *config_new(void)
{
    struct config *config = xcalloc(1, sizeof(*config));
    size_t count;
    const struct config_property *table = config_properties(&count);

    if (count > CONFIG_PROPERTY_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (config__store(config, (int)i, table[i].default_value) < 0)
            abort();
    }
    return config;
}

struct config *config_free(struct config *config)
{
    if (!config)
        return NULL;
    for (size_t i = 0; i < CONFIG_PROPERTY_MAX; i++)
        wipe(&config->values[i].text);
    for (size_t i = 0; i < config->key_count; i++) {
        wipe(&config->keys[i].name);
        wipe(&config->keys[i].value);
    }
    free(config);
    return NULL;
}

int config_set(struct config *config, const char *path, const char *value)
{
    int row = config__find(path);

    return row < 0 ? -ENOENT : config__store(config, row, value);
}

/* A misspelt path or the wrong accessor is found by the first run of the code that has it. */
static int row_of(const char *path, const char *type)
{
    int row = config__find(path);
    bool fits = row >= 0 && str_eq(property(row)->type, type);

    /* A list of words is read as a string. */
    if (row >= 0 && str_eq(type, "string"))
        fits = fits || (!str_eq(property(row)->type, "integer") && !str_eq(property(row)->type, "boolean"));
    if (!fits) {
        fprintf(stderr, "no property %s of type %s\n", path, type);
        abort();
    }
    return row;
}

const char *config_str(const struct config *config, const char *path)
{
    int row = row_of(path, "string");

    return config->values[row].text ? config->values[row].text : property(row)->default_value;
}

int64_t config_int(const struct config *config, const char *path)
{
    return config->values[row_of(path, "integer")].number;
}

bool config_bool(const struct config *config, const char *path)
{
    return config->values[row_of(path, "boolean")].flag;
}

static void tell(config_problem_fn problem, void *arg, const char *message)
{
    if (problem)
        problem(arg, 0, message);
}

int config_check(const struct config *config, config_problem_fn problem, void *arg)
{
    int64_t last_port = config_int(config, "webstreamSettings.basePortNumber") +
                        10 * config_int(config, "webstreamSettings.serverMaxSessionCount") + 1;
    const char *certificate = config_str(config, "gateway.certificateFile");
    const char *key = config_str(config, "gateway.privateKeyFile");
    const char *base_path = config_str(config, "gateway.basePath");
    int r = 0;

    if (!*certificate != !*key) {
        tell(problem, arg,
             "gateway.certificateFile and gateway.privateKeyFile belong together: one of them is missing");
        r = -EINVAL;
    }
    if (last_port > 65535) {
        tell(problem, arg,
             "webstreamSettings.basePortNumber + 10 * webstreamSettings.serverMaxSessionCount + 1 is past "
             "port 65535");
        r = -EINVAL;
    }
    if (*base_path && (*base_path != '/' || str_ends_with(base_path, "/"))) {
        tell(problem, arg, "gateway.basePath has to start with / and not to end with it");
        r = -EINVAL;
    }
    return r;
}
