/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool/argv_json.h"

#include <stdio.h>

#include "pool/cmdline.h"

json_t *argv_to_json(char *const *argv)
{
    json_t *array = json_array();
    for (; argv && *argv; argv++) {
        /* jansson would leave an argument out that it cannot say */
        if (json_array_append_new(array, json_string(*argv)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

int argv_from_json(const json_t *object, const char *name, char ***ret_argv, char *ret_error)
{
    const json_t *array;
    int r = json_get_array(object, name, CMDLINE_ARGS_MAX, &array, ret_error);
    size_t count = r < 0 ? 0 : json_array_size(array);
    if (r < 0)
        return r;
    char **argv = count > 0 ? xcalloc(count + 1, sizeof *argv) : NULL;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text) {
            (void)snprintf(ret_error, JSON_ERROR_LEN, "%s[%zu] is not a string", name, i);
            cmdline_free(argv);
            return -EINVAL;
        }
        argv[i] = xstrdup(text);
    }
    *ret_argv = argv;
    return 0;
}
