/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of applications.php in the root of a Session Manager: what a user may start, with the types of
 * documents, for external portals. Schema ovd-user-applications. */
#ifndef ISTHMUS_OVD_MESSAGE_USER_APPLICATIONS_H
#define ISTHMUS_OVD_MESSAGE_USER_APPLICATIONS_H

#include "base/buf.h"
#include "xml/xml.h"

struct ovd_user_application {
    int64_t id;
    char *name;
    char **mime_types;
    size_t mime_type_count;
};

struct ovd_user_applications {
    struct ovd_user_application *applications;
    size_t count;
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_user_applications_finish afterwards. */
int ovd_user_applications_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                                struct ovd_user_applications *ret_applications);
int ovd_user_applications_build(const struct ovd_user_applications *applications, struct buf *out);
void ovd_user_applications_finish(struct ovd_user_applications *applications); /* NULL-safe */

#endif
