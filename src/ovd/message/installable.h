/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of an Application Server's installable_applications.php: packages by category. Schema
 * ovd-installable. */
#ifndef ISTHMUS_OVD_MESSAGE_INSTALLABLE_H
#define ISTHMUS_OVD_MESSAGE_INSTALLABLE_H

#include "base/buf.h"
#include "xml/xml.h"

struct ovd_installable_application {
    char *name;
    char *package;
};

struct ovd_installable_category {
    char *name;
    struct ovd_installable_application *applications;
    size_t count;
};

struct ovd_installable {
    struct ovd_installable_category *categories;
    size_t count;
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_installable_finish afterwards. */
int ovd_installable_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                          struct ovd_installable *ret_installable);
int ovd_installable_build(const struct ovd_installable *installable, struct buf *out);
void ovd_installable_finish(struct ovd_installable *installable); /* NULL-safe */

#endif
