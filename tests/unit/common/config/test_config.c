/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/str.h"
#include "config/config.h"
#include "xml/xml.h"

struct problems {
    int count;
    int lines[32];
    char text[8192];
};

static void note(void *arg, int line, const char *message)
{
    struct problems *p = arg;
    size_t used = strlen(p->text);

    if (p->count < 32)
        p->lines[p->count] = line;
    p->count++;
    snprintf(p->text + used, sizeof(p->text) - used, "%d: %s\n", line, message);
}

static int parse(const char *text, struct problems *p, struct config **ret_config)
{
    *p = (struct problems){0};
    return config_parse(text, strlen(text), note, p, ret_config);
}

static void expect_problem(const char *text, int line, const char *part)
{
    struct config *config = NULL;
    struct problems p;

    assert_int_equal(parse(text, &p, &config), -EINVAL);
    assert_null(config);
    assert_true(p.count >= 1);
    assert_int_equal(p.lines[0], line);
    if (!strstr(p.text, part))
        fail_msg("no \"%s\" in \"%s\"", part, p.text);
    assert_int_equal(config_parse(text, strlen(text), NULL, NULL, &config), -EINVAL);
}

/* One property as a document: <configuration><a><b>value</b></a></configuration>. */
static char *document(const char *path, const char *value)
{
    char copy[256];
    struct buf out;
    const char *parts[8];
    size_t count = 0;

    assert_int_equal(str_copy(copy, sizeof(copy), path), 0);
    for (char *at = copy; at; at = strchr(at, '.')) {
        if (count)
            *at++ = '\0';
        parts[count++] = at;
    }
    buf_init(&out, 100000);
    buf_append_str(&out, "<configuration>");
    for (size_t i = 0; i < count; i++)
        buf_append_fmt(&out, "<%s>", parts[i]);
    xml_append_escaped(&out, value);
    for (size_t i = count; i > 0; i--)
        buf_append_fmt(&out, "</%s>", parts[i - 1]);
    assert_int_equal(buf_append_str(&out, "</configuration>"), 0);
    return buf_steal_str(&out);
}

/* What the table accepts alone. */
static bool table_takes(const char *path, const char *value)
{
    struct config *config = config_new();
    int r = config_set(config, path, value);

    config_free(config);
    return r == 0;
}

/* Table and schema have to agree about a value: both take it, or both refuse it (then the file is refused and
 * each of them alone would have done it). */
static void compare(struct xml_schema *schema, const char *path, const char *value)
{
    cleanup_free char *text = document(path, value);
    struct xml_doc *doc = NULL;
    int r;

    assert_int_equal(xml_read(text, strlen(text), NULL, NULL, &doc), 0);
    r = xml_schema_check(schema, doc, NULL, NULL);
    xml_doc_free(doc);
    if ((r == 0) != table_takes(path, value))
        fail_msg("%s = \"%.40s\": schema %d, table %d", path, value, r == 0, table_takes(path, value));
}

static void compare_number(struct xml_schema *schema, const char *path, int64_t value)
{
    cleanup_free char *text = xasprintf("%lld", (long long)value);

    compare(schema, path, text);
}

static void test_schema_and_table_agree(void **state)
{
    struct xml_schema *schema = NULL;
    static char long_line[4098];
    size_t count = 0;
    const struct config_property *table = config_properties(&count);
    (void)state;

    assert_int_equal(xml_schema_load("xml-schemas/app.config.xsd", NULL, NULL, &schema), 0);
    assert_true(count > 60);
    memset(long_line, 'x', 4097);
    for (size_t i = 0; i < count; i++) {
        const struct config_property *p = &table[i];

        assert_true(table_takes(p->path, p->default_value));
        compare(schema, p->path, p->default_value);
        compare(schema, p->path, "");
        compare(schema, p->path, "no-such-word");
        compare(schema, p->path, long_line);
        compare(schema, p->path, "1.5");
        if (str_eq(p->type, "integer")) {
            compare_number(schema, p->path, p->min - 1);
            compare_number(schema, p->path, p->min);
            compare_number(schema, p->path, p->max);
            compare_number(schema, p->path, p->max + 1);
            compare(schema, p->path, "99999999999999999999999999");
            assert_true(p->min < p->max);
        } else if (str_eq(p->type, "boolean")) {
            compare(schema, p->path, "true");
            compare(schema, p->path, "TRUE");
            compare(schema, p->path, "1");
        } else if (str_eq(p->type, "string")) {
            compare(schema, p->path, long_line + 1);
            assert_int_equal(p->max, 4096);
        } else {
            cleanup_free char *words = xstrdup(p->type);

            for (char *word = words, *end; word; word = end) {
                end = strchr(word, '|');
                if (end)
                    *end++ = '\0';
                compare(schema, p->path, word);
                assert_true(table_takes(p->path, word));
            }
            compare(schema, p->path, p->type);
        }
    }
    xml_schema_free(schema);
}

