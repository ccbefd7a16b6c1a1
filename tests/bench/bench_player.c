/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plays content into a display and measures how it comes out of the streamer; prints one line of JSON.
 * tests/bench/run starts it. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/file.h"
#include "base/str.h"
#include "bench.h"

#define PATIENCE_US 5000000 /* for the last frame to arrive */

void bench_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "bench_player: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    exit(1);
}

uint64_t bench_now_us(void)
{
    return clock_monotonic_us();
}

/* Processor time of all threads of a process, in nanoseconds. */
static uint64_t cpu_of(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    uint64_t sum = 0;

    if (!tasks)
        return 0;
    for (struct dirent *e; (e = readdir(tasks));) {
        cleanup_free char *stat = xasprintf("%s/%s/schedstat", path, e->d_name);
        unsigned long long ns;
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(stat, "re");

        if (f && fscanf(f, "%llu", &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return sum;
}

static void sleep_until(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

struct options {
    const char *x11, *xauthority, *frames, *damage, *name, *session, *key_file, *password;
    int64_t display, port, fps, count, streamer, server, compression;
};

static void parse_options(int argc, char **argv, struct options *o)
{
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
    } rows[] = {
        {"--x11", &o->x11, NULL},
        {"--xauthority", &o->xauthority, NULL},
        {"--frames", &o->frames, NULL},
        {"--damage", &o->damage, NULL},
        {"--name", &o->name, NULL},
        {"--session", &o->session, NULL},
        {"--key-file", &o->key_file, NULL},
        {"--display", NULL, &o->display},
        {"--port", NULL, &o->port},
        {"--fps", NULL, &o->fps},
        {"--count", NULL, &o->count},
        {"--streamer-pid", NULL, &o->streamer},
        {"--server-pid", NULL, &o->server},
        {"--rfb-password", &o->password, NULL},
        {"--rfb-compression", NULL, &o->compression},
    };

    for (int i = 1; i + 1 < argc; i += 2) {
        size_t k = 0;

        while (k < ARRAY_SIZE(rows) && !str_eq(argv[i], rows[k].name))
            k++;
        if (k == ARRAY_SIZE(rows) ||
            (rows[k].number && str_to_int(argv[i + 1], 0, INT32_MAX, rows[k].number) < 0))
            bench_fail("%s %s: not possible", argv[i], argv[i + 1]);
        if (rows[k].text)
            *rows[k].text = argv[i + 1];
    }
    if (!o->x11 || !o->xauthority || o->fps < 1 || (o->port > 0 && !o->key_file && !o->password))
        bench_fail("see tests/bench/run for the options");
}

static void load(struct content *c, const struct options *o)
{
    FILE *frames, *damage;

    if (!o->damage) {
        content_synthetic(c, (size_t)o->count);
        return;
    }
    frames = o->frames ? fopen(o->frames, "re") : stdin;
    damage = fopen(o->damage, "re");
    if (!frames || !damage)
        bench_fail("the content cannot be opened");
    content_read(c, frames, damage, (size_t)o->count);
    fclose(damage);
}

static void read_key(const char *path, uint8_t key[32])
{
    cleanup_free char *text = NULL;
    size_t len;

    if (file_read(AT_FDCWD, path, 4096, &text, &len) < 0)
        bench_fail("%s cannot be read", path);
    text[strcspn(text, "\r\n")] = '\0';
    if (hex_decode(text, key, 32) < 0)
        bench_fail("%s is not a key", path);
}

static void await_shown(struct client *c, unsigned number)
{
    uint64_t end = bench_now_us() + PATIENCE_US;

    while ((!c->ready || c->shown < number) && bench_now_us() < end)
        sleep_until(bench_now_us() + 1000);
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Percentile in milliseconds of sorted microseconds. */
static double percentile(const uint64_t *sorted, size_t count, unsigned percent)
{
    return count ? (double)sorted[MIN(count * percent / 100, count - 1)] / 1000.0 : 0;
}

struct result {
    uint64_t drawn_us[BENCH_MAX_FRAMES + 2];
    uint64_t streamer_ns, server_ns, bytes, elapsed_us;
    unsigned updates;
};

static void play(const struct options *o, const struct content *c, struct player *p, struct client *client,
                 struct result *r)
{
    uint64_t streamer = cpu_of((pid_t)o->streamer), server = cpu_of((pid_t)o->server), bytes = client->bytes;
    uint64_t start = bench_now_us();
    unsigned updates = client->updates;

    for (size_t i = 1; i < c->count; i++) {
        sleep_until(start + i * 1000000 / (uint64_t)o->fps);
        player_show(p, c, i);
        r->drawn_us[i + 1] = bench_now_us();
    }
    if (o->port > 0)
        await_shown(client, (unsigned)c->count);
    r->elapsed_us = bench_now_us() - start;
    r->streamer_ns = cpu_of((pid_t)o->streamer) - streamer;
    r->server_ns = cpu_of((pid_t)o->server) - server;
    r->bytes = client->bytes - bytes;
    r->updates = client->updates - updates;
}

static void report(const struct options *o, const struct content *c, const struct client *client,
                   const struct result *r)
{
    static uint64_t arrival[BENCH_MAX_FRAMES], decoded[BENCH_MAX_FRAMES];
    size_t seen = 0;

    for (size_t n = 2; n <= c->count; n++) {
        if (client->arrived_us[n] == 0)
            continue;
        /* A picture can be on its way before the player's own round trip is back. */
        arrival[seen] = client->arrived_us[n] - MIN(client->arrived_us[n], r->drawn_us[n]);
        decoded[seen++] = client->decoded_us[n] - MIN(client->decoded_us[n], r->drawn_us[n]);
    }
    qsort(arrival, seen, sizeof(arrival[0]), compare);
    qsort(decoded, seen, sizeof(decoded[0]), compare);
    printf("{\"content\":\"%s\",\"fps\":%d,\"viewer\":%s,\"played\":%zu,\"seen\":%zu,\"seconds\":%.3f,"
           "\"arrival_p50\":%.2f,"
           "\"arrival_p99\":%.2f,\"decoded_p50\":%.2f,\"decoded_p99\":%.2f,\"bytes\":%llu,\"updates\":%u,"
           "\"streamer_cpu\":%.4f,\"server_cpu\":%.4f,\"pixels\":%llu}\n",
           o->name ? o->name : "synthetic", (int)o->fps, o->port > 0 ? "true" : "false", c->count - 1, seen,
           (double)r->elapsed_us / 1e6, percentile(arrival, seen, 50), percentile(arrival, seen, 99),
           percentile(decoded, seen, 50), percentile(decoded, seen, 99), (unsigned long long)r->bytes,
           r->updates, (double)r->streamer_ns / 1e9, (double)r->server_ns / 1e9,
           (unsigned long long)c->damaged);
}

int main(int argc, char **argv)
{
    static struct content content;
    static struct client client;
    static struct result result;
    struct options o = {.fps = 10, .count = 60, .session = ""};
    uint8_t key[32];
    pthread_t thread;
    struct player *p;

    signal(SIGPIPE, SIG_IGN);
    parse_options(argc, argv, &o);
    load(&content, &o);
    p = player_open(o.x11, o.xauthority, (unsigned)o.display, &content);
    player_show(p, &content, 0);
    if (o.port > 0) {
        if (!o.password)
            read_key(o.key_file, key);
        client.port = (unsigned)o.port;
        client.session = o.session;
        client.key = key;
        client.password = o.password;
        client.compression = (int)o.compression;
        if (pthread_create(&thread, NULL, o.password ? client_run_rfb : client_run, &client) != 0)
            bench_fail("no thread");
        await_shown(&client, 1);
    }
    play(&o, &content, p, &client, &result);
    report(&o, &content, &client, &result);
    client.stop = true;
    player_show(p, &content, 0); /* one more update, so that the client looks up */
    if (o.port > 0)
        pthread_join(thread, NULL);
    player_close(p);
    return 0;
}
