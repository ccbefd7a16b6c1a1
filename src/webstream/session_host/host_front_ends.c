/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Further front-ends in this process (host/host_front_end.h): they share the sessions with the routes of
 * host_routes.c, and neither knows of the other. */
#include "webstream/session_host/host_priv.h"

static int start_one(struct host *host, const struct host_front_end *what, const char *bind, char **ret_cause)
{
    const struct host_front_end_services services = {.loop = host->loop,
                                                     .config = host->config,
                                                     .state_dir = host->state_dir,
                                                     .sessions = host->sessions,
                                                     .pool = host_sessions_pool(host->sessions),
                                                     .client = host->client,
                                                     .shared_key = host->key,
                                                     .gateway_url = host->gateway_url,
                                                     .server_url = host->server_url,
                                                     .bind = bind};
    struct host_plug *to = &host->plugs[host->plug_count];
    int r = what->start(&services, &to->self, ret_cause);
    if (r < 0)
        return r;
    to->what = what;
    host->plug_count++;
    return 0;
}

int host_front_ends_start(struct host *host, const struct host_front_end *const *list, const char *bind,
                          char **ret_cause)
{
    for (; list && *list; list++) {
        if (!(*list)->enabled(host->config))
            continue;
        int r =
            host->plug_count < ARRAY_SIZE(host->plugs) ? start_one(host, *list, bind, ret_cause) : -ENOSPC;
        if (r < 0) {
            if (!*ret_cause)
                *ret_cause = xasprintf("cannot start %s: %s", (*list)->name, strerror(-r));
            return r;
        }
    }
    return 0;
}

json_t *host_front_ends_capabilities(const struct host *host)
{
    json_t *list = json_array();
    for (size_t i = 0; i < host->plug_count; i++) {
        const struct host_plug *plug = &host->plugs[i];
        if (plug->what->capabilities)
            plug->what->capabilities(plug->self, list);
    }
    return list;
}

char *host_front_ends_words(const struct host *host)
{
    char *words = xstrdup("");
    for (size_t i = 0; i < host->plug_count; i++) {
        const struct host_plug *plug = &host->plugs[i];
        cleanup_free char *more = plug->what->ready_words ? plug->what->ready_words(plug->self) : NULL;
        if (!more)
            continue;
        char *longer = xasprintf("%s %s", words, more);
        free(words);
        words = longer;
    }
    return words;
}

void host_front_ends_stop(struct host *host)
{
    for (size_t i = 0; i < host->plug_count; i++) {
        if (host->plugs[i].what->stop)
            host->plugs[i].what->stop(host->plugs[i].self);
    }
}

void host_front_ends_destroy(struct host *host)
{
    while (host->plug_count > 0) {
        struct host_plug *plug = &host->plugs[--host->plug_count];
        plug->what->destroy(plug->self);
    }
}
