/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which port a listener takes. Clients keep the address that they were given, so a host that comes back has
 * to be where it was: a port that was not configured is written down, in run/PROPERTY.port of the state
 * directory. Limits: a file of PIN_MAX bytes; what is no port in it does not count. */
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

#define PIN_MAX 8

static char *pin_path(const struct aps *aps, const struct aps_port *what)
{
    return xasprintf("%s/run/%s.port", aps->s.state_dir, what->property);
}

/* 0: none. */
static unsigned pinned(const struct aps *aps, const struct aps_port *what)
{
    cleanup_free char *path = pin_path(aps, what), *text = NULL;
    size_t len;
    int64_t port = 0;
    if (file_read(AT_FDCWD, path, PIN_MAX, &text, &len) < 0 || str_to_int(text, 1, 65535, &port) < 0)
        return 0;
    return (unsigned)port;
}

static void pin(const struct aps *aps, const struct aps_port *what, unsigned port)
{
    cleanup_free char *dir = xasprintf("%s/run", aps->s.state_dir), *path = pin_path(aps, what);
    char text[PIN_MAX];
    int len = snprintf(text, sizeof(text), "%u", port);
    int r = dir_make(dir, 0700);
    if (r == 0)
        r = file_write(AT_FDCWD, path, text, (size_t)len, 0600);
    if (r < 0)
        log_warn("%s cannot be written, the next start may take another port: %s", path, strerror(-r));
}

int aps_port_open(struct aps *aps, const struct aps_port *what,
                  int (*listen)(void *arg, unsigned port, unsigned *ret_port), void *arg, unsigned *ret_port,
                  char **ret_cause)
{
    unsigned configured = (unsigned)config_int(aps->s.config, what->property);
    unsigned base = (unsigned)config_int(aps->s.config, "webstreamSettings.basePortNumber");
    unsigned before = pinned(aps, what);
    const unsigned free_choice[] = {before ? before : what->usual, what->usual, base + what->offset};
    const unsigned *ports = configured ? &configured : free_choice;
    size_t count = configured ? 1 : ARRAY_SIZE(free_choice);
    int r = -EADDRINUSE;
    for (size_t i = 0; i < count && r == -EADDRINUSE; i++) {
        r = listen(arg, ports[i], ret_port);
        if (r < 0 && (i + 1 == count || r != -EADDRINUSE))
            *ret_cause =
                xasprintf("port %u (%s) cannot be listened on: %s", ports[i], what->property, strerror(-r));
    }
    if (r == 0 && !configured && *ret_port != before)
        pin(aps, what, *ret_port);
    return r;
}
