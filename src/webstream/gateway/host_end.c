/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /session/end at a host. When it cannot be reached the session is in the list that it gets with its
 * next report. */
#include "webstream/gateway/gateway_priv.h"

struct host_end {
    host_end_fn fn;
    void *arg;
};

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct host_end *end = arg;
    cleanup_json json_t *body = NULL;
    char error[JSON_ERROR_LEN];
    const char *state = NULL;

    if (answer->error == 0 && answer->status == 404)
        state = "ended";
    else if (answer->error == 0 && answer->status == 200 &&
             json_read(answer->body, answer->len, &body, error) == 0 &&
             json_get_string(body, "state", 32, &state, error) < 0)
        state = NULL;
    end->fn(end->arg, state);
    free(end);
}

void gateway_host_end(struct gateway *g, const char *server_url, const char *session_id, const char *reason,
                      host_end_fn fn, void *arg)
{
    struct host_end *end = xcalloc(1, sizeof(*end));
    cleanup_free char *url = xasprintf("%s/session/end", server_url);
    cleanup_json json_t *body = json_pack("{s:s, s:s}", "sessionId", session_id, "reason", reason);
    cleanup_free char *text = json_text(body);
    const char *const headers[] = {"Content-Type: application/json", NULL};
    struct http_call_options options = {.method = "POST",
                                        .url = url,
                                        .headers = headers,
                                        .body = text,
                                        .body_len = strlen(text),
                                        .peer_key = g->shared_key,
                                        .timeout_ms = GATEWAY_HOST_TIMEOUT_MS,
                                        .max_answer = 65536};
    *end = (struct host_end){.fn = fn, .arg = arg};
    host_call_start(g, &options, on_answer, end);
}
