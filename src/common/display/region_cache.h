/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The account of what a client's region cache holds (docs/protocol/capture.md): least recently used goes
 * first. Only names and sizes, no pixels. */
#ifndef ISTHMUS_DISPLAY_REGION_CACHE_H
#define ISTHMUS_DISPLAY_REGION_CACHE_H

#include "base/util.h"

struct region_cache;

/* max: bytes of decoded pixels. Never NULL. */
struct region_cache *region_cache_new(size_t max);
struct region_cache *region_cache_free(struct region_cache *cache); /* NULL-safe; returns NULL */
/* Whether hash is there; it is then the most recently used one. */
bool region_cache_use(struct region_cache *cache, uint64_t hash);
/* What the client is told to keep: the oldest make room. Larger than the whole cache: not kept. */
void region_cache_store(struct region_cache *cache, uint64_t hash, size_t bytes);
void region_cache_forget(struct region_cache *cache, uint64_t hash);
size_t region_cache_bytes(const struct region_cache *cache);

#endif
