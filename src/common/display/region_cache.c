/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/region_cache.h"

#include <uthash.h>
#include <utlist.h>

struct entry {
    uint64_t hash;
    size_t bytes;
    struct entry *prev, *next; /* least recently used first */
    UT_hash_handle hh;
};

struct region_cache {
    struct entry *table, *list;
    size_t bytes, max;
};

struct region_cache *region_cache_new(size_t max)
{
    struct region_cache *cache = xcalloc(1, sizeof(*cache));

    cache->max = max;
    return cache;
}

static struct entry *find(struct region_cache *cache, uint64_t hash)
{
    struct entry *e;

    HASH_FIND(hh, cache->table, &hash, sizeof(hash), e);
    return e;
}

static void drop(struct region_cache *cache, struct entry *e)
{
    HASH_DEL(cache->table, e);
    DL_DELETE(cache->list, e);
    cache->bytes -= e->bytes;
    free(e);
}

struct region_cache *region_cache_free(struct region_cache *cache)
{
    while (cache && cache->list)
        drop(cache, cache->list);
    free(cache);
    return NULL;
}

bool region_cache_use(struct region_cache *cache, uint64_t hash)
{
    struct entry *e = find(cache, hash);

    if (!e)
        return false;
    DL_DELETE(cache->list, e);
    DL_APPEND(cache->list, e);
    return true;
}

void region_cache_store(struct region_cache *cache, uint64_t hash, size_t bytes)
{
    struct entry *e = find(cache, hash);

    if (e)
        drop(cache, e);
    if (bytes > cache->max)
        return;
    while (cache->bytes + bytes > cache->max)
        drop(cache, cache->list);
    e = xcalloc(1, sizeof(*e));
    e->hash = hash;
    e->bytes = bytes;
    cache->bytes += bytes;
    HASH_ADD(hh, cache->table, hash, sizeof(e->hash), e);
    DL_APPEND(cache->list, e);
}

void region_cache_forget(struct region_cache *cache, uint64_t hash)
{
    struct entry *e = find(cache, hash);

    if (e)
        drop(cache, e);
}

size_t region_cache_bytes(const struct region_cache *cache)
{
    return cache->bytes;
}
