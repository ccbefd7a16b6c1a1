/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to session hosts. They are kept in a list, so that a gateway that stops can wait for them, and
 * answer the requests behind the ones it does not wait for. */
#include <utlist.h>

#include "webstream/gateway/gateway_priv.h"

struct host_call {
    struct gateway *gateway;
    struct http_call *call;
    host_call_fn fn;
    void *arg;
    struct host_call *prev, *next;
};

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct host_call *call = arg;
    host_call_fn fn = call->fn;
    void *fn_arg = call->arg;
    DL_DELETE(call->gateway->host_calls, call);
    free(call);
    fn(fn_arg, answer);
}

static void give_up(host_call_fn fn, void *arg, int error)
{
    const struct http_answer answer = {.error = error, .type = "", .body = ""};
    fn(arg, &answer);
}

void host_call_start(struct gateway *g, const struct http_call_options *options, host_call_fn fn, void *arg)
{
    struct host_call *call = xcalloc(1, sizeof(*call));
    *call = (struct host_call){.gateway = g, .fn = fn, .arg = arg};
    DL_APPEND(g->host_calls, call);
    int r = http_client_call(g->client, options, on_answer, call, &call->call);
    if (r < 0) {
        DL_DELETE(g->host_calls, call);
        free(call);
        give_up(fn, arg, r);
    }
}

void host_calls_cancel(struct gateway *g)
{
    struct host_call *call, *next;
    DL_FOREACH_SAFE(g->host_calls, call, next)
    {
        http_call_cancel(call->call);
        DL_DELETE(g->host_calls, call);
        give_up(call->fn, call->arg, -ECANCELED);
        free(call);
    }
}
