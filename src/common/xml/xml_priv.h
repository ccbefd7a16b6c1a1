/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_XML_PRIV_H
#define ISTHMUS_XML_PRIV_H

#include <libxml/tree.h>

#include "xml/xml.h"

/* Prepares libxml2, once for all threads. */
void xml__init(void);

/* Tells one problem when there is somebody to tell. */
void xml__tell(xml_problem_fn problem, void *arg, int line, const char *message);

/* Walks the raw text before the parser sees it and refuses what the parser would accept or spend too long on:
 * document types, depth, attribute floods, other encodings. 0, -EINVAL or -EMSGSIZE, told. */
int xml__scan(const char *data, size_t len, xml_problem_fn problem, void *arg);

static inline xmlDocPtr xml__doc(const struct xml_doc *doc)
{
    return (xmlDocPtr)(void *)doc;
}

static inline xmlNodePtr xml__node(const struct xml_node *node)
{
    return (xmlNodePtr)(void *)node;
}

#endif
