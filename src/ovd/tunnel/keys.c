/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From host keys to what serves clients. Keys that are there are read at once; making them is for a worker,
 * when the application wants that. */
#include "base/str.h"
#include "ovd/tunnel/server_priv.h"

struct key_job {
    struct tunnel_server *server; /* NULL: it has gone */
    struct host_keys keys;
    int result;
    char directory[];
};

static int use(struct tunnel_server *server, struct host_keys *keys)
{
    int rc = profile__create(TUNNEL_MODERN, keys, &server->binds[TUNNEL_MODERN]);
    if (rc == 0)
        rc = profile__create(TUNNEL_LEGACY, keys, &server->binds[TUNNEL_LEGACY]);
    host_keys__free(keys);
    return rc;
}

static void make(void *arg)
{
    struct key_job *job = arg;
    job->result = host_keys__load(job->directory, true, &job->keys);
}

static void made(void *arg)
{
    struct key_job *job = arg;
    struct tunnel_server *server = job->server;
    if (!server) {
        host_keys__free(&job->keys);
    } else {
        server->key_job = NULL;
        int rc = job->result < 0 ? job->result : use(server, &job->keys);
        server__take_early(server);
        if (server->options.callbacks.keys)
            server->options.callbacks.keys(server->options.arg, rc);
    }
    free(job);
}

static int make_later(struct tunnel_server *server, const char *directory)
{
    size_t size = strlen(directory) + 1;
    struct key_job *job = xcalloc(1, sizeof *job + size);
    job->server = server;
    memcpy(job->directory, directory, size);
    int rc = loop_work(server->options.loop, make, made, job);
    if (rc < 0)
        free(job);
    else
        server->key_job = job;
    return rc;
}

int keys__open(struct tunnel_server *server, const char *directory)
{
    struct host_keys keys = {0};
    bool later = server->options.make_keys_later;
    int rc = host_keys__load(directory, !later, &keys);
    if (rc == -ENOENT && later && access(directory, F_OK) == 0)
        return make_later(server, directory);
    return rc < 0 ? rc : use(server, &keys);
}

void keys__abandon(struct tunnel_server *server)
{
    if (server->key_job)
        server->key_job->server = NULL;
    server->key_job = NULL;
}