/* No element of the schema is missing in the table: as many leaves as rows. */
static void test_schema_has_no_more(void **state)
{
    FILE *f = fopen("xml-schemas/app.config.xsd", "r");
    size_t count = 0, elements = 0, complex = 0;
    char *line = NULL;
    size_t size = 0;
    (void)state;

    assert_non_null(f);
    while (getline(&line, &size, f) > 0) {
        elements += strstr(line, "<xs:element ") != NULL;
        complex += strstr(line, "<xs:complexType>") != NULL;
    }
    free(line);
    fclose(f);
    config_properties(&count);
    assert_int_equal(elements - complex, count);
}

static void test_table_is_tidy(void **state)
{
    size_t count = 0;
    const struct config_property *table = config_properties(&count);
    (void)state;

    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(table[i].help) > 10);
        assert_true(str_ends_with(table[i].help, "."));
        assert_null(strchr(table[i].help, '|'));
        for (size_t j = i + 1; j < count; j++)
            assert_string_not_equal(table[i].path, table[j].path);
        /* Sections stand together, or the writer would open one twice. */
        for (size_t j = i + 2; j < count; j++) {
            size_t section = (size_t)(strrchr(table[i].path, '.') - table[i].path) + 1;

            if (strncmp(table[j].path, table[i].path, section) == 0)
                assert_int_equal(strncmp(table[i + 1].path, table[i].path, section), 0);
        }
    }
}

static void test_defaults(void **state)
{
    struct config *config = config_new();
    (void)state;

    assert_int_equal(config_int(config, "gateway.port"), 9000);
    assert_string_equal(config_str(config, "gateway.internalAddress"), "127.0.0.1");
    assert_string_equal(config_str(config, "isthmus.store"), "");
    assert_string_equal(config_str(config, "isthmus.logLevel"), "info");
    assert_true(config_bool(config, "isthmus.sandbox"));
    assert_false(config_bool(config, "webstreamSettings.elevateStreamerPriority"));
    assert_int_equal(config_check(config, NULL, NULL), 0);
    config_free(config);
    assert_null(config_free(NULL));
}

static void test_set(void **state)
{
    struct config *config = config_new();
    (void)state;

    assert_int_equal(config_set(config, "gateway.port", "9100"), 0);
    assert_int_equal(config_int(config, "gateway.port"), 9100);
    assert_int_equal(config_set(config, "gateway.port", "0"), -ERANGE);
    assert_int_equal(config_set(config, "gateway.port", "x"), -EINVAL);
    assert_int_equal(config_set(config, "gateway.port", " 1"), -EINVAL);
    assert_int_equal(config_int(config, "gateway.port"), 9100);
    assert_int_equal(config_set(config, "gateway", "1"), -ENOENT);
    assert_int_equal(config_set(config, "", "1"), -ENOENT);
    assert_int_equal(config_set(config, "gateway.Port", "1"), -ENOENT);
    assert_int_equal(config_set(config, "isthmus.logFormat", "text|json"), -EINVAL);
    assert_int_equal(config_set(config, "isthmus.logFormat", ""), -EINVAL);
    assert_int_equal(config_set(config, "isthmus.logFormat", "js"), -EINVAL);
    assert_int_equal(config_set(config, "isthmus.logFormat", "json"), 0);
    assert_string_equal(config_str(config, "isthmus.logFormat"), "json");
    assert_int_equal(config_set(config, "isthmus.logFormat", "text"), 0);
    assert_string_equal(config_str(config, "isthmus.logFormat"), "text");
    assert_int_equal(config_set(config, "isthmus.store", "two\nlines"), -EINVAL);
    assert_int_equal(config_set(config, "isthmus.store", "\xff"), -EINVAL);
    config_free(config);
}

