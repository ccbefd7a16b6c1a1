/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /iam/auth/login. Checking a password takes a core and 19 MiB for a while, so few are checked at a
 * time. The others wait here, on the loop, where they cost next to nothing: a whole class that logs in at
 * nine o'clock gets in, and the workers stay free for everybody else. */
#include <stdio.h>
#include <utlist.h>

#include "base/clock.h"
#include "webstream/gateway/iam.h"

#define USERNAME_MAX 128
#define PASSWORD_MAX 1024
#define RUNNING_MAX 3 /* two hash (identity.c) while a third one talks to the database */
#define WAITING_MAX 256
#define WAITING_PER_ADDRESS_MAX 128 /* nobody alone fills the queue */
#define WAIT_MAX_MS 20000

struct login {
    struct gateway *gateway;
    struct http_request *request;
    const char *username, *password; /* in the request's body */
    char client[ADDR_TEXT_LEN];
    char prefix[ADDR_TEXT_LEN];
    uint64_t deadline; /* monotonic ms */
    bool running;
    /* the worker's result */
    int result;
    struct identity_user user;
    char *token;
    int64_t expires;
    unsigned wait_s;
    struct login *prev, *next;
};

static void log_login(const char *username, const char *client, const char *reason)
{
    cleanup_free char *line = identity_login_line(username, client, reason);
    log_event(reason ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, NULL, "%s", line);
}

static void refuse_login(struct http_request *r, int result, unsigned wait_s, const char *username,
                         const char *client)
{
    if (result == -EACCES) {
        log_login(username, client, "credentials");
        http_answer_error(r, 401, "invalid_credentials", "The user name or the password is wrong.");
    } else if (result == -EAGAIN) {
        char wait[16];
        snprintf(wait, sizeof(wait), "%u", wait_s);
        log_login(username, client, "throttled");
        http_add_header(r, "Retry-After", wait);
        http_answer_error(r, 429, "throttled",
                          "There were too many failed logins; wait before the next one.");
    } else {
        log_login(username, client, result == -EBUSY ? "busy" : "database");
        gateway_answer_failure(r, result);
    }
}

static void accept_login(struct http_request *r, const struct identity_user *user, const char *token,
                         int64_t expires, const char *client)
{
    char text[21];
    clock_format_utc(expires, text);
    log_login(user->username, client, NULL);
    iam_answer_data(
        r, json_pack("{s:s, s:s, s:o}", "token", token, "expiresAt", text, "user", iam_user_json(user)));
}

static void leave_worker(struct login *login)
{
    if (login->running)
        login->gateway->logins_running--;
    login->running = false;
}

static void login_free(void *data)
{
    struct login *login = data;
    leave_worker(login); /* when there was no worker for it, or no server any more */
    if (login->token)
        secret_wipe(login->token, strlen(login->token));
    free(login->token);
    free(login);
}

static void finish(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct login *login = http_data(r);
    leave_worker(login);
    if (login->result < 0)
        refuse_login(r, login->result, login->wait_s, login->username, login->client);
    else
        accept_login(r, &login->user, login->token, login->expires, login->client);
    logins_go_on(g);
}

static void check(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    struct login *login = http_data(r);
    login->result = identity_login(g->identity, login->username, login->password, login->client, &login->user,
                                   &login->token, &login->expires, &login->wait_s);
    http_on_loop(r, finish);
}

/* The request may be gone afterwards, and login with it. */
static void turn_away(struct login *login)
{
    DL_DELETE(login->gateway->logins, login);
    login->gateway->logins_waiting--;
    refuse_login(login->request, -EBUSY, 0, login->username, login->client);
}

/* Whoever has waited too long, and whose browser has gone, is not worth a check. */
static bool is_over(const struct login *login)
{
    return login->deadline <= clock_monotonic_ms(NULL) || http_is_gone(login->request);
}

void logins_go_on(struct gateway *g)
{
    struct login *login;
    while ((login = g->logins)) {
        if (is_over(login)) {
            turn_away(login);
            continue;
        }
        if (g->logins_running >= RUNNING_MAX)
            return;
        DL_DELETE(g->logins, login);
        g->logins_waiting--;
        g->logins_running++;
        login->running = true;
        http_work(login->request, check);
    }
}

void logins_cancel(struct gateway *g)
{
    while (g->logins)
        turn_away(g->logins);
}

static bool has_room(const struct gateway *g, const struct login *newcomer)
{
    unsigned same = 0;
    const struct login *login;
    DL_FOREACH(g->logins, login)
    {
        same += strcmp(login->prefix, newcomer->prefix) == 0;
    }
    return g->logins_waiting < WAITING_MAX && same < WAITING_PER_ADDRESS_MAX && !atomic_load(&g->draining);
}

void route_login(struct http_request *r, void *ctx)
{
    struct gateway *g = ctx;
    const char *username, *password;
    char error[JSON_ERROR_LEN];
    const json_t *body = http_json(r);
    if (!body)
        return;
    if (json_get_string(body, "username", USERNAME_MAX, &username, error) < 0 ||
        json_get_string(body, "password", PASSWORD_MAX, &password, error) < 0) {
        http_answer_error(r, 400, "bad_request", error);
        return;
    }
    struct login *login = xcalloc(1, sizeof(*login));
    *login = (struct login){.gateway = g,
                            .request = r,
                            .username = username,
                            .password = password,
                            .deadline = clock_monotonic_ms(NULL) + WAIT_MAX_MS};
    http_set_data(r, login, login_free);
    gateway_client(g, r, login->client);
    addr_prefix(login->client, login->prefix);
    if (!has_room(g, login)) {
        refuse_login(r, -EBUSY, 0, username, login->client);
        return;
    }
    http_defer(r);
    DL_APPEND(g->logins, login);
    g->logins_waiting++;
    logins_go_on(g);
}
