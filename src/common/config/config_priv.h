/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_CONFIG_PRIV_H
#define ISTHMUS_CONFIG_PRIV_H

#include "config/config.h"

#define CONFIG_PROPERTY_MAX 128

struct config_value {
    char *text; /* as written; NULL: the default */
    int64_t number;
    bool flag;
};

struct config_key {
    char *name, *value;
};

struct config {
    struct config_value values[CONFIG_PROPERTY_MAX]; /* in the table's order */
    struct config_key keys[CONFIG_MCP_KEY_MAX];
    size_t key_count;
};

/* Row of path in the table, or -1. */
int config__find(const char *path);
/* Checks and stores one value. 0, -EINVAL or -ERANGE. */
int config__store(struct config *config, int row, const char *text);
/* Appends a key of mcpApiKeys: 0, -EINVAL, -ERANGE or -ENOSPC. */
int config__add_key(struct config *config, const char *name, const char *value);
/* Sentence that says what row accepts. */
void config__expectation(int row, char *ret_text, size_t size);

#endif