static void test_parse(void **state)
{
    struct config *config = NULL;
    struct problems p;
    const char *secret = NULL;
    (void)state;

    assert_int_equal(
        parse(
            "<?xml version='1.0'?>\n"
            "<!-- a comment -->\n"
            "<configuration>\n"
            "  <isthmus><logLevel> debug </logLevel><sandbox>false</sandbox></isthmus>\n"
            "  <gateway>\n"
            "    <healthCheck><timeout>3</timeout></healthCheck>\n"
            "    <port>\n  9200 </port>\n"
            "    <basePath>/a &amp; b</basePath>\n"
            "  </gateway>\n"
            "  <webstreamSettings><serverPfxSecret><![CDATA[p<&w ]]></serverPfxSecret></webstreamSettings>\n"
            "  <mcpApiKeys><key name='ops' value='sk-mcp-0123456789'/></mcpApiKeys>\n"
            "</configuration>\n",
            &p, &config),
        0);
    assert_int_equal(p.count, 0);
    assert_string_equal(config_str(config, "isthmus.logLevel"), "debug");
    assert_false(config_bool(config, "isthmus.sandbox"));
    assert_int_equal(config_int(config, "gateway.healthCheck.timeout"), 3);
    assert_int_equal(config_int(config, "gateway.healthCheck.interval"), 10);
    assert_int_equal(config_int(config, "gateway.port"), 9200);
    assert_string_equal(config_str(config, "gateway.basePath"), "/a & b");
    assert_string_equal(config_str(config, "webstreamSettings.serverPfxSecret"), "p<&w ");
    assert_string_equal(config_mcp_key(config, 0, &secret), "ops");
    assert_string_equal(secret, "sk-mcp-0123456789");
    assert_null(config_mcp_key(config, 1, &secret));
    config_free(config);
    assert_int_equal(parse("<configuration/>", &p, &config), 0);
    assert_null(config_mcp_key(config, 0, &secret));
    config_free(config);
}

static void test_every_problem_at_once(void **state)
{
    static const int lines[] = {3, 4, 6, 7, 8, 10};
    struct config *config = NULL;
    struct problems p;
    (void)state;

    assert_int_equal(parse("<configuration>\n"
                           "  <gateway>\n"
                           "    <port>70000</port>\n"
                           "    <colour>blue</colour>\n"
                           "    <webClient>true</webClient>\n"
                           "    <enabled>yes</enabled>\n"
                           "    <loadBalancing><strategy>Random</strategy></loadBalancing>\n"
                           "    <healthCheck><interval/></healthCheck>\n"
                           "  </gateway>\n"
                           "  <trust/>\n"
                           "</configuration>\n",
                           &p, &config),
                     -EINVAL);
    assert_int_equal(p.count, ARRAY_SIZE(lines));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_int_equal(p.lines[i], lines[i]);
    assert_non_null(strstr(p.text, "3: gateway.port has to be a number from 1 to 65535\n"));
    assert_non_null(strstr(p.text, "4: gateway.colour is not a property\n"));
    assert_non_null(strstr(p.text, "6: gateway.enabled has to be true or false\n"));
    assert_non_null(strstr(
        p.text, "7: gateway.loadBalancing.strategy has to be one of RoundRobin|LeastConnections|Weighted\n"));
    assert_non_null(strstr(p.text, "10: trust is not a property\n"));
}

static void test_what_the_schema_sees(void **state)
{
    (void)state;
    expect_problem("<configuration><gateway>\n<port>9000</port>\n<port>9001</port></gateway></configuration>",
                   3, "port");
    expect_problem("<configuration>\n<gateway x='1'/></configuration>", 2, "attribute 'x'");
    expect_problem("<configuration>\n<gateway>stray</gateway></configuration>", 2, "gateway");
    expect_problem("<configuration>\n<gateway><port><b/></port></gateway></configuration>", 2, "port");
    expect_problem("<configuration>\n<gateway xmlns='urn:x'/></configuration>", 2, "gateway");
    expect_problem("<config/>", 1, "configuration");
    expect_problem("<configuration>\n<mcpApiKeys><key name='a'/></mcpApiKeys></configuration>", 2,
                   "mcpApiKeys");
    expect_problem("<configuration>\n<mcpApiKeys><lock/></mcpApiKeys></configuration>", 2, "lock");
    expect_problem("<configuration>\n<mcpApiKeys><key name='a' value='short'/></mcpApiKeys></configuration>",
                   2, "mcpApiKeys");
}

