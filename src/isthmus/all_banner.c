// SPDX-License-Identifier: GPL-3.0-or-later
// What an instance tells: the banner for people and scripts, the status file for "isthmus ctl status" and the
// next start.
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "isthmus/all_priv.h"
#include "json/json.h"

static const char *public_host(const struct config *config)
{
    const char *host = config_str(config, "gateway.publicIP");
    if (host[0] == '\0' || str_eq(host, "0.0.0.0") || str_eq(host, "::"))
        return "localhost";
    return host;
}

static char *url(const struct all_view *view, bool tls, const char *path)
{
    const char *host = public_host(view->config);
    bool bracket = strchr(host, ':') != NULL;
    unsigned port = tls ? view->https : view->http;
    char number[16] = "";
    if (port != (tls ? 443U : 80U))
        (void)snprintf(number, sizeof number, ":%u", port);
    return xasprintf("%s://%s%s%s%s%s", tls ? "https" : "http", bracket ? "[" : "", host, bracket ? "]" : "",
                     number, path);
}

char *all_browser_url(const struct all_view *view)
{
    cleanup_free char *path = xasprintf("%s/", config_str(view->config, "gateway.basePath"));
    return url(view, true, path);
}

void all_banner(const struct all_view *view)
{
    cleanup_free char *browser = all_browser_url(view);
    cleanup_free char *legacy = url(view, false, "/sessionmanager/startsession.php");
    cleanup_free char *reset = xasprintf("%s ctl reset-password admin --state %s", view->self, view->state);
    printf("\nIsthmus is running.\n\n");
    printf("browser: %s\n", browser);
    if (config_bool(view->config, "ovd.sessionManager"))
        printf("legacy: %s\n", legacy);
    printf("user: admin\n");
    if (view->password)
        printf("password: %s\n", view->password);
    else
        printf("password: (unchanged; a new one: %s)\n", reset);
    printf("state: %s\n", view->state);
    printf("logs: %s/log\n", view->state);
    printf("stop: press CTRL-C\n\n");
    if (view->password)
        printf(
            "The password is shown only this once. The certificate is signed by this machine itself, so the\n"
            "browser asks before it trusts it.\n\n");
    (void)fflush(stdout);
}

int all_status_write(const struct all_view *view)
{
    cleanup_free char *browser = all_browser_url(view);
    cleanup_json json_t *status =
        json_pack("{s:i, s:i, s:i, s:i, s:s, s:[]}", "pid", (int)getpid(), "base", (int)view->base, "https",
                  (int)view->https, "http", (int)view->http, "browser", browser, "roles");
    for (size_t i = 0; i < view->role_count; i++) {
        const struct role *role = view->roles[i];
        json_array_append_new(json_object_get(status, "roles"),
                              json_pack("{s:s, s:i, s:s, s:i}", "name", role_name(role), "pid",
                                        (int)role_pid(role), "state", role_state_word(role_get_state(role)),
                                        "restarts", (int)role_restarts(role)));
    }
    cleanup_free char *text = json_text(status);
    cleanup_free char *path = xasprintf("%s/run/status.json", view->state);
    return text ? file_write(AT_FDCWD, path, text, strlen(text), 0600) : -ENOMEM;
}
