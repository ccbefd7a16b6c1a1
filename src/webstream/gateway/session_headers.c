/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <strings.h>

#include "base/codec.h"
#include "webstream/gateway/gateway_priv.h"

enum coding { AS_IS, PERCENT };

/* Empty values are left out: a header without a value is treated differently by every library on the way. */
static int add(struct session_headers *headers, const char *name, const char *value, enum coding coding)
{
    if (!*value)
        return 0;
    /* The ids are ours and words; everything that a person typed is encoded, so none of it can end a header.
     */
    char *encoded = coding == PERCENT ? percent_encode(value) : xstrdup(value);
    if (!encoded)
        return -ENOMEM;
    headers->field[headers->count].name = name;
    headers->field[headers->count].value = encoded;
    headers->count++;
    return 0;
}

static int add_policy(struct session_headers *headers, const json_t *policy)
{
    cleanup_free char *text = policy ? json_text(policy) : NULL;
    cleanup_free char *encoded = text ? base64_encode(text, strlen(text)) : NULL;
    if (policy && !encoded)
        return -ENOMEM;
    return encoded ? add(headers, "X-Policy-JSON", encoded, AS_IS) : 0;
}

int session_headers_make(const struct session_row *row, const struct identity_launch *launch,
                         enum identity_role role, struct session_headers *ret_headers)
{
    /* The owner is who is meant when nobody is named. */
    const char *viewer = role == IDENTITY_OWNER ? "" : identity_role_words[role];
    const struct {
        const char *name;
        const char *value;
        enum coding coding;
    } list[] = {
        {"X-Session-ID", row->id, AS_IS},
        {"X-Workspace-ID", launch->workspace_id, AS_IS},
        {"X-Workspace-Name", launch->workspace_name, PERCENT},
        {"X-Workspace-Type", launch->workspace_type, AS_IS},
        {"X-App-ID", launch->app_id, AS_IS},
        {"X-App-Exe", launch->app_exe, PERCENT},
        {"X-App-Args", launch->app_args, PERCENT},
        {"X-User-ID", row->user_id, AS_IS},
        {"X-Username", row->username, PERCENT},
        {"X-Org-ID", row->organisation_id, AS_IS},
        {"X-Viewer-Role", viewer, AS_IS},
    };
    struct session_headers headers = {0};
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(list) && r == 0; i++)
        r = add(&headers, list[i].name, list[i].value, list[i].coding);
    if (r == 0)
        r = add_policy(&headers, launch->policy);
    if (r < 0) {
        session_headers_finish(&headers);
        return r;
    }
    *ret_headers = headers;
    return 0;
}

void session_headers_finish(struct session_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        free(headers->field[i].value);
    *headers = (struct session_headers){0};
}

const char *session_headers_get(const void *arg, const char *name)
{
    const struct session_headers *headers = arg;
    for (size_t i = 0; i < headers->count; i++)
        if (strcasecmp(headers->field[i].name, name) == 0)
            return headers->field[i].value;
    return NULL;
}
