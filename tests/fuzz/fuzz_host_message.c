// links: streamer
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session host may say to its streamer. */
#include "webstream/streamer/session_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_message m;

    if (host_message_parse((const char *)data, size, &m) == 0 && m.type == HOST_SESSION_INFO &&
        (m.info.frame_rate < 1 || m.info.max_width < 200 || m.info.compression > 2))
        abort();
    return 0;
}
