/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Isthmus gateway as a control plane. One call of each kind is under way at most. A gateway that was
 * restarted is found again within two seconds: for the first half minute every failure is retried after one
 * second, then the contract's patience applies (30 s ten times, then 5 minutes), with jitter so that a
 * thousand hosts do not come back in the same moment. */
#include "base/clock.h"
#include "base/secret.h"
#include "base/str.h"
#include "host/control_plane.h"

#define QUICK_TRIES 30
#define QUICK_MS 1000
#define SLOW_TRIES 10
#define SLOW_MS 30000
#define SLOWEST_MS 300000
#define REPORTS_MAX 500
#define CALL_TIMEOUT_MS 5000
#define LEAVE_TIMEOUT_MS 2000

struct plane {
    struct control_plane base;
    struct loop *loop;
    struct http_client *client;
    char *gateway_url, *server_url, *instance_type;
    json_t *tags, *capabilities;
    unsigned heartbeat_ms;
    uint8_t key[32];
    const struct control_plane_host *host;
    void *arg;

    bool registered, full_due, change_due, leaving, reachable, noted;
    unsigned failures;
    struct http_call *register_call, *beat_call, *report_call, *leave_call;
    struct loop_timer *register_timer, *beat_timer, *report_timer;
    void (*left)(void *arg);
    void *left_arg;
};

static void note(struct plane *p, bool good, const char *sentence)
{
    if (p->noted && p->reachable == good)
        return;
    p->noted = true;
    p->reachable = good;
    p->host->note(p->arg, good, sentence);
}

static uint64_t back_off(struct plane *p)
{
    uint64_t base = p->failures <= QUICK_TRIES                ? QUICK_MS
                    : p->failures <= QUICK_TRIES + SLOW_TRIES ? SLOW_MS
                                                              : SLOWEST_MS;
    uint8_t dice;
    secret_random(&dice, sizeof dice);
    /* Quick tries are never later than promised; slow ones spread by a fifth to both sides. */
    return p->failures <= QUICK_TRIES ? base - base * dice / 1024 : base * 4 / 5 + base * 2 / 5 * dice / 255;
}

static int call(struct plane *p, const char *path, json_t *body, unsigned timeout_ms,
                void (*fn)(void *arg, const struct http_answer *answer), struct http_call **ret_call)
{
    cleanup_free char *url = xasprintf("%s%s", p->gateway_url, path);
    cleanup_free char *text = json_text(body);
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    json_decref(body);
    if (!text)
        return -ENOMEM;
    struct http_call_options options = {.method = "POST",
                                        .url = url,
                                        .headers = headers,
                                        .body = text,
                                        .body_len = strlen(text),
                                        .peer_key = p->key,
                                        .timeout_ms = timeout_ms};
    return http_client_call(p->client, &options, fn, p, ret_call);
}

/* True for a 2xx answer. Otherwise what is wrong is noted, and an unknown host registers again. */
static bool judge(struct plane *p, const struct http_answer *answer)
{
    if (!answer->error && answer->status >= 200 && answer->status < 300) {
        p->failures = 0;
        return true;
    }
    if (!answer->error && answer->status == 404) {
        p->registered = false;
        loop_timer_start(p->register_timer, 0, 0);
        return false;
    }
    p->failures++;
    cleanup_free char *sentence =
        answer->error
            ? xasprintf("the gateway %s cannot be reached: %s", p->gateway_url, strerror(-answer->error))
            : xasprintf("the gateway %s answers %u", p->gateway_url, answer->status);
    note(p, false, sentence);
    return false;
}

static void send_report(struct plane *p);

static void on_registered(void *arg, const struct http_answer *answer)
{
    struct plane *p = arg;
    p->register_call = NULL;
    if (p->leaving)
        return;
    bool refused = !answer->error && answer->status == 404;
    if (!judge(p, answer)) {
        p->failures += refused;
        loop_timer_start(p->register_timer, back_off(p), 0);
        return;
    }
    p->registered = true;
    p->full_due = true;
    note(p, true, "registered at the gateway");
    loop_timer_start(p->beat_timer, p->heartbeat_ms, 0);
    send_report(p);
}

