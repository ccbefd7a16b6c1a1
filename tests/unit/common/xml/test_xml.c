/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "xml/xml.h"

struct problems {
    int count;
    int line;
    char text[2048];
};

static void note(void *arg, int line, const char *message)
{
    struct problems *p = arg;
    size_t used = strlen(p->text);

    if (p->count++ == 0)
        p->line = line;
    snprintf(p->text + used, sizeof(p->text) - used, "%s\n", message);
}

static void expect_refused(const char *text, size_t len, int want, int line, const char *part)
{
    struct problems p = {0};
    struct xml_doc *doc = NULL;

    assert_int_equal(xml_read(text, len, note, &p, &doc), want);
    assert_null(doc);
    assert_true(p.count > 0);
    assert_int_equal(p.line, line);
    if (!strstr(p.text, part))
        fail_msg("no \"%s\" in \"%s\"", part, p.text);
    assert_int_equal(xml_read(text, len, NULL, NULL, &doc), want);
}

static struct xml_doc *read_text(const char *text)
{
    struct problems p = {0};
    struct xml_doc *doc = NULL;

    if (xml_read(text, strlen(text), note, &p, &doc) < 0)
        fail_msg("%s: %s", text, p.text);
    return doc;
}

static void test_walk(void **state)
{
    struct xml_doc *doc = read_text(
        "\xef\xbb\xbf<?xml version='1.0' encoding='ISO-8859-1'?>\n<!-- <x> -->\n<a k='v&lt;' n=''>\n"
        "text<b/>\n<c>1 &amp;<![CDATA[<&>]]> \xc3\xa9</c><?pi?><b i='2'/><n:b xmlns:n='urn:n'/></a>");
    const struct xml_node *a = xml_root(doc), *node;
    cleanup_free char *k = xml_attr(a, "k");
    cleanup_free char *n = xml_attr(a, "n");
    cleanup_free char *c = NULL;
    cleanup_free char *i = NULL;
    (void)state;

    assert_string_equal(xml_name(a), "a");
    assert_int_equal(xml_line(a), 3);
    assert_string_equal(k, "v<");
    assert_string_equal(n, "");
    assert_null(xml_attr(a, "missing"));
    node = xml_first(a, NULL);
    assert_string_equal(xml_name(node), "b");
    assert_int_equal(xml_line(node), 4);
    node = xml_next(node, NULL);
    c = xml_text(node);
    assert_string_equal(c, "1 &<&> \xc3\xa9");
    node = xml_next(xml_first(a, "b"), "b");
    i = xml_attr(node, "i");
    assert_string_equal(i, "2");
    assert_null(xml_next(node, "b")); /* the third one belongs to a namespace */
    assert_string_equal(xml_name(xml_next(node, NULL)), "b");
    assert_null(xml_first(a, "z"));
    assert_null(xml_first(node, NULL));
    assert_null(xml_doc_free(doc));
    assert_null(xml_doc_free(NULL));
}

