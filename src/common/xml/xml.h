/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XML through libxml2, without network, entities or a DTD: a document type declaration is refused outright.
 * Text is UTF-8, whatever the document declares. Size, depth and attribute counts are limited. Only this
 * folder knows libxml2. */
#ifndef ISTHMUS_XML_XML_H
#define ISTHMUS_XML_XML_H

#include "base/buf.h"
#include "base/util.h"

struct xml_doc;
struct xml_node; /* an element; lives as long as its document */
struct xml_schema;

/* Called once for each problem, with the line it is on (0 when there is none). A message names elements and
 * attributes but never quotes a value, which may be a secret. */
typedef void (*xml_problem_fn)(void *arg, int line, const char *message);

#define XML_SIZE_MAX ((size_t)1024 * 1024)
#define XML_DEPTH_MAX 32
#define XML_ATTRIBUTES_MAX 64 /* of one element */

/* 0, or after telling what is wrong: -EINVAL for what is no well-formed XML, -EMSGSIZE past a limit. problem
 * may be NULL. */
int xml_read(const char *data, size_t len, xml_problem_fn problem, void *arg, struct xml_doc **ret_doc);
struct xml_doc *xml_doc_free(struct xml_doc *doc); /* NULL-safe; returns NULL */
const struct xml_node *xml_root(const struct xml_doc *doc);
const char *xml_name(const struct xml_node *node);
int xml_line(const struct xml_node *node);
const struct xml_node *
xml_first(const struct xml_node *node,
          const char *name); /* first child element; name NULL: any; a name finds no element of a namespace */
const struct xml_node *xml_next(const struct xml_node *node, const char *name); /* next sibling element */
/* Attribute or text content (of everything below the element), trimmed of nothing; the caller frees; NULL
 * when the attribute is absent. */
char *xml_attr(const struct xml_node *node, const char *name);
char *xml_text(const struct xml_node *node);

/* -errno of a file that cannot be read, -EINVAL after telling what is wrong in it. */
int xml_schema_load(const char *path, xml_problem_fn problem, void *arg, struct xml_schema **ret_schema);
struct xml_schema *xml_schema_free(struct xml_schema *schema);
/* 0, or -EINVAL after telling every violation with its line. One schema serves any number of threads at a
 * time. */
int xml_schema_check(struct xml_schema *schema, struct xml_doc *doc, xml_problem_fn problem, void *arg);

/* Appends text for element content or an attribute: the five characters and line breaks are escaped,
 * characters XML cannot hold and broken UTF-8 are dropped. The result of buf_append. */
int xml_append_escaped(struct buf *out, const char *text);
/* The same with the escapes of libxml2's own serializer, for documents that are to equal in every byte what
 * programs on top of it write: an apostrophe is never escaped, and in content neither are quotation marks,
 * line feeds and tabs. */
int xml_append_attr_value(struct buf *out, const char *text);
int xml_append_content(struct buf *out, const char *text);

#endif
