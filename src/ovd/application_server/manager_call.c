/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to the Session Manager and to the control plane. Limits: APS_CALLS_MAX at a time, answers of 1
 * MiB, ovd.requestMs for each. */
#include <utlist.h>

#include "base/codec.h"
#include "base/log.h"
#include "ovd/application_server/aps_priv.h"

struct aps_call {
    struct aps *aps;
    struct http_call *http;
    aps_manager_fn manager_fn; /* one of these two */
    aps_plane_fn plane_fn;
    void *arg;
    struct aps_call *prev, *next;
};

/* Before its function is called, which may begin another one. */
static void call_done(struct aps_call *call)
{
    DL_DELETE(call->aps->calls, call);
    call->aps->call_count--;
}

static void tell_plane(const struct aps_call *call, const struct http_answer *answer)
{
    cleanup_json json_t *value = NULL;
    char error[JSON_ERROR_LEN];
    if (answer && json_read(answer->body, answer->len, &value, error) < 0)
        log_warn("the control plane's answer cannot be read: %s", error);
    call->plane_fn(call->arg, value);
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct aps_call *call = arg;
    bool good = answer->error == 0 && answer->status == 200;
    call_done(call);
    if (!good)
        log_warn("the %s gave no answer: %s (status %u)",
                 call->manager_fn ? "Session Manager" : "control plane",
                 answer->error ? strerror(-answer->error) : "refused", answer->status);
    if (call->plane_fn)
        tell_plane(call, good ? answer : NULL);
    else if (good)
        call->manager_fn(call->arg, answer->body, answer->len, answer->type);
    else
        call->manager_fn(call->arg, NULL, 0, "");
    free(call);
}

static int begin(struct aps *aps, const struct http_call_options *options, const struct aps_call *what)
{
    if (aps->call_count >= APS_CALLS_MAX || aps->stopping)
        return -EAGAIN;
    struct aps_call *call = xcalloc(1, sizeof(*call));
    *call = *what;
    int r = http_client_call(aps->s.client, options, on_answer, call, &call->http);
    if (r < 0) {
        free(call);
        return r;
    }
    DL_APPEND(aps->calls, call);
    aps->call_count++;
    return 0;
}

static unsigned patience(const struct aps *aps)
{
    return (unsigned)config_int(aps->s.config, "ovd.requestMs");
}

int aps_manager_get(struct aps *aps, const char *file, const char *query, aps_manager_fn fn, void *arg)
{
    cleanup_free char *name = percent_encode(aps->server_name);
    cleanup_free char *url =
        xasprintf("%s/webservices/%s?fqdn=%s%s%s", aps->manager_url, file, name, *query ? "&" : "", query);
    const struct http_call_options options = {.method = "GET", .url = url, .timeout_ms = patience(aps)};
    const struct aps_call call = {.aps = aps, .manager_fn = fn, .arg = arg};
    return begin(aps, &options, &call);
}

int aps_plane_post(struct aps *aps, const char *path, json_t *body, aps_plane_fn fn, void *arg)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    cleanup_free char *url = xasprintf("%s%s", aps->s.gateway_url, path);
    cleanup_free char *text = body ? json_text(body) : NULL;
    json_decref(body);
    if (!text)
        return -ENOMEM;
    const struct http_call_options options = {.method = "POST",
                                              .url = url,
                                              .headers = headers,
                                              .body = text,
                                              .body_len = strlen(text),
                                              .peer_key = aps->s.shared_key,
                                              .timeout_ms = patience(aps)};
    const struct aps_call call = {.aps = aps, .plane_fn = fn, .arg = arg};
    return begin(aps, &options, &call);
}

void aps_calls_cancel(struct aps *aps)
{
    while (aps->calls) {
        struct aps_call *call = aps->calls;
        http_call_cancel(call->http);
        call_done(call);
        if (call->plane_fn)
            call->plane_fn(call->arg, NULL);
        else
            call->manager_fn(call->arg, NULL, 0, "");
        free(call);
    }
}
