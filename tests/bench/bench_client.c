/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The watching side: a headless client of /capture that decodes everything into a canvas and acknowledges it.
 */
#include "bench.h"

#include "common/display/png_read.h"
#include "display/capture_msg.h"
#include "display/region_cache.h"
#include "webstream/streamer/ws_raw.h"

#include <uthash.h>

/* Decoded regions, by hash. Nothing is thrown away: a run is short. */
struct kept {
    uint64_t hash;
    uint32_t *pixels;
    UT_hash_handle hh;
};

struct decoder {
    struct client *client;
    struct kept *cache;
};

static unsigned u16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t u64(const uint8_t *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

static struct frame_rect rect_of(const struct client *c, const uint8_t *body)
{
    struct frame_rect r = {(int)u16(body), (int)u16(body + 2), (int)u16(body + 4), (int)u16(body + 6)};

    if (r.w == 0 || r.h == 0 || r.x + r.w > c->width || r.y + r.h > c->height)
        bench_fail("a region lies outside the screen");
    return r;
}

static void paint(struct client *c, const struct frame_rect *r, const uint32_t *pixels)
{
    for (int y = 0; y < r->h; y++)
        memcpy(c->canvas + (size_t)(r->y + y) * (size_t)c->width + r->x, pixels + (size_t)y * (size_t)r->w,
               4 * (size_t)r->w);
}

static void on_png(struct decoder *d, const uint8_t *body, size_t len)
{
    struct frame_rect r = rect_of(d->client, body);
    uint64_t hash = u64(body + 8);
    uint32_t *pixels = png_read(body + 16, len - 16, r.w, r.h);
    struct kept *kept;

    if (!pixels)
        bench_fail("a region is not a PNG of its size");
    paint(d->client, &r, pixels);
    HASH_FIND(hh, d->cache, &hash, sizeof(hash), kept);
    if (hash == 0 || kept) {
        free(pixels);
        return;
    }
    kept = xcalloc(1, sizeof(*kept));
    kept->hash = hash;
    kept->pixels = pixels;
    HASH_ADD(hh, d->cache, hash, sizeof(kept->hash), kept);
}

static void on_cached(struct decoder *d, const uint8_t *body)
{
    struct frame_rect r = rect_of(d->client, body);
    uint64_t hash = u64(body + 8);
    struct kept *kept;

    HASH_FIND(hh, d->cache, &hash, sizeof(hash), kept);
    if (!kept)
        bench_fail("a region that was never sent is said to be cached");
    paint(d->client, &r, kept->pixels);
}

static void on_solid(struct decoder *d, const uint8_t *body)
{
    struct frame_rect r = rect_of(d->client, body);
    uint32_t pixel = (uint32_t)body[8] << 16 | (uint32_t)body[9] << 8 | body[10];

    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            d->client->canvas[(size_t)y * (size_t)d->client->width + (size_t)x] = pixel;
}

static void on_copy(struct decoder *d, const uint8_t *body)
{
    struct frame_rect r = rect_of(d->client, body);
    size_t width = (size_t)d->client->width;
    int x = (int)u16(body + 8), y = (int)u16(body + 10);

    if (x + r.w > d->client->width || y + r.h > d->client->height)
        bench_fail("a copy comes from outside the screen");
    for (int i = 0; i < r.h; i++) {
        int row = y < r.y ? r.h - 1 - i : i; /* not over rows that are still to be read */

        memmove(d->client->canvas + (size_t)(r.y + row) * width + r.x,
                d->client->canvas + (size_t)(y + row) * width + x, 4 * (size_t)r.w);
    }
}

static void on_size(struct decoder *d, const uint8_t *body)
{
    struct client *c = d->client;

    c->width = (int)u16(body);
    c->height = (int)u16(body + 2);
    free(c->canvas);
    c->canvas = xcalloc((size_t)c->width * (size_t)c->height, 4);
}

static void on_record(struct decoder *d, unsigned type, const uint8_t *body, size_t len)
{
    if (type == CAPTURE_PNG && len > 16)
        on_png(d, body, len);
    else if (type == CAPTURE_CACHED && len == 16)
        on_cached(d, body);
    else if (type == CAPTURE_SOLID && len == 12)
        on_solid(d, body);
    else if (type == CAPTURE_COPY && len == 12)
        on_copy(d, body);
    else if (type == CAPTURE_SIZE && len == 4)
        on_size(d, body);
}

static void on_update(struct decoder *d, const struct ws_raw *w, uint64_t arrived)
{
    struct client *c = d->client;
    size_t at = CAPTURE_HEADER_LEN;

    if (w->opcode != 2 || w->len < CAPTURE_HEADER_LEN || w->data[0] != CAPTURE_VERSION)
        bench_fail("the streamer sent something else than an update");
    for (unsigned i = u16(w->data + 18); i > 0; i--) {
        size_t len = at + CAPTURE_RECORD_LEN <= w->len ? u32(w->data + at + 4) : SIZE_MAX;

        if (len > w->len - at - CAPTURE_RECORD_LEN)
            bench_fail("a record is longer than its update");
        on_record(d, w->data[at], w->data + at + CAPTURE_RECORD_LEN, len);
        at += CAPTURE_RECORD_LEN + len;
    }
    client_look(c, arrived);
    c->bytes += w->len;
    c->updates++;
}

static void send_ack(struct ws_raw *w, const uint8_t *sequence, uint64_t us)
{
    uint8_t m[12] = {1,
                     1,
                     0,
                     0,
                     sequence[0],
                     sequence[1],
                     sequence[2],
                     sequence[3],
                     (uint8_t)us,
                     (uint8_t)(us >> 8),
                     (uint8_t)(us >> 16)};

    (void)ws_raw_send(w, 2, m, sizeof(m));
}

static void forget(struct decoder *d)
{
    struct kept *k, *tmp;

    HASH_ITER(hh, d->cache, k, tmp)
    {
        HASH_DEL(d->cache, k);
        free(k->pixels);
        free(k);
    }
}

void *client_run(void *arg)
{
    struct client *c = arg;
    struct decoder d = {.client = c};
    struct ws_raw w;

    if (ws_raw_open(&w, c->port, "/capture", c->session, c->key) != 101)
        bench_fail("the streamer refuses the client");
    while (!c->stop) {
        uint64_t arrived;
        int r = ws_raw_read(&w);

        if (r == -EAGAIN)
            continue; /* nothing changes */
        if (r < 0)
            bench_fail("the streamer closes the connection (%u)", w.close_code);
        arrived = bench_now_us();
        on_update(&d, &w, arrived);
        send_ack(&w, w.data + 4, bench_now_us() - arrived);
        c->ready = true;
    }
    ws_raw_close(&w);
    forget(&d);
    free(c->canvas);
    return NULL;
}
