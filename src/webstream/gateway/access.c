/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <strings.h>

#include "webstream/gateway/gateway_priv.h"

static void add_forwarded(void *arg, const char *name, const char *value)
{
    char **list = arg;
    if (strcasecmp(name, "X-Forwarded-For") != 0)
        return;
    char *longer = *list ? xasprintf("%s, %s", *list, value) : xstrdup(value);
    free(*list);
    *list = longer;
}

void gateway_client(const struct gateway *g, const struct http_request *r, char ret_text[ADDR_TEXT_LEN])
{
    const char *trusted = config_str(g->config, "gateway.trustedProxies");
    cleanup_free char *forwarded = NULL;
    /* Some proxies add to the line that is there, others add a line: what the last one saw comes last. */
    if (addr_in_list(http_peer(r), trusted))
        http_each_header(r, add_forwarded, &forwarded);
    addr_client(http_peer(r), forwarded, trusted, ret_text);
}

/* Successes that matter are logged where they happen, with their session; here is the one line of what was
 * refused. */
void gateway_log_request(void *ctx, struct http_request *r, unsigned status)
{
    const struct gateway *g = ctx;
    const char *session = http_header(r, "X-Session-ID"), *code = http_error_code(r);
    char client[ADDR_TEXT_LEN];
    enum log_level level = status >= 500 ? LOG_LEVEL_WARN : status >= 400 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
    /* A refused login has a line of its own, with the name (docs/protocol/iam.md). */
    if ((status == 401 || status == 429) && str_eq(http_path(r), "/iam/auth/login"))
        level = LOG_LEVEL_DEBUG;
    gateway_client(g, r, client);
    log_event(level, session && str_is_id(session) ? session : NULL, "%s %s answered %u%s%s to %s",
              http_method(r), http_path(r), status, *code ? " " : "", code, client);
}

void gateway_answer(struct http_request *r, unsigned status, json_t *value)
{
    http_add_header(r, "Cache-Control", "no-store");
    http_answer_json(r, status, value);
}

void gateway_answer_failure(struct http_request *r, int error)
{
    if (error == -EBUSY || error == -EAGAIN) {
        http_add_header(r, "Retry-After", "1");
        http_answer_error(r, 503, "busy", "The server is busy; try again in a moment.");
    } else {
        http_answer_error(r, 503, "store_unavailable", "The database cannot be used at the moment.");
    }
}
