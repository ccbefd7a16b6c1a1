/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libxml/xmlschemas.h>
#include <stdio.h>

#include "base/str.h"
#include "xml/xml_priv.h"

struct xml_schema {
    xmlSchemaPtr schema;
};

struct checking {
    xml_problem_fn problem;
    void *arg;
};

/* These messages speak of the structure only: names of elements and attributes, no values. */
static bool is_structural(int code)
{
    switch (code) {
    case XML_SCHEMAV_ELEMENT_CONTENT:
    case XML_SCHEMAV_CVC_ELT_1:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_2_1:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_2_2:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_2_3:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_2_4:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_3_2_1:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_3_2_2:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_4:
    case XML_SCHEMAV_CVC_TYPE_3_1_1:
    case XML_SCHEMAV_CVC_TYPE_3_1_2:
        return true;
    default:
        return false;
    }
}

/* "[facet 'maxInclusive']" tells which rule was broken; what follows it quotes the value. */
static void append_rule(char *text, size_t size, const char *message)
{
    const char *facet = strstr(message, ": [facet '");
    size_t used = strlen(text), len;

    if (!facet || used >= size)
        return;
    facet += strlen(": [facet '");
    len = strspn(facet, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    snprintf(text + used, size - used, " (%.*s)", (int)MIN(len, (size_t)32), facet);
}

static void on_violation(void *user, xmlErrorPtr error)
{
    const struct checking *checking = user;
    xmlNodePtr node = error->node;
    char text[512] = "the document does not follow its schema";

    if (is_structural(error->code) && error->message) {
        snprintf(text, sizeof(text), "%s", error->message);
        text[strcspn(text, "\n")] = '\0';
    } else if (node && node->name) {
        snprintf(text, sizeof(text), "%s '%.100s': the value is not allowed",
                 node->type == XML_ATTRIBUTE_NODE ? "Attribute" : "Element", (const char *)node->name);
        append_rule(text, sizeof(text), error->message ? error->message : "");
    }
    xml__tell(checking->problem, checking->arg, error->line, text);
}

static void on_schema_error(void *user, xmlErrorPtr error)
{
    const struct checking *checking = user;
    char text[512];

    snprintf(text, sizeof(text), "%s", error->message ? error->message : "the schema is broken");
    text[strcspn(text, "\n")] = '\0';
    xml__tell(checking->problem, checking->arg, error->line, text);
}

int xml_schema_load(const char *path, xml_problem_fn problem, void *arg, struct xml_schema **ret_schema)
{
    struct checking checking = {.problem = problem, .arg = arg};
    struct xml_schema *schema;
    xmlSchemaParserCtxtPtr ctxt;
    xmlSchemaPtr parsed;

    xml__init();
    ctxt = xmlSchemaNewParserCtxt(path);
    if (!ctxt)
        return -ENOMEM;
    xmlSchemaSetParserStructuredErrors(ctxt, on_schema_error, &checking);
    parsed = xmlSchemaParse(ctxt);
    xmlSchemaFreeParserCtxt(ctxt);
    if (!parsed)
        return -EINVAL;
    schema = xcalloc(1, sizeof(*schema));
    schema->schema = parsed;
    *ret_schema = schema;
    return 0;
}

struct xml_schema *xml_schema_free(struct xml_schema *schema)
{
    if (!schema)
        return NULL;
    xmlSchemaFree(schema->schema);
    free(schema);
    return NULL;
}

int xml_schema_check(struct xml_schema *schema, struct xml_doc *doc, xml_problem_fn problem, void *arg)
{
    struct checking checking = {.problem = problem, .arg = arg};
    xmlSchemaValidCtxtPtr ctxt = xmlSchemaNewValidCtxt(schema->schema);
    int r;

    if (!ctxt)
        return -ENOMEM;
    xmlSchemaSetValidStructuredErrors(ctxt, on_violation, &checking);
    r = xmlSchemaValidateDoc(ctxt, xml__doc(doc));
    xmlSchemaFreeValidCtxt(ctxt);
    return r == 0 ? 0 : -EINVAL;
}
