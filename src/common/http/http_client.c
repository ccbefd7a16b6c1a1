/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"
#include "http/peer_auth.h"
#include "utlist.h"

#define DEFAULT_TIMEOUT_MS 10000
#define DEFAULT_ANSWER ((size_t)1 << 20)
#define HEAD_MAX ((size_t)65536)
#define HEADERS_MAX 256
#define IDLE_CONNECTIONS 32L

struct http_call {
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    void *body;
    struct buf answer;
    char **fields; /* of the answer; NULL-terminated */
    size_t field_count;
    size_t head_size;
    bool too_large;
    bool done;
    CURLcode result;
    void (*fn)(void *arg, const struct http_answer *answer);
    void *arg;
    struct http_call *prev, *next;
};

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

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    /* One byte of the maximum stays free for the NUL. */
    if (call->answer.len + len >= call->answer.max || buf_append(&call->answer, data, len) < 0) {
        call->too_large = true;
        return 0;
    }
    return len;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count, text = len;
    if (len > 5 && memcmp(data, "HTTP/", 5) == 0) { /* a new head: what came before was a 100 */
        while (call->field_count > 0)
            free(call->fields[--call->field_count]);
        call->fields[0] = NULL;
        return len;
    }
    while (text > 0 && (data[text - 1] == '\r' || data[text - 1] == '\n'))
        text--;
    call->head_size += len;
    if (call->head_size > HEAD_MAX || call->field_count == HEADERS_MAX) {
        call->too_large = true;
        return 0;
    }
    if (text > 0 && (call->fields[call->field_count] = strndup(data, text)))
        call->fields[++call->field_count] = NULL;
    return len;
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

static int add_header(struct http_call *call, const char *line)
{
    if (strpbrk(line, "\r\n"))
        return -EINVAL;
    struct curl_slist *list = curl_slist_append(call->headers, line);
    if (!list)
        return -ENOMEM;
    call->headers = list;
    return 0;
}

/* Value of "Name: value" in options->headers. */
static const char *option_header(const void *arg, const char *name)
{
    const struct http_call_options *o = arg;
    size_t len = strlen(name);
    for (const char *const *h = o->headers; h && *h; h++)
        if (strncasecmp(*h, name, len) == 0 && (*h)[len] == ':')
            return *h + len + 1 + strspn(*h + len + 1, " \t");
    return NULL;
}

/* The request target as libcurl will send it. */
static char *target_of(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host || strchr(url, '#') || strpbrk(url, " \t\r\n"))
        return NULL;
    host += 3;
    const char *path = host + strcspn(host, "/?");
    return xasprintf("%s%s", *path == '/' ? "" : "/", path);
}

static int add_headers(struct http_call *call, const struct http_call_options *o)
{
    int rc = add_header(call, "Expect:"); /* no pause for a 100 that peers do not need */
    for (const char *const *h = o->headers; rc == 0 && h && *h; h++)
        rc = add_header(call, *h);
    if (rc == 0 && o->body_len && !option_header(o, "Content-Type"))
        rc = add_header(call, "Content-Type:");
    if (rc < 0 || !o->peer_key)
        return rc;
    cleanup_free char *target = target_of(o->url);
    struct peer_auth_request part = {o->method, target, o->body, o->body_len, option_header, o};
    cleanup_free char *value = target ? peer_auth_sign(o->peer_key, &part) : NULL;
    if (!value)
        return -EINVAL;
    cleanup_free char *line = xasprintf(PEER_AUTH_HEADER ": %s", value);
    return add_header(call, line);
}

static int set_method(struct http_call *call, const struct http_call_options *o)
{
    curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    if (str_eq(o->method, "HEAD")) {
        curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
        return 0;
    }
    if (o->body_len || !str_eq(o->method, "GET")) {
        call->body = malloc(o->body_len + 1);
        if (!call->body)
            return -ENOMEM;
        if (o->body_len)
            memcpy(call->body, o->body, o->body_len);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_len);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
    }
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, o->method);
    return 0;
}

static int set_options(struct http_call *call, const struct http_call_options *o)
{
    CURL *easy = call->easy;
    long timeout = o->timeout_ms ? (long)o->timeout_ms : DEFAULT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "isthmus/" ISTHMUS_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    if (curl_easy_setopt(easy, CURLOPT_URL, o->url) != CURLE_OK)
        return -ENOMEM;
    int rc = set_method(call, o);
    if (rc == 0)
        rc = add_headers(call, o);
    if (rc == 0)
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    return rc;
}

int http_client_call(struct http_client *client, const struct http_call_options *options,
                     void (*fn)(void *arg, const struct http_answer *answer), void *arg,
                     struct http_call **ret_call)
{
    struct http_call *call = xcalloc(1, sizeof *call);
    call->client = client;
    call->fn = fn;
    call->arg = arg;
    buf_init(&call->answer, (options->max_answer ? options->max_answer : DEFAULT_ANSWER) + 1);
    call->fields = xcalloc(HEADERS_MAX + 1, sizeof *call->fields);
    DL_APPEND(client->calls, call);
    call->easy = curl_easy_init();
    int rc = call->easy ? set_options(call, options) : -ENOMEM;
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
