/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/tunnel/throttle_priv.h"

#include <uthash.h>

#include "base/str.h"
#include "net/addr.h"

struct address {
    char prefix[ADDR_TEXT_LEN];
    uint64_t empty_at; /* when all failures will have been forgiven: each one moves it by refill_ms */
    UT_hash_handle hh; /* in order of the last failure, so that the oldest is first */
};

struct tunnel_throttle {
    unsigned burst;
    unsigned refill_ms;
    struct address *addresses;
};

struct tunnel_throttle *throttle__create(unsigned burst, unsigned refill_ms)
{
    struct tunnel_throttle *throttle = xcalloc(1, sizeof *throttle);
    throttle->burst = burst;
    throttle->refill_ms = refill_ms;
    return throttle;
}

static void forget(struct tunnel_throttle *throttle, struct address *address)
{
    HASH_DEL(throttle->addresses, address);
    free(address);
}

struct tunnel_throttle *throttle__destroy(struct tunnel_throttle *throttle)
{
    while (throttle && throttle->addresses)
        forget(throttle, throttle->addresses);
    free(throttle);
    return NULL;
}

/* Takes the entry out of the table, so that putting it back makes it the youngest. */
static struct address *take(struct tunnel_throttle *throttle, const char *prefix)
{
    struct address *address;
    HASH_FIND_STR(throttle->addresses, prefix, address);
    if (address) {
        HASH_DEL(throttle->addresses, address);
        return address;
    }
    if (HASH_COUNT(throttle->addresses) >= THROTTLE_ADDRESSES_MAX)
        forget(throttle, throttle->addresses);
    address = xcalloc(1, sizeof *address);
    (void)str_copy(address->prefix, sizeof address->prefix, prefix);
    return address;
}

bool throttle__is_shut(struct tunnel_throttle *throttle, uint64_t now_ms, const char *prefix)
{
    struct address *address;
    HASH_FIND_STR(throttle->addresses, prefix, address);
    return address && address->empty_at > now_ms + (uint64_t)(throttle->burst - 1) * throttle->refill_ms;
}

void throttle__count(struct tunnel_throttle *throttle, uint64_t now_ms, const char *prefix)
{
    struct address *address = take(throttle, prefix);
    address->empty_at = MAX(address->empty_at, now_ms) + throttle->refill_ms;
    HASH_ADD_STR(throttle->addresses, prefix, address);
}
