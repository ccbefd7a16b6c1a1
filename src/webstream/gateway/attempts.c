/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "webstream/gateway/attempts.h"

#include <uthash.h>

#include "base/str.h"
#include "net/addr.h"

struct attempts {
    char prefix[ADDR_TEXT_LEN];
    unsigned count;
    uint64_t began_ms;
    UT_hash_handle hh;
};

static struct attempts *find(struct attempts *table, const char *address, char ret_prefix[ADDR_TEXT_LEN])
{
    struct attempts *entry = NULL;
    addr_prefix(address, ret_prefix);
    HASH_FIND_STR(table, ret_prefix, entry);
    return entry;
}

/* Old ones go; when that is not enough the eldest does, which is the first one of the table. */
static void make_room(struct attempts **table, uint64_t now_ms)
{
    struct attempts *entry, *next;
    HASH_ITER(hh, *table, entry, next)
    {
        if (now_ms - entry->began_ms < ATTEMPTS_WINDOW_MS && HASH_COUNT(*table) < ATTEMPTS_ADDRESSES_MAX)
            continue;
        HASH_DEL(*table, entry);
        free(entry);
    }
}

int attempts_charge(struct attempts **table, const char *address, uint64_t now_ms, unsigned *ret_wait_s)
{
    char prefix[ADDR_TEXT_LEN];
    struct attempts *entry = find(*table, address, prefix);
    if (!entry) {
        if (HASH_COUNT(*table) >= ATTEMPTS_ADDRESSES_MAX)
            make_room(table, now_ms);
        entry = xcalloc(1, sizeof(*entry));
        memcpy(entry->prefix, prefix, sizeof(prefix));
        entry->began_ms = now_ms;
        HASH_ADD_STR(*table, prefix, entry);
    }
    uint64_t passed = now_ms - entry->began_ms;
    if (passed >= ATTEMPTS_WINDOW_MS) {
        entry->count = 0;
        entry->began_ms = now_ms;
    } else if (entry->count >= ATTEMPTS_MAX) {
        *ret_wait_s = (unsigned)((ATTEMPTS_WINDOW_MS - passed + 999) / 1000);
        return -EAGAIN;
    }
    entry->count++;
    return 0;
}

void attempts_refund(struct attempts **table, const char *address)
{
    char prefix[ADDR_TEXT_LEN];
    struct attempts *entry = find(*table, address, prefix);
    if (entry && entry->count > 0)
        entry->count--;
}

void attempts_free(struct attempts **table)
{
    struct attempts *entry, *next;
    HASH_ITER(hh, *table, entry, next)
    {
        HASH_DEL(*table, entry);
        free(entry);
    }
}
