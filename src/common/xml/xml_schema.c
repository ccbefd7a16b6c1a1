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

/* Moves past marker and the quoted name right after it; false, and *at unmoved, when they are not there. */
static bool take_quoted(const char **at, const char *marker, char *ret_name, size_t size)
{
    size_t len;

    if (!str_starts_with(*at, marker))
        return false;
    *at += strlen(marker);
    len = strcspn(*at, "'");
    snprintf(ret_name, size, "%.*s", (int)MIN(len, size - 1), *at);
    str_trim_utf8(ret_name);
    *at += len + ((*at)[len] == '\'');
    return true;
}

/* Such a message is "Element 'a', attribute 'b': [facet 'pattern'] The value ...": its beginning is taken
 * apart strictly in order, for behind it anything may be quoted. */
static void value_message(const char *message, char *ret_text, size_t size)
{
    char element[100] = "", attribute[100] = "", rule[40] = "";

    if (!take_quoted(&message, "Element '", element, sizeof(element)))
        return;
    take_quoted(&message, ", attribute '", attribute, sizeof(attribute));
    take_quoted(&message, ": [facet '", rule, sizeof(rule));
    snprintf(ret_text, size, "Element '%s'%s%s%s: the value is not allowed%s%s%s", element,
             *attribute ? ", attribute '" : "", attribute, *attribute ? "'" : "", *rule ? " (" : "", rule,
             *rule ? ")" : "");
}

static void on_violation(void *user, xmlErrorPtr error)
{
    const struct checking *checking = user;
    const char *message = error->message ? error->message : "";
    char text[512] = "the document does not follow its schema";

    if (is_structural(error->code)) {
        snprintf(text, sizeof(text), "%s", message);
        text[strcspn(text, "\n")] = '\0';
        str_trim_utf8(text);
    } else {
        value_message(message, text, sizeof(text));
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

    /* libxml2 would complain about it on standard error. */
    if (access(path, R_OK) < 0)
        return -errno;
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
