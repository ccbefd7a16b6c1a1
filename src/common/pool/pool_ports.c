/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A slot's ports belong to it by arithmetic, not by right: any program may have taken one. A session there
 * could never show its picture, so such a slot is passed over for as long as that lasts. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "pool/pool_priv.h"

/* As the streamer will bind it, without listening: what is closed already does not hold a port. */
static bool can_bind(const char *address, unsigned port)
{
    const int one = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
        return true; /* not for us to judge */
    cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return bind(fd, (const struct sockaddr *)&in, sizeof in) == 0 || errno != EADDRINUSE;
}

bool pool_ports_free(struct slot *slot)
{
    const struct pool *pool = slot->pool;
    unsigned port = pool->base_port + 10 * slot->number;
    bool first = can_bind(pool->streamer_bind, port);
    bool both = first && can_bind(pool->streamer_bind, port + 1);
    if (!both && !slot->ports_told && pool->events->broken) {
        cleanup_free char *text = xasprintf("slot %u is passed over: another program has port %u",
                                            slot->number, first ? port + 1 : port);
        pool->events->broken(pool->arg, slot->number, text);
    }
    slot->ports_told = !both;
    return both;
}
