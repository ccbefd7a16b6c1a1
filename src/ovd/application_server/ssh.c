/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/application_server/aps_priv.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <utlist.h>

#include "base/log.h"
#include "base/str.h"

#define MODERN_PORT 2222
#define LEGACY_PORT 2223
#define MODERN_OFFSET 222 /* from the base port, when the port of old is in use */
#define LEGACY_OFFSET 223

/* ---- what the tunnel tells ---- */

static struct aps_session *session_of(struct aps *aps, const char *id)
{
    return id ? aps_session_find(aps, id) : NULL;
}

static void on_up(void *arg, const char *id, const char *peer, unsigned links)
{
    struct aps_session *session = session_of(arg, id);
    log_event(LOG_LEVEL_INFO, id, "ssh: link from %s, now %u", peer, links);
    if (session)
        host_session_links(session->host, links);
}

static void on_down(void *arg, const char *id, const char *peer, unsigned links)
{
    struct aps_session *session = session_of(arg, id);
    log_event(LOG_LEVEL_INFO, id, "ssh: link from %s has gone, now %u", peer, links);
    if (session)
        host_session_links(session->host, links);
}

/* One end of a socket pair for the streamer; the other one, or -errno. */
static int connect_display(struct aps_session *session, const struct aps_instance *instance)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    int rc = pool_rfb_client(session->aps->s.pool, host_session_id(session->host),
                             aps_instance_display(instance), pair[0]);
    if (rc < 0)
        close(pair[1]);
    return rc < 0 ? rc : pair[1];
}

static void on_channel(void *arg, struct tunnel_request *request, const char *id, unsigned port)
{
    struct aps_session *session = session_of(arg, id);
    const struct aps_instance *instance = session ? aps_instance_by_port(session, port) : NULL;
    int fd = -ENOENT;
    if (instance && instance->status == APS_INSTANCE_READY && aps_session_status(session) == SESSION_READY)
        fd = connect_display(session, instance);
    if (fd < 0)
        tunnel_request_refuse(request);
    else
        tunnel_request_accept(request, fd);
}

static void on_refused(void *arg, const struct tunnel_refusal *refusal)
{
    static const char *const words[] = {
        [TUNNEL_BAD_HANDSHAKE] = "handshake failed",
        [TUNNEL_BAD_PASSWORD] = "wrong user or password",
        [TUNNEL_PROBE] = "connection test",
        [TUNNEL_THROTTLED] = "too many wrong passwords",
        [TUNNEL_TOO_SLOW] = "too slow",
        [TUNNEL_TOO_MANY] = "too many",
        [TUNNEL_FORBIDDEN] = "forbidden",
        [TUNNEL_FORBIDDEN_PORT] = "forbidden target",
        [TUNNEL_NO_ANSWER] = "display not available",
    };
    (void)arg;
    enum log_level level = refusal->reason == TUNNEL_PROBE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
    log_event(level, refusal->session, "ssh: %s, from %s: %s", words[refusal->reason], refusal->peer,
              refusal->text);
}

static void on_keys(void *arg, int result)
{
    (void)arg;
    if (result < 0)
        log_error("ssh: no host keys, so no SSH: %s", strerror(-result));
    else
        log_info("ssh: host keys made");
}

/* ---- listeners ---- */

struct door {
    struct aps *aps;
    enum tunnel_profile profile;
};

static int listen_at(void *arg, unsigned port, unsigned *ret_port)
{
    const struct door *door = arg;
    return tunnel_server_listen(door->aps->tunnel, door->profile, door->aps->s.bind, port, ret_port);
}

static int open_door(struct aps *aps, enum tunnel_profile profile, const struct aps_port *what,
                     char **ret_cause)
{
    struct door door = {aps, profile};
    unsigned port;
    int rc = aps_port_open(aps, what, listen_at, &door, &port, ret_cause);
    if (rc == 0)
        aps->ssh_ports[aps->ssh_port_count++] = port;
    return rc;
}