static void test_doctype_and_entities(void **state)
{
    static const char *const bad[] = {
        "<!DOCTYPE a><a/>",
        "<?xml version='1.0'?><!-- x --><!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'><a/>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a/>",
        "<!ELEMENT a ANY><a/>",
        "<!doctype a><a/>",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_refused(bad[i], strlen(bad[i]), -EINVAL, 1, "document type");
    expect_refused("<a>\n&e;</a>", 11, -EINVAL, 2, "&amp;");
    expect_refused("<a k='\n&e;'/>", 13, -EINVAL, 2, "&amp;");
    /* The word in a comment or in data is no declaration. */
    xml_doc_free(read_text("<a><!-- <!DOCTYPE --><![CDATA[<!DOCTYPE]]></a>"));
}

static void test_malformed(void **state)
{
    (void)state;
    expect_refused("", 0, -EINVAL, 1, "empty");
    expect_refused("  ", 2, -EINVAL, 1, "");
    expect_refused("<a>\n<b>\n</a>", 12, -EINVAL, 3, "end tag");
    expect_refused("<a/>\n<b/>", 9, -EINVAL, 2, "after the end");
    expect_refused("<a k='1' k='2'/>", 16, -EINVAL, 1, "twice");
    expect_refused("<a k=1/>", 8, -EINVAL, 1, "quotes");
    expect_refused("<a>&#0;</a>", 11, -EINVAL, 1, "character");
    expect_refused("<a>\x01</a>", 8, -EINVAL, 1, "character");
    expect_refused("<a>\0</a>", 8, -EINVAL, 0, "UTF-8");
    expect_refused("<a>\xff</a>", 8, -EINVAL, 0, "UTF-8");
    expect_refused("\xff\xfe<\0a\0/\0>\0", 10, -EINVAL, 0, "UTF-8");
    expect_refused("<a", 2, -EINVAL, 1, "");
    expect_refused("<a>", 3, -EINVAL, 1, "");
    expect_refused("<!--", 4, -EINVAL, 1, "");
    expect_refused("<x:a/>", 6, -EINVAL, 1, "");
}

static char *repeated(const char *before, const char *part, size_t count, const char *after)
{
    struct buf out;

    buf_init(&out, 8 << 20);
    buf_append_str(&out, before);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(buf_append_fmt(&out, part, (int)i), 0);
    buf_append_str(&out, after);
    return buf_steal_str(&out);
}

static void test_limits(void **state)
{
    cleanup_free char *deep = repeated("", "<a%d>", 33, "");
    cleanup_free char *flood = repeated("<a ", "a%d='' ", 65, "/>");
    cleanup_free char *flood_ns = repeated("<a ", "xmlns:a%d='u' ", 60000, "/>");
    cleanup_free char *huge = repeated("<a>", "%08d", 1 << 17, "</a>");
    cleanup_free char *allowed = repeated("<a ", "a%d='=' ", 64, "/>");
    cleanup_free char *closed = repeated("<a>", "<b%d k='/>'/><!-- <c> -->", 100, "</a>");
    cleanup_free char *fine = repeated("", "<a>", 32, "");
    cleanup_free char *text = repeated(fine, "</a>", 32, "");
    (void)state;

    expect_refused(deep, strlen(deep), -EMSGSIZE, 1, "deeply");
    expect_refused(flood, strlen(flood), -EMSGSIZE, 1, "attributes");
    expect_refused(flood_ns, strlen(flood_ns), -EMSGSIZE, 1, "attributes");
    expect_refused(huge, strlen(huge), -EMSGSIZE, 0, "1 MiB");
    xml_doc_free(read_text(allowed));
    xml_doc_free(read_text(closed));
    xml_doc_free(read_text(text));
}

static void test_line_numbers_beyond_16_bits(void **state)
{
    cleanup_free char *text = repeated("<a>", "\n", 70000, "<b></a>");
    struct problems p = {0};
    struct xml_doc *doc = NULL;
    (void)state;

    assert_int_equal(xml_read(text, strlen(text), note, &p, &doc), -EINVAL);
    assert_int_equal(p.line, 70001);
}

static const char schema_text[] =
    "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element "
    "name='r'><xs:complexType><xs:sequence>"
    "<xs:element name='n' minOccurs='0' maxOccurs='9'><xs:simpleType><xs:restriction "
    "base='xs:integer'><xs:maxInclusive value='5'/>"
    "</xs:restriction></xs:simpleType></xs:element></xs:sequence><xs:attribute name='k'><xs:simpleType>"
    "<xs:restriction base='xs:string'><xs:pattern "
    "value='[a-z]+'/></xs:restriction></xs:simpleType></xs:attribute>"
    "</xs:complexType></xs:element></xs:schema>";

static void expect_violation(struct xml_schema *schema, const char *text, int count, int line,
                             const char *want)
{
    struct xml_doc *doc = read_text(text);
    struct problems p = {0};

    assert_int_equal(xml_schema_check(schema, doc, note, &p), count ? -EINVAL : 0);
    assert_int_equal(p.count, count);
    assert_int_equal(p.line, line);
    assert_string_equal(p.text, want);
    xml_doc_free(doc);
}

static void test_schema(void **state)
{
    char path[] = "/tmp/isthmus-schema-XXXXXX";
    struct xml_schema *schema = NULL;
    struct problems p = {0};
    int fd = mkstemp(path);
    (void)state;

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_write(AT_FDCWD, path, schema_text, strlen(schema_text), 0600), 0);
    assert_int_equal(xml_schema_load(path, note, &p, &schema), 0);
    expect_violation(schema, "<r k='abc'><n>5</n></r>", 0, 0, "");
    expect_violation(schema, "<r>\n<n>6</n>\n<n>6</n></r>", 2, 2,
                     "Element 'n': the value is not allowed (maxInclusive)\nElement 'n': the value is not "
                     "allowed (maxInclusive)\n");
    expect_violation(schema, "<r><n>secret</n></r>", 1, 1, "Element 'n': the value is not allowed\n");
    expect_violation(schema, "<r k='S3CRET'/>", 1, 1,
                     "Element 'r', attribute 'k': the value is not allowed (pattern)\n");
    expect_violation(schema, "<r>\n<m/></r>", 1, 2,
                     "Element 'm': This element is not expected. Expected is ( n ).\n");
    expect_violation(schema, "<r>secret</r>", 1, 1,
                     "Element 'r': Character content other than whitespace is not allowed because the "
                     "content type is 'element-only'.\n");
    expect_violation(schema, "<r z='secret'/>", 1, 1,
                     "Element 'r', attribute 'z': The attribute 'z' is not allowed.\n");
    expect_violation(schema, "<r k=''/>", 1, 1,
                     "Element 'r', attribute 'k': the value is not allowed (pattern)\n");
    expect_violation(schema, "<r><n>: [facet 'SECRET'] The value</n></r>", 1, 1,
                     "Element 'n': the value is not allowed\n");
    /* A document cannot bring a schema of its own. */
    expect_violation(schema,
                     "<r xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
                     "xsi:noNamespaceSchemaLocation='file:///etc/passwd'/>",
                     0, 0, "");
    assert_null(xml_schema_free(schema));
    assert_null(xml_schema_free(NULL));
    assert_int_equal(file_write(AT_FDCWD, path, "<x/>", 4, 0600), 0);
    assert_int_equal(xml_schema_load(path, note, &p, &schema), -EINVAL);
    assert_true(p.count > 0);
    unlink(path);
    assert_int_equal(xml_schema_load(path, NULL, NULL, &schema), -ENOENT);
}

