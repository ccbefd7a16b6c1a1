/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /getConnection as a gateway sends it: size in the query, everything else in signed headers. */
#include "base/codec.h"
#include "base/str.h"
#include "host/host_policy.h"
#include "webstream/session_host/host_priv.h"

#define DEFAULT_WIDTH 1280
#define DEFAULT_HEIGHT 800
#define POLICY_MAX 65536

static int refuse(struct http_request *r, const char *code, const char *message)
{
    http_answer_error(r, 400, code, message);
    return -EINVAL;
}

/* A percent-encoded text header; "" when absent. */
static int take_text(struct http_request *r, const char *name, char **ret_text)
{
    const char *value = http_header(r, name);
    if (!value) {
        *ret_text = xstrdup("");
        return 0;
    }
    if (percent_decode(value, strlen(value), ret_text) < 0)
        return refuse(r, "bad_header",
                      "A text header is not percent-encoded UTF-8 without control characters.");
    return 0;
}

static int take_side(struct http_request *r, const char *name, int fallback, int max, int *ret_value)
{
    const char *text = http_query(r, name);
    int64_t value = fallback;
    if (text && str_to_int(text, 1, 1000000, &value) < 0)
        return refuse(r, "bad_size", "width and height must be numbers of pixels.");
    *ret_value = (int)CLAMP(value, HOST_MIN_SIDE, max);
    return 0;
}

static int take_policy(struct http_request *r, json_t **ret_policy)
{
    const char *value = http_header(r, "X-Policy-JSON");
    cleanup_free uint8_t *text = NULL;
    size_t len;
    char error[JSON_ERROR_LEN];
    if (!value)
        return 0;
    if (strlen(value) > POLICY_MAX || base64_decode(value, strlen(value), &text, &len) < 0 ||
        json_read((const char *)text, len, ret_policy, error) < 0)
        return refuse(r, "bad_header", "X-Policy-JSON is not JSON in base64.");
    return 0;
}

/* A policy can make the largest screen smaller than the configuration, never larger. */
static int limit_of(const json_t *policy, const char *name, int64_t configured)
{
    char error[JSON_ERROR_LEN];
    int64_t value = configured;
    const json_t *resources = json_object_get(policy, "resources");
    if (json_is_object(resources))
        (void)json_opt_int(resources, name, HOST_MIN_SIDE, configured, &value, error);
    return (int)value;
}

static bool may_reconnect(const json_t *policy)
{
    const json_t *allow = json_object_get(json_object_get(policy, "session"), "allowReconnect");
    return !json_is_false(allow);
}

/* A session that asks for no program gets the configured one, or the desktop. */
static void choose_program(const struct config *config, const char *workspace_type,
                           struct host_request *wanted)
{
    wanted->app_mode = str_eq(workspace_type, "app_collection") ? "app" : "desktop";
    if (*wanted->app_exe)
        return;
    const char *exe = config_str(config, "webstreamSettings.appRemoteStartExe");
    free(wanted->app_exe);
    if (!*exe) {
        wanted->app_exe = xstrdup("remotedesktop");
        wanted->app_mode = "desktop";
        return;
    }
    free(wanted->app_args);
    wanted->app_exe = xstrdup(exe);
    wanted->app_args = xstrdup(config_str(config, "webstreamSettings.appRemoteStartArgs"));
    wanted->app_mode = config_bool(config, "webstreamSettings.appRemoteAppMode") ? "app" : "desktop";
}

static int read_all(struct host *host, struct http_request *r, struct host_request *wanted)
{
    const struct config *config = host->config;
    const char *id = http_header(r, "X-Session-ID");
    const char *type = http_header(r, "X-Workspace-Type");
    if (!id || !str_is_id(id) || str_copy(wanted->session_id, sizeof wanted->session_id, id) < 0)
        return refuse(r, "bad_session_id", "X-Session-ID must be 32 hexadecimal digits.");
    cleanup_json json_t *policy = NULL;
    int result = take_policy(r, &policy);
    if (result >= 0)
        result = take_text(r, "X-Username", &wanted->username);
    if (result >= 0)
        result = take_text(r, "X-App-Exe", &wanted->app_exe);
    if (result >= 0)
        result = take_text(r, "X-App-Args", &wanted->app_args);
    if (result < 0)
        return result;
    wanted->persistent = may_reconnect(policy);
    host_policy_clipboard(policy, wanted->clipboard);
    wanted->max_width =
        limit_of(policy, "maxDesktopWidth", config_int(config, "webstreamSettings.remoteMaxDesktopWidth"));
    wanted->max_height =
        limit_of(policy, "maxDesktopHeight", config_int(config, "webstreamSettings.remoteMaxDesktopHeight"));
    result = take_side(r, "width", DEFAULT_WIDTH, wanted->max_width, &wanted->width);
    if (result >= 0)
        result = take_side(r, "height", DEFAULT_HEIGHT, wanted->max_height, &wanted->height);
    if (result >= 0)
        choose_program(config, type ? type : "", wanted);
    return result;
}

int host_request_read(struct host *host, struct http_request *r, struct host_request *ret_wanted)
{
    struct host_request wanted = {0};
    int result = read_all(host, r, &wanted);
    if (result < 0)
        host_request_finish(&wanted);
    else
        *ret_wanted = wanted;
    return result;
}

void host_request_finish(struct host_request *wanted)
{
    free(wanted->username);
    free(wanted->app_exe);
    free(wanted->app_args);
    *wanted = (struct host_request){0};
}
