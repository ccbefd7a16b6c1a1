/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session host is an Application Server to legacy systems. Its name is that of its URL, and its port the
 * configured one, unless it says otherwise when it registers, by capabilities like "ovd-port=8082",
 * "ovd-fqdn=NAME" and "ovd-external=NAME". */
#include <arpa/inet.h>
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "ovd/message/host_name.h"
#include "ovd/session_manager/manager_priv.h"

#define NAME_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:" /* : of IPv6 */
#define DEFAULT_PORT 8082

/* The name in "http://NAME:PORT", without the brackets of an IPv6 address. */
static int name_of_url(const char *url, char ret_name[FQDN_SIZE])
{
    const char *name = str_starts_with(url, "http://") ? url + 7 : url;
    size_t len = *name == '[' ? strcspn(++name, "]") : strcspn(name, ":/");
    if (len == 0 || len > FQDN_MAX)
        return -EINVAL;
    memcpy(ret_name, name, len);
    ret_name[len] = '\0';
    return 0;
}

void sm_server_set_external(struct server *server, const char *name)
{
    struct in6_addr address;
    bool named =
        strchr(name, ':') ? inet_pton(AF_INET6, name, &address) == 1 : str_is_token(name, NAME_SET, FQDN_MAX);
    if (!*name || named)
        (void)str_copy(server->external, sizeof(server->external), name);
}

static void read_capabilities(const json_t *list, struct server *server)
{
    size_t i;
    const json_t *entry;
    int64_t port;
    json_array_foreach(list, i, entry)
    {
        const char *word = json_string_value(entry);
        if (word && str_starts_with(word, "ovd-port=") && str_to_int(word + 9, 1, 65535, &port) == 0)
            server->port = (unsigned)port;
        else if (word && str_starts_with(word, "ovd-fqdn=") && str_is_token(word + 9, NAME_SET, FQDN_MAX))
            (void)str_copy(server->fqdn, sizeof(server->fqdn), word + 9);
        else if (word && str_starts_with(word, "ovd-external="))
            sm_server_set_external(server, word + 13);
    }
}

static bool is_loopback(const char *name)
{
    return str_eq(name, "localhost") || str_eq(name, "::1") || str_starts_with(name, "127.");
}

static int read_server(struct manager *m, const struct session_host_info *host, struct server *server)
{
    unsigned port = (unsigned)config_int(m->s.config, "ovd.applicationServerPort");
    *server = (struct server){.port = port ? port : DEFAULT_PORT};
    int r = str_copy(server->url, sizeof(server->url), host->server_url);
    if (r == 0)
        r = name_of_url(host->server_url, server->fqdn);
    if (r == 0 && !is_loopback(server->fqdn))
        r = str_copy(server->external, sizeof(server->external), server->fqdn);
    const char *external = config_str(m->s.config, "ovd.externalName");
    if (r == 0 && *external)
        r = str_copy(server->external, sizeof(server->external), external);
    if (r == 0)
        read_capabilities(host->capabilities, server);
    return r;
}

struct search {
    struct manager *manager;
    const char *url, *fqdn; /* one of them */
    struct server found;
    bool is_found;
};

static bool look_at(void *arg, const struct session_host_info *host, bool in_service)
{
    struct search *search = arg;
    (void)in_service; /* a server that is leaving still has sessions to tell of */
    if (read_server(search->manager, host, &search->found) == 0)
        search->is_found = search->url ? strcmp(search->found.url, search->url) == 0
                                       : strcasecmp(search->found.fqdn, search->fqdn) == 0;
    return !search->is_found;
}

static int run(struct search *search, struct server *ret_server)
{
    int r = session_broker_each_host(search->manager->s.broker, look_at, search);
    if (r == 0 && !search->is_found)
        r = -ENOENT;
    if (r == 0)
        *ret_server = search->found;
    return r;
}

int sm_server_of_url(struct manager *m, const char *url, struct server *ret_server)
{
    struct search search = {.manager = m, .url = url};
    return run(&search, ret_server);
}

int sm_server_by_fqdn(struct manager *m, const char *fqdn, struct server *ret_server)
{
    struct search search = {.manager = m, .fqdn = fqdn};
    return run(&search, ret_server);
}

int sm_server_name(const char *announced, char ret_fqdn[FQDN_SIZE])
{
    size_t len = strlen(announced);
    if (len > 0 && announced[len - 1] == '.')
        len--;
    if (len > FQDN_MAX)
        return -EINVAL;
    memcpy(ret_fqdn, announced, len);
    ret_fqdn[len] = '\0';
    return 0;
}

bool sm_server_check(struct manager *m, struct http_request *r, const char *fqdn)
{
    const struct config *config = m->s.config;
    const struct fqdn_rules rules = {
        .authorized = config_str(config, "ovd.authorizedFqdn"),
        .private_addresses = config_str(config, "ovd.fqdnPrivateAddresses"),
        .disable_check = config_bool(config, "ovd.disableFqdnCheck"),
        .unanchored = config_bool(config, "ovd.fqdnUnanchored"),
        .original = config_bool(config, "ovd.fqdnOriginalCheck"),
    };
    struct server server;
    char peer[ADDR_TEXT_LEN];
    m->s.client_address(m->s.process, r, peer);
    /* Unknown names are refused before anybody is asked about them. */
    if (sm_server_by_fqdn(m, fqdn, &server) == 0 && fqdn_is_authorized(m->fqdn, &rules, server.fqdn, peer))
        return true;
    log_warn("%s says it is an Application Server and is not authorized", peer);
    sm_manager_say(r, "Server not authorized");
    return false;
}

/* The name in the request's Host header, with the brackets of an IPv6 address. */
static char *asked_name(const struct http_request *r)
{
    char name[OVD_HOST_MAX + 1];
    unsigned port;
    return xstrdup(ovd_host_read(http_header(r, "Host"), name, &port) ? name : "localhost");
}

char *sm_redirect_url(const struct server *server, const struct http_request *r, const char *token)
{
    cleanup_free char *name = NULL;
    struct in6_addr address;
    if (!server->external[0])
        name = asked_name(r);
    else if (inet_pton(AF_INET6, server->external, &address) == 1)
        name = xasprintf("[%s]", server->external);
    else
        name = xstrdup(server->external);
    return xasprintf("http://%s:%u/applicationserver/index.php?token=%s", name, server->port, token);
}
