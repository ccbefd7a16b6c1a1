/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of an Application Server's webservices/applications.php: what is installed on it. Schemas
 * ovd-server-applications and ovd-server-applications-received. */
#ifndef ISTHMUS_OVD_MESSAGE_SERVER_APPLICATIONS_H
#define ISTHMUS_OVD_MESSAGE_SERVER_APPLICATIONS_H

#include "base/buf.h"
#include "xml/xml.h"

/* What is absent is NULL; name and command never are after parsing. */
struct ovd_server_application {
    char *name;
    char *description;
    char *package;
    char *desktopfile;
    char *command; /* as sent, with its field codes; see ovd_command_clean */
    char *icon;
    char *mimetypes; /* each ends with ';' */
};

struct ovd_server_applications {
    struct ovd_server_application *applications;
    size_t count;
};

/* Ignores unknown elements and attributes. -EINVAL or -EMSGSIZE after telling why.
 * ovd_server_applications_finish afterwards. */
int ovd_server_applications_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                                  struct ovd_server_applications *ret_applications);
int ovd_server_applications_build(const struct ovd_server_applications *applications, struct buf *out);
void ovd_server_applications_finish(struct ovd_server_applications *applications); /* NULL-safe */

/* The command without %U %u %c %i %f %m, quotation marks and the white space around it: what a Session
 * Manager stores and compares. The caller frees. */
char *ovd_command_clean(const char *command);

#endif
