/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of access.php: how a client gets to its picture. Schemas ovd-access and ovd-access-received. */
#ifndef ISTHMUS_OVD_MESSAGE_ACCESS_H
#define ISTHMUS_OVD_MESSAGE_ACCESS_H

#include "base/buf.h"
#include "ovd/message/limits.h"
#include "ovd/message/quality.h"
#include "xml/xml.h"

struct ovd_access {
    int width, height; /* 0 when there is none */
    bool view_only;
    char *ssh_host; /* as the client called it */
    char *ssh_user;
    char *ssh_password; /* hex digits, see password.h; "" before the session is ready and after suspend */
    uint16_t ssh_ports[OVD_PORTS_MAX]; /* clients use the first one only */
    size_t ssh_port_count;
    bool has_vnc;       /* false in portal mode for the portal itself */
    int vnc_port;       /* 0 when there is none */
    char *vnc_password; /* hex digits */
    enum ovd_quality quality;
    /* Quality as a child element, and share_desktop, beside the word: what the protocol's public description
     * promises and the original of today leaves out. Clients ignore the form they do not know. */
    bool both_forms;
    char *proxy_type; /* NULL: no proxy */
    char *proxy_host;
    char *proxy_port;
    char *proxy_username;
    char *proxy_password;
};

/* Takes the quality from the word or else from the child, ignores what it does not know. -EINVAL or -EMSGSIZE
 * after telling why. ovd_access_finish afterwards. */
int ovd_access_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                     struct ovd_access *ret_access);
int ovd_access_build(const struct ovd_access *access, struct buf *out);
void ovd_access_finish(struct ovd_access *access); /* overwrites the secrets; NULL-safe */

#endif
