/* SPDX-License-Identifier: GPL-3.0-or-later */
/* app.config.xml from bytes to values. The table is asked first, because its sentences say what is accepted;
 * then the schema, for whatever the table does not see (stray text, attributes, doubled elements), except on
 * lines that were told already. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "base/file.h"
#include "base/paths.h"
#include "base/str.h"
#include "config/config_priv.h"
#include "xml/xml.h"

#define PROBLEM_MAX 200 /* told; a broken file does not get to write a book */
#define PATH_SIZE 256

struct reader {
    struct config *config;
    config_problem_fn problem;
    void *arg;
    int lines[PROBLEM_MAX];
    size_t count;
};

static void tell(struct reader *reader, int line, const char *message)
{
    if (reader->count >= PROBLEM_MAX)
        return;
    reader->lines[reader->count++] = line;
    if (reader->problem)
        reader->problem(reader->arg, line, message);
}

static void on_problem(void *arg, int line, const char *message)
{
    tell(arg, line, message);
}

static void on_schema_problem(void *arg, int line, const char *message)
{
    struct reader *reader = arg;

    for (size_t i = 0; i < reader->count; i++) {
        if (reader->lines[i] == line)
            return;
    }
    tell(reader, line, message);
}

/* Whether path is a section: the beginning of some property's path. */
static bool is_section(const char *path)
{
    size_t count, len = strlen(path);
    const struct config_property *table = config_properties(&count);

    for (size_t i = 0; i < count; i++) {
        if (strncmp(table[i].path, path, len) == 0 && table[i].path[len] == '.')
            return true;
    }
    return false;
}

/* Numbers and words may stand on a line of their own, as in the schema; strings are taken as they are. */
static char *trimmed(char *text)
{
    static const char space[] = " \t\r\n";
    size_t len;

    text += strspn(text, space);
    for (len = strlen(text); len > 0 && strchr(space, text[len - 1]); len--)
        text[len - 1] = '\0';
    return text;
}

static void read_property(struct reader *reader, const struct xml_node *node, int row)
{
    size_t count;
    bool is_string = str_eq(config_properties(&count)[row].type, "string");
    cleanup_free char *text = xml_text(node);
    char message[512];

    if (config__store(reader->config, row, is_string ? text : trimmed(text)) == 0)
        return;
    config__expectation(row, message, sizeof(message));
    tell(reader, xml_line(node), message);
}

static void read_keys(struct reader *reader, const struct xml_node *keys)
{
    for (const struct xml_node *key = xml_first(keys, "key"); key; key = xml_next(key, "key")) {
        cleanup_free char *name = xml_attr(key, "name");
        cleanup_free char *value = xml_attr(key, "value");

        if (!name || !value || config__add_key(reader->config, name, value) < 0)
            tell(reader, xml_line(key),
                 "a key of mcpApiKeys needs a name of 1 to 128 and a value of 16 to 512 bytes, and there are "
                 "at "
                 "most 64");
    }
}

static void read_section(struct reader *reader, const struct xml_node *section, const char *prefix);

static void read_element(struct reader *reader, const struct xml_node *node, const char *prefix)
{
    char path[PATH_SIZE], message[512];
    int len = snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", xml_name(node));
    int row = len > 0 && (size_t)len < sizeof(path) ? config__find(path) : -1;

    if (row >= 0) {
        read_property(reader, node, row);
    } else if (len > 0 && (size_t)len < sizeof(path) && is_section(path)) {
        read_section(reader, node, path);
    } else if (str_eq(path, "mcpApiKeys")) {
        read_keys(reader, node);
    } else {
        str_trim_utf8(path);
        snprintf(message, sizeof(message), "%s is not a property", path);
        tell(reader, xml_line(node), message);
    }
}

/* The depth of the recursion is that of the document, which xml_read has limited. */
static void read_section(struct reader *reader, const struct xml_node *section, const char *prefix)
{
    for (const struct xml_node *node = xml_first(section, NULL); node; node = xml_next(node, NULL))
        read_element(reader, node, prefix);
}

/* Read once and kept for the life of the process. */
static struct xml_schema *schema;
static int schema_result;

static void schema_load(void)
{
    cleanup_free char *directory = NULL;
    cleanup_free char *path = NULL;

    schema_result = paths_asset("xml-schemas", &directory);
    if (schema_result < 0)
        return;
    path = xasprintf("%s/app.config.xsd", directory);
    schema_result = xml_schema_load(path, NULL, NULL, &schema);
}

static int check_schema(struct reader *reader, struct xml_doc *doc)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, schema_load);
    if (!schema) {
        tell(reader, 0, "the schema xml-schemas/app.config.xsd is not installed");
        return schema_result;
    }
    return xml_schema_check(schema, doc, on_schema_problem, reader);
}

int config_parse(const char *data, size_t len, config_problem_fn problem, void *arg,
                 struct config **ret_config)
{
    struct reader reader = {.problem = problem, .arg = arg};
    struct xml_doc *doc = NULL;
    int r = xml_read(data, len, on_problem, &reader, &doc);

    if (r < 0)
        return -EINVAL;
    reader.config = config_new();
    if (str_eq(xml_name(xml_root(doc)), "configuration"))
        read_section(&reader, xml_root(doc), "");
    else
        tell(&reader, xml_line(xml_root(doc)), "the document's element has to be configuration");
    r = check_schema(&reader, doc);
    xml_doc_free(doc);
    if (reader.count > 0 && r == 0)
        r = -EINVAL;
    /* Only of a file whose single values are right: else the same mistake would be told twice. */
    if (r == 0)
        r = config_check(reader.config, on_problem, &reader);
    if (r < 0) {
        config_free(reader.config);
        return r;
    }
    *ret_config = reader.config;
    return 0;
}

int config_load(const char *path, config_problem_fn problem, void *arg, struct config **ret_config)
{
    cleanup_free char *data = NULL;
    char message[128];
    size_t len = 0;
    int r = file_read(AT_FDCWD, path, XML_SIZE_MAX, &data, &len);

    if (r < 0) {
        snprintf(message, sizeof(message), "the file cannot be read: %s", strerrordesc_np(-r));
        if (problem)
            problem(arg, 0, message);
        return r;
    }
    return config_parse(data, len, problem, arg, ret_config);
}
