/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of start_app.php: the access id of the new instance, or an error. Schema ovd-start-app. */
#ifndef ISTHMUS_OVD_MESSAGE_START_APP_H
#define ISTHMUS_OVD_MESSAGE_START_APP_H

#include "base/buf.h"
#include "xml/xml.h"

/* The original's only error. */
#define OVD_START_APP_ERRNO 1
#define OVD_START_APP_ERRSTR "Unable to start external application"

struct ovd_start_app {
    char *access_id; /* NULL: the error is meant */
    int error_number;
    char *error_text;
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_start_app_finish afterwards. */
int ovd_start_app_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                        struct ovd_start_app *ret_start_app);
int ovd_start_app_build(const struct ovd_start_app *start_app, struct buf *out);
void ovd_start_app_finish(struct ovd_start_app *start_app); /* NULL-safe */

#endif