static int create(struct aps *aps, char **ret_cause)
{
    cleanup_free char *directory = xasprintf("%s/secrets", aps->s.state_dir);
    const struct tunnel_options options = {
        .loop = aps->s.loop,
        .key_directory = directory,
        .callbacks = {on_up, on_down, on_channel, on_refused, on_keys},
        .arg = aps,
        .make_keys_later = true,
    };
    int rc = mkdir(directory, 0700) == 0 || errno == EEXIST ? 0 : -errno;
    if (rc == 0)
        rc = tunnel_server_create(&options, &aps->tunnel);
    if (rc < 0)
        *ret_cause = xasprintf("the SSH host keys in %s cannot be used: %s", directory, strerror(-rc));
    return rc;
}

int aps_ssh_open(struct aps *aps, char **ret_cause)
{
    /* The legacy one first: clients of old use the first port only. */
    static const struct aps_port legacy = {"ovd.sshLegacyPort", LEGACY_PORT, LEGACY_OFFSET};
    static const struct aps_port modern = {"ovd.sshPort", MODERN_PORT, MODERN_OFFSET};
    struct aps_session *session, *next;
    int rc = create(aps, ret_cause);
    if (rc == 0 && config_bool(aps->s.config, "ovd.sshLegacy"))
        rc = open_door(aps, TUNNEL_LEGACY, &legacy, ret_cause);
    if (rc == 0)
        rc = open_door(aps, TUNNEL_MODERN, &modern, ret_cause);
    if (rc < 0) {
        aps_ssh_close(aps);
        return rc;
    }
    HASH_ITER(hh_id, aps->by_id, session, next)
    {
        if (aps_session_status(session) == SESSION_READY)
            (void)aps_ssh_grant(session);
    }
    return 0;
}

void aps_ssh_close(struct aps *aps)
{
    aps->tunnel = tunnel_server_destroy(aps->tunnel);
    aps->ssh_port_count = 0;
}

char *aps_ssh_words(const struct aps *aps)
{
    if (aps->ssh_port_count == 2)
        return xasprintf("ssh=%u sshLegacy=%u", aps->ssh_ports[1], aps->ssh_ports[0]);
    return aps->ssh_port_count == 1 ? xasprintf("ssh=%u", aps->ssh_ports[0]) : xstrdup("");
}

/* ---- credentials ---- */

static unsigned list_ports(const struct aps_session *session, unsigned ports[TUNNEL_PORTS_MAX])
{
    const struct aps_instance *instance;
    unsigned count = 0;
    DL_FOREACH(session->instances, instance)
    {
        if (count < TUNNEL_PORTS_MAX)
            ports[count++] = instance->port;
    }
    return count;
}

int aps_ssh_grant(struct aps_session *session)
{
    struct aps *aps = session->aps;
    const char *id = host_session_id(session->host);
    unsigned ports[TUNNEL_PORTS_MAX];
    if (!session->ssh_password[0]) {
        snprintf(session->ssh_user, sizeof session->ssh_user, "SSH%u",
                 host_session_slot(session->host) % 10000);
        ovd_password_make(session->ssh_password);
        aps_session_changed(session);
    }
    unsigned count = list_ports(session, ports);
    if (!aps->tunnel || tunnel_server_set_ports(aps->tunnel, id, ports, count) == 0)
        return 0; /* later, or already */
    int rc = tunnel_server_grant(aps->tunnel, id, session->ssh_user, session->ssh_password, ports, count);
    if (rc < 0)
        log_event(LOG_LEVEL_ERROR, id, "ssh: %s cannot be let in: %s", session->ssh_user, strerror(-rc));
    return rc;
}

void aps_ssh_revoke(struct aps_session *session)
{
    const char *id = host_session_id(session->host);
    if (session->aps->tunnel)
        tunnel_server_revoke(session->aps->tunnel, id);
    if (!session->ssh_password[0])
        return;
    secret_wipe(session->ssh_password, sizeof session->ssh_password);
    session->ssh_user[0] = '\0';
    aps_session_changed(session);
    host_session_links(session->host, 0); /* the tunnel does not tell of links that this has ended */
}

void aps_ssh_ports(struct aps_session *session)
{
    unsigned ports[TUNNEL_PORTS_MAX];
    unsigned count = list_ports(session, ports);
    if (session->aps->tunnel)
        (void)tunnel_server_set_ports(session->aps->tunnel, host_session_id(session->host), ports, count);
}