static void send_register(void *arg)
{
    struct plane *p = arg;
    if (p->register_call || p->leaving)
        return;
    struct control_plane_facts facts;
    p->host->facts(p->arg, &facts);
    json_t *body = json_pack("{s:s, s:i, s:s, s:s, s:O, s:O, s:s}", "serverUrl", p->server_url, "maxSessions",
                             facts.max_sessions, "instanceType", p->instance_type, "ec2InstanceId", "",
                             "tags", p->tags, "capabilities", p->capabilities, "version", ISTHMUS_VERSION);
    if (call(p, "/gateway/register", body, CALL_TIMEOUT_MS, on_registered, &p->register_call) < 0)
        loop_timer_start(p->register_timer, SLOW_MS, 0);
}

static void on_beat(void *arg, const struct http_answer *answer)
{
    struct plane *p = arg;
    p->beat_call = NULL;
    if (p->leaving)
        return;
    bool good = judge(p, answer);
    if (good)
        note(p, true, "the gateway answers again");
    if (p->registered)
        loop_timer_start(p->beat_timer, good || p->failures > QUICK_TRIES ? p->heartbeat_ms : back_off(p), 0);
    if (good && (p->change_due || p->full_due))
        send_report(p);
}

static void send_beat(void *arg)
{
    struct plane *p = arg;
    if (p->beat_call || p->leaving || !p->registered)
        return;
    struct control_plane_facts facts;
    char now[21];
    p->host->facts(p->arg, &facts);
    clock_format_utc(clock_wall_s(NULL), now);
    json_t *body = json_pack("{s:s, s:s, s:i, s:i, s:s, s:O, s:f, s:f, s:s}", "serverUrl", p->server_url,
                             "status", facts.status, "activeSessions", facts.active_sessions, "maxSessions",
                             facts.max_sessions, "instanceType", p->instance_type, "tags", p->tags,
                             "cpuUsage", facts.cpu, "memoryUsage", facts.memory, "timestamp", now);
    if (call(p, "/gateway/heartbeat", body, CALL_TIMEOUT_MS, on_beat, &p->beat_call) < 0)
        loop_timer_start(p->beat_timer, p->heartbeat_ms, 0);
}

static void take_ends(struct plane *p, const json_t *body)
{
    const json_t *list = json_object_get(body, "end");
    for (size_t i = 0; i < json_array_size(list) && i < REPORTS_MAX; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (id && str_is_id(id))
            p->host->end(p->arg, id);
    }
}

static void on_reported(void *arg, const struct http_answer *answer)
{
    struct plane *p = arg;
    p->report_call = NULL;
    if (p->leaving)
        return;
    cleanup_json json_t *body = NULL;
    char error[JSON_ERROR_LEN];
    int64_t sequence = 0;
    if (!judge(p, answer)) {
        p->change_due = true;
        if (p->registered)
            loop_timer_start(p->report_timer, back_off(p), 0);
        return;
    }
    p->full_due = false;
    if (json_read(answer->body, answer->len, &body, error) < 0 ||
        json_get_int(body, "acknowledged", 0, INT64_MAX, &sequence, error) < 0)
        return;
    p->host->acknowledged(p->arg, sequence);
    take_ends(p, body);
    cleanup_json json_t *more = p->host->changes(p->arg, 1);
    if (json_array_size(more) > 0)
        send_report(p);
}

/* A full report says "these are all": the sessions as they are now. It confirms older changes too. */
static void send_report(struct plane *p)
{
    if (p->report_call || p->leaving || !p->registered)
        return;
    bool full = p->full_due;
    json_t *reports = full ? p->host->sessions(p->arg) : p->host->changes(p->arg, REPORTS_MAX);
    /* "These are all" cannot be said in pieces: a host of that size is content with its changes. */
    if (full && json_array_size(reports) > REPORTS_MAX) {
        json_decref(reports);
        full = p->full_due = false;
        reports = p->host->changes(p->arg, REPORTS_MAX);
    }
    if (!full && json_array_size(reports) == 0) {
        json_decref(reports);
        return;
    }
    p->change_due = false;
    json_t *body = json_pack("{s:s, s:b, s:o}", "serverUrl", p->server_url, "full", full, "reports", reports);
    if (call(p, "/gateway/session/report", body, CALL_TIMEOUT_MS, on_reported, &p->report_call) < 0)
        loop_timer_start(p->report_timer, SLOW_MS, 0);
}

