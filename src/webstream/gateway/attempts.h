/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often an address has tried something in vain lately: for secrets that nobody can guess, so that
 * guessing costs the database nothing. In memory, of this process alone. Loop thread. */
#ifndef ISTHMUS_WEBSTREAM_GATEWAY_ATTEMPTS_H
#define ISTHMUS_WEBSTREAM_GATEWAY_ATTEMPTS_H

#include "base/util.h"

#define ATTEMPTS_MAX 60          /* of one address (one /64) … */
#define ATTEMPTS_WINDOW_MS 60000 /* … in this time */
#define ATTEMPTS_ADDRESSES_MAX 4096

struct attempts;

/* Counts one before it is known what becomes of it, so that many at the same time cannot outrun the counter.
 * 0, or -EAGAIN and how long to wait. now is monotonic. */
int attempts_charge(struct attempts **table, const char *address, uint64_t now_ms, unsigned *ret_wait_s);
/* It was right: the address gets it back. */
void attempts_refund(struct attempts **table, const char *address);
void attempts_free(struct attempts **table);

#endif
