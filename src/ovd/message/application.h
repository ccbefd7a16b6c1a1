/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of a Session Manager's application.php: everything about one application. Schemas
 * ovd-application and ovd-application-received. */
#ifndef ISTHMUS_OVD_MESSAGE_APPLICATION_H
#define ISTHMUS_OVD_MESSAGE_APPLICATION_H

#include "base/buf.h"
#include "ovd/message/words.h"
#include "xml/xml.h"

struct ovd_application {
    int64_t id;
    char *name;
    char *description;
    enum ovd_application_type type;
    char *package;
    bool published;
    char *desktopfile;
    char *mimetypes; /* each ends with ';' */
    bool is_static;
    char *command;              /* "firefox URL" for a weblink */
    char *icon;                 /* NULL when there is none */
    char *executable_mimetypes; /* NULL when there are none */
};

/* Needs id, name, type and a command; ignores unknown elements and attributes, because later versions store
 * more about an application. -EINVAL or -EMSGSIZE after telling why. ovd_application_finish afterwards. */
int ovd_application_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                          struct ovd_application *ret_application);
/* NULL is written as an empty attribute, icon and executable_mimetypes excepted. */
int ovd_application_build(const struct ovd_application *application, struct buf *out);
void ovd_application_finish(struct ovd_application *application); /* NULL-safe */

#endif