static void on_report_timer(void *arg)
{
    send_report(arg);
}

static void plane_start(struct control_plane *base)
{
    send_register(base);
}

static void plane_changed(struct control_plane *base)
{
    struct plane *p = (struct plane *)base;
    p->change_due = true;
    send_report(p);
}

static void cancel(struct http_call **call_under_way)
{
    if (*call_under_way)
        http_call_cancel(*call_under_way);
    *call_under_way = NULL;
}

static void on_left(void *arg, const struct http_answer *answer)
{
    struct plane *p = arg;
    (void)answer; /* gone either way */
    p->leave_call = NULL;
    p->left(p->left_arg);
}

static void plane_leave(struct control_plane *base, void (*done)(void *arg), void *arg)
{
    struct plane *p = (struct plane *)base;
    p->leaving = true;
    p->left = done;
    p->left_arg = arg;
    cancel(&p->register_call);
    cancel(&p->beat_call);
    cancel(&p->report_call);
    json_t *body = json_pack("{s:s}", "serverUrl", p->server_url);
    if (!p->registered) {
        json_decref(body);
        done(arg);
    } else if (call(p, "/gateway/unregister", body, LEAVE_TIMEOUT_MS, on_left, &p->leave_call) < 0) {
        done(arg);
    }
}

static void plane_destroy(struct control_plane *base)
{
    struct plane *p = (struct plane *)base;
    cancel(&p->register_call);
    cancel(&p->beat_call);
    cancel(&p->report_call);
    cancel(&p->leave_call);
    loop_timer_destroy(p->register_timer);
    loop_timer_destroy(p->beat_timer);
    loop_timer_destroy(p->report_timer);
    secret_wipe(p->key, sizeof p->key);
    json_decref(p->tags);
    json_decref(p->capabilities);
    free(p->gateway_url);
    free(p->server_url);
    free(p->instance_type);
    free(p);
}

static json_t *split_tags(const char *tags)
{
    json_t *array = json_array();
    while (tags && *tags) {
        size_t len = strcspn(tags, ",");
        if (len > 0)
            json_array_append_new(array, json_stringn(tags, len));
        tags += len + (tags[len] == ',');
    }
    return array;
}

int control_plane_gateway_create(const struct control_plane_gateway_options *options,
                                 const struct control_plane_host *host, void *arg,
                                 struct control_plane **ret_plane)
{
    static const struct control_plane_ops ops = {
        .start = plane_start, .changed = plane_changed, .leave = plane_leave, .destroy = plane_destroy};
    struct plane *p = xcalloc(1, sizeof *p);
    p->base.ops = &ops;
    p->loop = options->loop;
    p->client = options->client;
    p->gateway_url = xstrdup(options->gateway_url);
    p->server_url = xstrdup(options->server_url);
    p->instance_type = xstrdup(options->instance_type ? options->instance_type : "");
    p->tags = split_tags(options->tags);
    p->capabilities = json_pack("[s, s]", "desktop", "application");
    if (options->capabilities)
        json_array_extend(p->capabilities, (json_t *)(uintptr_t)options->capabilities);
    p->heartbeat_ms = options->heartbeat_s * 1000;
    memcpy(p->key, options->key, sizeof p->key);
    p->host = host;
    p->arg = arg;
    int r = loop_timer_create(p->loop, send_register, p, &p->register_timer);
    if (r >= 0)
        r = loop_timer_create(p->loop, send_beat, p, &p->beat_timer);
    if (r >= 0)
        r = loop_timer_create(p->loop, on_report_timer, p, &p->report_timer);
    if (r < 0) {
        plane_destroy(&p->base);
        return r;
    }
    *ret_plane = &p->base;
    return 0;
}