static void test_together(void **state)
{
    (void)state;
    expect_problem("<configuration><gateway><certificateFile>/c</certificateFile></gateway></configuration>",
                   0, "privateKeyFile");
    expect_problem("<configuration><gateway><basePath>x/</basePath></gateway></configuration>", 0,
                   "basePath");
    expect_problem(
        "<configuration><webstreamSettings><basePortNumber>65000</basePortNumber><serverMaxSessionCount>100"
        "</serverMaxSessionCount></webstreamSettings></configuration>",
        0, "65535");
}

static void test_hostile(void **state)
{
    cleanup_free char *many = NULL;
    struct config *config = NULL;
    struct problems p;
    struct buf out;
    (void)state;

    expect_problem("", 1, "empty");
    expect_problem("<configuration>\n<gateway>", 2, "");
    expect_problem("<!DOCTYPE configuration [<!ENTITY x SYSTEM "
                   "'file:///etc/passwd'>]><configuration>&x;</configuration>",
                   1, "document type");
    expect_problem("<configuration>\n\n<gateway><publicIP>&x;</publicIP></gateway></configuration>", 3,
                   "&amp;");
    /* Ten thousand mistakes are told two hundred times. */
    buf_init(&out, 1000000);
    buf_append_str(&out, "<configuration>");
    for (int i = 0; i < 10000; i++)
        buf_append_str(&out, "<x/>\n");
    buf_append_str(&out, "</configuration>");
    many = buf_steal_str(&out);
    assert_int_equal(parse(many, &p, &config), -EINVAL);
    assert_int_equal(p.count, 200);
}

static void test_secrets_are_not_told(void **state)
{
    static const char *const files[] = {
        "<configuration><webstreamSettings><serverPfxSecret>hunter2<x</serverPfxSecret></webstreamSettings></"
        "configuration>",
        "<configuration><webstreamSettings><serverPfxSecret>a<hunter2</serverPfxSecret></webstreamSettings></"
        "configuration>",
        "<configuration><webstreamSettings><serverPfxSecret>a&hunter2;</serverPfxSecret></"
        "webstreamSettings></configuration>",
        "<configuration><webstreamSettings><serverPfxSecret>a&hunter2</serverPfxSecret></webstreamSettings></"
        "configuration>",
        "<configuration><webstreamSettings><serverPfxSecret>hunter2\n2</serverPfxSecret></"
        "webstreamSettings></configuration>",
        "<configuration><webstreamSettings>hunter2</webstreamSettings></configuration>",
        "<configuration><mcpApiKeys><key name='a' value='hunter2'/></mcpApiKeys></configuration>",
        "<configuration><mcpApiKeys><key name='a' value=hunter2/></mcpApiKeys></configuration>",
        "<configuration><gateway><port>hunter2</port><enabled>hunter2</enabled></gateway></configuration>",
        "<configuration><gateway unknown='hunter2'/></configuration>",
    };
    struct config *config = NULL;
    struct problems p;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_int_equal(parse(files[i], &p, &config), -EINVAL);
        assert_true(p.count > 0);
        assert_null(strstr(p.text, "hunter2"));
    }
}

