/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_client.h"

#include "http/http_client_priv.h"
#include "utlist.h"

#define DEFAULT_ANSWER ((size_t)1 << 20)
#define IDLE_CONNECTIONS 32L

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;   /* libcurl's */
    struct loop_timer *deliver; /* calls back with nothing of libcurl's on the stack */
    struct http_call *calls;
    struct http_socket *sockets;
    bool delivering;
    bool destroyed; /* by a callback, while delivering */
};

struct http_socket {
    struct http_client *client;
    curl_socket_t fd;
    struct loop_poll *poll;
    struct http_socket *prev, *next;
};

static void call_free(struct http_call *call)
{
    DL_DELETE(call->client->calls, call);
    curl_multi_remove_handle(call->client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    for (size_t i = 0; i < call->field_count; i++)
        free(call->fields[i]);
    free(call->fields);
    buf_finish(&call->answer);
    free(call->body);
    free(call);
}

static void collect_done(struct http_client *client)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(client->multi, &left))) {
        struct http_call *call = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        call->done = true;
        call->result = msg->data.result;
        loop_timer_start(client->deliver, 0, 0);
    }
}

static int to_errno(const struct http_call *call)
{
    long os = 0;
    if (call->too_large)
        return -EMSGSIZE;
    switch (call->result) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os);
        return os > 0 ? -(int)os : -ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return -EINVAL;
    case CURLE_PEER_FAILED_VERIFICATION:
        return -EACCES;
    default:
        return -EIO;
    }
}

static void call_back(struct http_call *call)
{
    struct http_answer answer = {
        .error = to_errno(call), .type = "", .body = "", .headers = (const char *const *)call->fields};
    static const char *const none[] = {NULL};
    if (!answer.headers)
        answer.headers = none;
    if (answer.error == 0) {
        long status = 0;
        char *type = NULL;
        uint8_t *end;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
        answer.status = (unsigned)status;
        answer.type = type ? type : "";
        if (buf_reserve(&call->answer, 1, &end) == 0) { /* room for it is in the maximum */
            *end = 0;
            answer.body = call->answer.data;
            answer.len = call->answer.len;
            answer.stored = call->stored;
        }
    }
    call->fn(call->arg, &answer);
}

static struct http_call *first_done(struct http_client *client)
{
    struct http_call *call;
    DL_FOREACH(client->calls, call)
    {
        if (call->done)
            return call;
    }
    return NULL;
}

static void client_free(struct http_client *client);

static void on_deliver(void *arg)
{
    struct http_client *client = arg;
    struct http_call *call;
    client->delivering = true;
    while (!client->destroyed && (call = first_done(client))) {
        call->done = false;
        call_back(call);
        call_free(call);
    }
    client->delivering = false;
    if (client->destroyed)
        client_free(client);
}

static void on_socket(void *arg, int ready)
{
    struct http_socket *s = arg;
    struct http_client *client = s->client;
    int running,
        mask = (ready & LOOP_READ ? CURL_CSELECT_IN : 0) | (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(client->multi, s->fd, mask, &running);
    collect_done(client);
}

static void on_timer(void *arg)
{
    struct http_client *client = arg;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_done(client);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_client *client = arg;
    if (timeout_ms < 0)
        loop_timer_stop(client->timer);
    else
        loop_timer_start(client->timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void socket_free(struct http_socket *s)
{
    DL_DELETE(s->client->sockets, s);
    loop_poll_destroy(s->poll);
    free(s);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct http_client *client = arg;
    struct http_socket *s = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            socket_free(s);
        curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    if (s) {
        loop_poll_set(s->poll, events);
        return 0;
    }
    s = xcalloc(1, sizeof *s);
    s->client = client;
    s->fd = fd;
    DL_APPEND(client->sockets, s);
    if (loop_poll_create(client->loop, fd, events, on_socket, s, &s->poll) < 0) {
        socket_free(s);
        return -1;
    }
    curl_multi_assign(client->multi, fd, s);
    return 0;
}

int http_client_create(struct loop *loop, struct http_client **ret_client)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -EIO;
    struct http_client *client = xcalloc(1, sizeof *client);
    client->loop = loop;
    client->multi = curl_multi_init();
    int rc = client->multi ? 0 : -ENOMEM;
    if (rc == 0)
        rc = loop_timer_create(loop, on_timer, client, &client->timer);
    if (rc == 0)
        rc = loop_timer_create(loop, on_deliver, client, &client->deliver);
    if (rc < 0) {
        client_free(client);
        return rc;
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
    *ret_client = client;
    return 0;
}

static void client_free(struct http_client *client)
{
    struct http_call *call, *next_call;
    struct http_socket *s, *next_socket;
    DL_FOREACH_SAFE(client->calls, call, next_call)
    call_free(call);
    if (client->multi)
        curl_multi_cleanup(client->multi);
    DL_FOREACH_SAFE(client->sockets, s, next_socket)
    socket_free(s);
    loop_timer_destroy(client->timer);
    loop_timer_destroy(client->deliver);
    free(client);
    curl_global_cleanup();
}

struct http_client *http_client_destroy(struct http_client *client)
{
    if (!client)
        return NULL;
    if (client->delivering)
        client->destroyed = true;
    else
        client_free(client);
    return NULL;
}

int http_client_call(struct http_client *client, const struct http_call_options *options,
                     void (*fn)(void *arg, const struct http_answer *answer), void *arg,
                     struct http_call **ret_call)
{
    struct http_call *call = xcalloc(1, sizeof *call);
    call->client = client;
    call->fn = fn;
    call->arg = arg;
    size_t max = options->max_answer ? options->max_answer : DEFAULT_ANSWER;
    call->body_fd = options->body_fd;
    call->max_stored = max;
    buf_init(&call->answer, (call->body_fd > 0 ? DEFAULT_ANSWER : max) + 1);
    call->fields = xcalloc(HTTP_ANSWER_FIELDS + 1, sizeof *call->fields);
    DL_APPEND(client->calls, call);
    call->easy = curl_easy_init();
    int rc = call->easy ? http__call_set_options(call, options) : -ENOMEM;
    if (rc == 0 && curl_multi_add_handle(client->multi, call->easy) != CURLM_OK)
        rc = -EIO;
    if (rc < 0) {
        call_free(call);
        return rc;
    }
    if (ret_call)
        *ret_call = call;
    return 0;
}

void http_call_cancel(struct http_call *call)
{
    call_free(call);
}
