/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of an Application Server's apps.php: what its user may start. Schema ovd-apps. */
#ifndef ISTHMUS_OVD_MESSAGE_APPS_H
#define ISTHMUS_OVD_MESSAGE_APPS_H

#include "base/buf.h"
#include "xml/xml.h"

struct ovd_app {
    int64_t id;
    char *name;
};

struct ovd_apps {
    struct ovd_app *apps;
    size_t count;
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_apps_finish afterwards. */
int ovd_apps_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                   struct ovd_apps *ret_apps);
int ovd_apps_build(const struct ovd_apps *apps, struct buf *out);
void ovd_apps_finish(struct ovd_apps *apps); /* NULL-safe */

#endif
