/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session host's parts. Everything runs on the loop's thread. */
#ifndef ISTHMUS_WEBSTREAM_SESSION_HOST_HOST_PRIV_H
#define ISTHMUS_WEBSTREAM_SESSION_HOST_HOST_PRIV_H

#include "config/config.h"
#include "host/control_plane.h"
#include "host/host_front_end.h"
#include "host/host_load.h"
#include "host/host_sessions.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "net/listener.h"

#define HOST_EXIT_RUN 1
#define HOST_EXIT_USAGE 2
#define HOST_EXIT_CONFIG 78

struct host_options {
    char *state, *config_file, *tags;
    bool no_sandbox;
};

#define HOST_PLUGS_MAX 4

/* A further front-end that runs. */
struct host_plug {
    const struct host_front_end *what;
    void *self;
};

struct host {
    struct loop *loop;
    struct config *config;
    char *state_dir, *tags, *web_root;
    char *server_url; /* our own, in normal form */
    char *gateway_url;
    uint8_t key[32];
    struct host_sessions *sessions;
    struct host_plug plugs[HOST_PLUGS_MAX];
    size_t plug_count;
    struct http_client *client;
    struct http_server *server;
    struct listener *listener;
    struct control_plane *plane;
    struct host_load load;
    struct loop_signal *signals[3];
    struct loop_timer *stop_timer;
    uint64_t started_ms, stop_ms;
    unsigned max_sessions;
    bool stopping, ending_all, left;
    int exit_code;
};

/* What is to be started, read from the headers that the gateway injects. Strings are owned. */
struct host_request {
    char session_id[SECRET_ID_LEN];
    char *username, *app_exe, *app_args;
    const char *app_mode;
    int width, height, max_width, max_height;
    bool persistent;
    char clipboard[POOL_CLIPBOARD_LEN];
};

/* host_options.c */
int host_options_parse(int argc, char **argv, struct host_options *ret_options, int *ret_code);
void host_options_finish(struct host_options *options);
/* "http://NAME:PORT", the own address as advertised. */
char *host_own_url(const struct config *config);
char *host_gateway_url(const struct config *config);

/* host_request.c: 0, or -EINVAL after answering 400. */
int host_request_read(struct host *host, struct http_request *r, struct host_request *ret_wanted);
void host_request_finish(struct host_request *wanted);

/* host_front_ends.c. list ends with NULL, and may be NULL. */
int host_front_ends_start(struct host *host, const struct host_front_end *const *list, const char *bind,
                          char **ret_cause);
json_t *host_front_ends_capabilities(const struct host *host); /* a new array of strings */
/* " ovd=8082 ssh=2222", or ""; the caller frees. */
char *host_front_ends_words(const struct host *host);
void host_front_ends_stop(struct host *host);
void host_front_ends_destroy(struct host *host);

/* host_routes.c */
extern const struct http_route host_routes[];

#endif
