/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XML through libxml2, without network, entities or a DTD: a document type declaration is refused outright. Size, depth and attribute
 * counts are limited. Only this folder knows libxml2. */
#ifndef ISTHMUS_XML_XML_H
#define ISTHMUS_XML_XML_H

#include "base/buf.h"
#include "base/util.h"

struct xml_doc;
struct xml_node; /* an element; lives as long as its document */
struct xml_schema;

/* Called once for each problem, with the line it is on (0 when there is none). */
typedef void (*xml_problem_fn)(void *arg, int line, const char *message);

/* -EINVAL after telling every problem; -EMSGSIZE past 1 MiB or 32 levels. */
int xml_read(const char *data, size_t len, xml_problem_fn problem, void *arg, struct xml_doc **ret_doc);
struct xml_doc *xml_doc_free(struct xml_doc *doc); /* NULL-safe; returns NULL */
const struct xml_node *xml_root(const struct xml_doc *doc);
const char *xml_name(const struct xml_node *node);
int xml_line(const struct xml_node *node);
const struct xml_node *xml_first(const struct xml_node *node, const char *name); /* first child element; name NULL: any */
const struct xml_node *xml_next(const struct xml_node *node, const char *name);  /* next sibling element */
/* Attribute or text content, trimmed of nothing; the caller frees; NULL when the attribute is absent. */
char *xml_attr(const struct xml_node *node, const char *name);
char *xml_text(const struct xml_node *node);

int xml_schema_load(const char *path, xml_problem_fn problem, void *arg, struct xml_schema **ret_schema);
struct xml_schema *xml_schema_free(struct xml_schema *schema);
/* 0, or -EINVAL after telling every violation with its line. */
int xml_schema_check(struct xml_schema *schema, struct xml_doc *doc, xml_problem_fn problem, void *arg);

/* Appends text with the five characters escaped, for building documents. Characters XML cannot hold are dropped. */
int xml_append_escaped(struct buf *out, const char *text);

#endif
