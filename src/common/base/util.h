/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The few macros that everything uses. Lists and hash tables are uthash's (uthash.h, utlist.h): included
 * directly. */
#ifndef ISTHMUS_BASE_UTIL_H
#define ISTHMUS_BASE_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h> /* MIN, MAX */
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define CLAMP(v, lo, hi) ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Cleanup attributes for locals: "cleanup_free char *s = NULL;" frees at every way out of the scope. */
#define cleanup_free __attribute__((cleanup(util_freep)))
#define cleanup_close __attribute__((cleanup(util_closep)))

static inline void util_freep(void *p)
{
    free(*(void **)p);
}

static inline void util_closep(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* calloc that ends the process when memory is gone: for small fixed sizes only. A size that comes from a peer
 * is allocated with calloc and checked. Never NULL. */
void *xcalloc(size_t count, size_t size);
char *xstrdup(const char *s);
/* vasprintf with the same rule; the caller frees. */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

#endif