/* Saved and loaded again, every property keeps a value that is not its default. */
static void test_save(void **state)
{
    char dir[] = "/tmp/isthmus-config-XXXXXX";
    cleanup_free char *file = NULL;
    struct config *config = NULL, *back = NULL;
    struct problems p = {0};
    const char *value = NULL;
    size_t count = 0;
    const struct config_property *table = config_properties(&count);
    (void)state;

    assert_non_null(mkdtemp(dir));
    file = xasprintf("%s/app.config.xml", dir);
    assert_int_equal(config_load(file, note, &p, &config), -ENOENT);
    assert_int_equal(p.count, 1);
    assert_int_equal(
        parse(
            "<configuration><mcpApiKeys><key name=' \"a&apos;&#9;' value='1'/></mcpApiKeys></configuration>",
            &p, &config),
        -EINVAL);
    assert_int_equal(parse("<configuration><mcpApiKeys><key name='x\"&apos;&lt;' "
                           "value='0123456789abcdef'/></mcpApiKeys></configuration>",
                           &p, &config),
                     0);
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *number = xasprintf("%lld", (long long)table[i].min);

        if (str_eq(table[i].type, "integer") && str_eq(number, table[i].default_value))
            number[strlen(number) - 1]++; /* none of them ends in 9 */
        if (str_eq(table[i].type, "integer"))
            value = number;
        else if (str_eq(table[i].type, "boolean"))
            value = str_eq(table[i].default_value, "true") ? "false" : "true";
        else
            value = str_eq(table[i].type, "string") ? "/it's <a> \"test\" & more \xe2\x82\xac "
                                                    : strrchr(table[i].type, '|') + 1;
        assert_int_equal(config_set(config, table[i].path, value), 0);
    }
    assert_int_equal(config_save(config, file), 0);
    assert_int_equal(config_load(file, note, &p, &back), 0);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(table[i].type, "integer"))
            assert_true(config_int(config, table[i].path) == config_int(back, table[i].path));
        else if (str_eq(table[i].type, "boolean"))
            assert_int_equal(config_bool(config, table[i].path), config_bool(back, table[i].path));
        else
            assert_string_equal(config_str(config, table[i].path), config_str(back, table[i].path));
    }
    assert_string_equal(config_mcp_key(back, 0, &value), "x\"'<");
    config_free(back);
    config_free(config);
    config = config_new();
    assert_int_equal(config_set(config, "gateway.healthCheck.timeout", "9"), 0);
    assert_int_equal(config_set(config, "isthmus.frameRate", "20"), 0);
    assert_int_equal(config_set(config, "isthmus.logFormat", "text"), 0);
    assert_int_equal(config_save(config, file), 0);
    config_free(config);
    FILE *f = fopen(file, "r");
    char text[1000] = "";
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    fclose(f);
    assert_string_equal(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n  <gateway>\n    <healthCheck>\n      "
        "<timeout>9</timeout>\n    </healthCheck>\n  </gateway>\n  <isthmus>\n    "
        "<frameRate>20</frameRate>\n  </isthmus>\n</configuration>\n");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* The row of docs/protocol/configuration.md for one property. */
static char *document_row(const struct config_property *p)
{
    cleanup_free char *range = NULL;
    bool is_word = !str_eq(p->type, "integer") && !str_eq(p->type, "string") && !str_eq(p->type, "boolean");
    const char *type = is_word ? "word" : p->type;

    if (str_eq(p->type, "integer"))
        range = xasprintf("%lld to %lld", (long long)p->min, (long long)p->max);
    else if (str_eq(p->type, "string"))
        range = xasprintf("at most %lld bytes", (long long)p->max);
    else
        range = is_word ? str_replace(p->type, "|", ", ") : xstrdup("true, false");
    return xasprintf("| `%s` | %s%s | %s | %s | %s |\n", p->path, type, p->secret ? ", secret" : "", range,
                     *p->default_value ? p->default_value : "empty", p->help);
}

/* docs/protocol/configuration.md has exactly the table's rows, in its order. A row that is missing is printed
 * ready to be pasted. */
static void test_documentation(void **state)
{
    size_t count = 0, rows = 0;
    const struct config_property *table = config_properties(&count);
    FILE *f = fopen("docs/protocol/configuration.md", "r");
    char *line = NULL;
    size_t size = 0;
    (void)state;

    assert_non_null(f);
    while (getline(&line, &size, f) > 0) {
        cleanup_free char *want = NULL;

        if (!str_starts_with(line, "| `"))
            continue;
        if (rows >= count)
            fail_msg("no such property: %s", line);
        want = document_row(&table[rows++]);
        if (!str_eq(line, want))
            fail_msg("found %swanted %s", line, want);
    }
    free(line);
    fclose(f);
    if (rows < count) {
        cleanup_free char *want = document_row(&table[rows]);

        fail_msg("missing %s", want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_and_table_agree),
        cmocka_unit_test(test_schema_has_no_more),
        cmocka_unit_test(test_table_is_tidy),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_every_problem_at_once),
        cmocka_unit_test(test_what_the_schema_sees),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_secrets_are_not_told),
        cmocka_unit_test(test_save),
        cmocka_unit_test(test_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
