/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What MODE/index.php of an Application Server answers to a client that is no browser. Schema ovd-aps. */
#ifndef ISTHMUS_OVD_MESSAGE_APS_H
#define ISTHMUS_OVD_MESSAGE_APS_H

#include "base/buf.h"
#include "xml/xml.h"

struct ovd_aps {
    char *server;
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_aps_finish afterwards. */
int ovd_aps_parse(const char *data, size_t len, xml_problem_fn problem, void *arg, struct ovd_aps *ret_aps);
int ovd_aps_build(const struct ovd_aps *aps, struct buf *out);
void ovd_aps_finish(struct ovd_aps *aps); /* NULL-safe */

#endif
