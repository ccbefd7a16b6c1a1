/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a workspace's policy (docs/protocol/iam.md) says about sessions, for whoever makes their orders. Pure
 * functions. */
#ifndef ISTHMUS_HOST_HOST_POLICY_H
#define ISTHMUS_HOST_HOST_POLICY_H

#include "pool/pool.h"
#include "json/json.h"

/* security.clipboard as the streamer has it (docs/protocol/internal.md): "both", "in", "out" or "none", and
 * ":" with the longest text's bytes when that is limited. Without a policy "both"; what is not understood is
 * "none". */
void host_policy_clipboard(const json_t *policy, char ret_rule[POOL_CLIPBOARD_LEN]);

#endif
