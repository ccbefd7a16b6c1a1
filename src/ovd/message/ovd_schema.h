/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The schemas of the OVD messages: xml-schemas/NAME.xsd, each read once and kept for all threads. */
#ifndef ISTHMUS_OVD_MESSAGE_OVD_SCHEMA_H
#define ISTHMUS_OVD_MESSAGE_OVD_SCHEMA_H

#include "xml/xml.h"

/* name is one of docs/protocol/ovd-messages.md, "ovd-access" for one. The schema belongs to the cache.
 * -ENOENT when there is no such schema or its file is gone, -EINVAL after telling what is wrong in the file.
 */
int ovd_schema_get(const char *name, xml_problem_fn problem, void *arg, struct xml_schema **ret_schema);
/* Reads every schema, so that a broken installation is seen at the start and not at the first message. The
 * first error. */
int ovd_schema_load_all(xml_problem_fn problem, void *arg);
/* Reads the text and checks it: 0, what xml_read gives, or -EINVAL. */
int ovd_schema_check(const char *name, const char *data, size_t len, xml_problem_fn problem, void *arg);
/* Forgets all of them; nobody may be using one. */
void ovd_schema_finish(void);

#endif
