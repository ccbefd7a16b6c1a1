/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libxml/parser.h>
#include <pthread.h>

#include "base/str.h"
#include "xml/xml_priv.h"

static void init_once(void)
{
    xmlInitParser();
    /* Whatever asks for another resource by its address gets a file of this machine or nothing. */
    xmlSetExternalEntityLoader(xmlNoNetExternalEntityLoader);
}

void xml__init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, init_once);
}

void xml__tell(xml_problem_fn problem, void *arg, int line, const char *message)
{
    if (problem)
        problem(arg, line, message);
}

/* libxml2 quotes pieces of the text in its own messages (a password with a bare '<' becomes a tag name), so
 * these are ours. */
static const char *sentence(int code)
{
    switch (code) {
    case XML_ERR_DOCUMENT_EMPTY:
        return "the document is empty";
    case XML_ERR_DOCUMENT_END:
        return "text after the end of the document";
    case XML_ERR_TAG_NAME_MISMATCH:
        return "the end tag does not match the start tag";
    case XML_ERR_TAG_NOT_FINISHED:
        return "an element is not closed";
    case XML_ERR_GT_REQUIRED:
    case XML_ERR_LTSLASH_REQUIRED:
    case XML_ERR_NAME_REQUIRED:
    case XML_ERR_SPACE_REQUIRED:
        return "a tag is broken (a '<' in text is written &lt;)";
    case XML_ERR_ATTRIBUTE_NOT_STARTED:
    case XML_ERR_ATTRIBUTE_NOT_FINISHED:
    case XML_ERR_ATTRIBUTE_WITHOUT_VALUE:
        return "an attribute needs a value in quotes";
    case XML_ERR_ATTRIBUTE_REDEFINED:
        return "an attribute is there twice";
    case XML_ERR_LT_IN_ATTRIBUTE:
        return "a '<' in an attribute is written &lt;";
    case XML_ERR_UNDECLARED_ENTITY:
    case XML_WAR_UNDECLARED_ENTITY:
    case XML_ERR_ENTITYREF_SEMICOL_MISSING:
    case XML_ERR_ENTITYREF_NO_NAME:
        return "an '&' in text is written &amp;";
    case XML_ERR_INVALID_CHAR:
    case XML_ERR_INVALID_CHARREF:
        return "a character that XML does not allow";
    case XML_NS_ERR_UNDEFINED_NAMESPACE:
        return "a name prefix is not declared";
    default:
        return "not well-formed XML";
    }
}

struct reading {
    xml_problem_fn problem;
    void *arg;
    int last_line; /* one mistake often gives several errors of the parser */
};

static void on_parser_error(void *user, xmlErrorPtr error)
{
    xmlParserCtxtPtr ctxt = user;
    struct reading *reading = ctxt->_private;

    if (error->level == XML_ERR_WARNING || error->line == reading->last_line)
        return;
    reading->last_line = error->line;
    xml__tell(reading->problem, reading->arg, error->line, sentence(error->code));
}

int xml_read(const char *data, size_t len, xml_problem_fn problem, void *arg, struct xml_doc **ret_doc)
{
    struct reading reading = {.problem = problem, .arg = arg, .last_line = -1};
    xmlParserCtxtPtr ctxt;
    xmlDocPtr doc;
    int r = xml__scan(data, len, problem, arg);

    if (r < 0)
        return r;
    xml__init();
    ctxt = xmlNewParserCtxt();
    if (!ctxt)
        return -ENOMEM;
    ctxt->_private = &reading;
    ctxt->sax->serror = on_parser_error;
    doc = xmlCtxtReadMemory(ctxt, data, (int)len, NULL, "UTF-8",
                            XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOCDATA);
    xmlFreeParserCtxt(ctxt);
    /* libxml2 forgives some errors, an undeclared prefix for one; here each of them is one too many. */
    if (doc && (reading.last_line >= 0 || doc->intSubset || doc->extSubset || !xmlDocGetRootElement(doc))) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    if (!doc) {
        if (reading.last_line < 0)
            xml__tell(problem, arg, 0, "not well-formed XML");
        return -EINVAL;
    }
    *ret_doc = (struct xml_doc *)(void *)doc;
    return 0;
}

struct xml_doc *xml_doc_free(struct xml_doc *doc)
{
    if (doc)
        xmlFreeDoc(xml__doc(doc));
    return NULL;
}

const struct xml_node *xml_root(const struct xml_doc *doc)
{
    return (const struct xml_node *)(void *)xmlDocGetRootElement(xml__doc(doc));
}

const char *xml_name(const struct xml_node *node)
{
    return (const char *)xml__node(node)->name;
}

int xml_line(const struct xml_node *node)
{
    long line = xmlGetLineNo(xml__node(node));

    return line < 0 ? 0 : (int)line;
}

static const struct xml_node *find(xmlNodePtr node, const char *name)
{
    for (; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE &&
            (!name || (!node->ns && str_eq((const char *)node->name, name))))
            return (const struct xml_node *)(void *)node;
    }
    return NULL;
}

const struct xml_node *xml_first(const struct xml_node *node, const char *name)
{
    return find(xml__node(node)->children, name);
}

const struct xml_node *xml_next(const struct xml_node *node, const char *name)
{
    return find(xml__node(node)->next, name);
}

/* libxml2's allocator could be another one than ours. */
static char *take(xmlChar *text)
{
    char *copy = text ? xstrdup((const char *)text) : NULL;

    if (text)
        xmlFree(text);
    return copy;
}

char *xml_attr(const struct xml_node *node, const char *name)
{
    return take(xmlGetNoNsProp(xml__node(node), (const xmlChar *)name));
}

char *xml_text(const struct xml_node *node)
{
    char *text = take(xmlNodeGetContent(xml__node(node)));

    return text ? text : xstrdup("");
}

static const char *escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

static const char *escape_attr_value(char c)
{
    return c == '\'' ? NULL : escape(c);
}

static const char *escape_content(char c)
{
    return strchr("&<>\r", c) ? escape(c) : NULL;
}

/* Bytes of the character at s that XML can hold; 0 when it cannot. */
static size_t holdable(const char *s, size_t len)
{
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if ((c < 0x20 && c != '\n' && c != '\t') || n > len || !str_is_utf8(s, n, false))
        return 0;
    return n == 3 && (memcmp(s, "\xef\xbf\xbe", 3) == 0 || memcmp(s, "\xef\xbf\xbf", 3) == 0) ? 0 : n;
}

static int append(struct buf *out, const char *text, const char *(*how)(char))
{
    size_t before = out->len, len = strlen(text);
    int r = 0;

    while (r == 0 && len > 0) {
        const char *escaped = how(*text);
        size_t n = escaped ? 1 : holdable(text, len);

        if (escaped)
            r = buf_append_str(out, escaped);
        else if (n > 0)
            r = buf_append(out, text, n);
        text += MAX(n, (size_t)1);
        len -= MAX(n, (size_t)1);
    }
    if (r < 0)
        out->len = before;
    return r;
}

int xml_append_escaped(struct buf *out, const char *text)
{
    return append(out, text, escape);
}

int xml_append_attr_value(struct buf *out, const char *text)
{
    return append(out, text, escape_attr_value);
}

int xml_append_content(struct buf *out, const char *text)
{
    return append(out, text, escape_content);
}
