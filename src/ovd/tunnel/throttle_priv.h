/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wrong passwords per address: a bucket that refills with time. Belongs to the loop's thread. */
#ifndef ISTHMUS_OVD_TUNNEL_THROTTLE_PRIV_H
#define ISTHMUS_OVD_TUNNEL_THROTTLE_PRIV_H

#include "base/util.h"

#define THROTTLE_ADDRESSES_MAX 4096 /* past that, the one that failed longest ago is forgotten */

struct tunnel_throttle;

struct tunnel_throttle *throttle__create(unsigned burst, unsigned refill_ms);
struct tunnel_throttle *throttle__destroy(struct tunnel_throttle *throttle); /* NULL-safe */
/* Whether tries from prefix (see addr_prefix) are refused now. */
bool throttle__is_shut(struct tunnel_throttle *throttle, uint64_t now_ms, const char *prefix);
void throttle__count(struct tunnel_throttle *throttle, uint64_t now_ms, const char *prefix);

#endif