static void test_escape_round_trip(void **state)
{
    static const char text[] = "<a href=\"x\">&'\t\r\n \xe2\x82\xac\xf0\x9f\x98\x80</a>";
    struct buf out;
    (void)state;

    buf_init(&out, 4000);
    buf_append_str(&out, "<r k=\"");
    assert_int_equal(xml_append_escaped(&out, text), 0);
    buf_append_str(&out, "\">");
    assert_int_equal(xml_append_escaped(&out, text), 0);
    buf_append_str(&out, "</r>");
    cleanup_free char *document = buf_steal_str(&out);
    struct xml_doc *doc = read_text(document);
    cleanup_free char *attr = xml_attr(xml_root(doc), "k");
    cleanup_free char *content = xml_text(xml_root(doc));
    assert_string_equal(attr, text);
    assert_string_equal(content, text);
    xml_doc_free(doc);
    /* What XML cannot hold is dropped, a cut-off sequence at the end included. */
    assert_int_equal(xml_append_escaped(&out, "a\x01\xef\xbf\xbf\xff\xc3\x28\xed\xa0\x80z\xe2\x82"), 0);
    cleanup_free char *rest = buf_steal_str(&out);
    assert_string_equal(rest, "a(z");
    buf_init(&out, 4);
    assert_int_equal(xml_append_escaped(&out, "&"), -EMSGSIZE);
    assert_int_equal(out.len, 0);
    buf_finish(&out);
}

/* What libxml2 writes for the same values, byte for byte. */
static void test_escape_like_the_serializer(void **state)
{
    static const char text[] = "<\"&'\t\r\n\x01>\xc3\xa9";
    struct buf out;
    (void)state;

    buf_init(&out, 4000);
    assert_int_equal(xml_append_attr_value(&out, text), 0);
    cleanup_free char *value = buf_steal_str(&out);
    assert_string_equal(value, "&lt;&quot;&amp;'&#9;&#13;&#10;&gt;\xc3\xa9");
    assert_int_equal(xml_append_content(&out, text), 0);
    cleanup_free char *content = buf_steal_str(&out);
    assert_string_equal(content, "&lt;\"&amp;'\t&#13;\n&gt;\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_doctype_and_entities),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_line_numbers_beyond_16_bits),
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_escape_round_trip),
        cmocka_unit_test(test_escape_like_the_serializer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
