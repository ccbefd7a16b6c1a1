/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/secret.h"
#include "base/str.h"
#include "ovd/message/message_priv.h"
#include "ovd/message/ovd_schema.h"

#define WHITE " \t\r\n"
#define ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* A hostile document can break a schema at each of its thousands of elements; one problem is enough to log.
 */
static void tell_first(void *arg, int line, const char *message)
{
    struct ovd_reader *reader = arg;

    if (!reader->told && reader->problem)
        reader->problem(reader->arg, line, message);
    reader->told = true;
}

const struct xml_node *ovd__open(struct ovd_reader *reader, const char *schema_name, const char *root_name,
                                 const char *data, size_t len, xml_problem_fn problem, void *arg)
{
    struct xml_schema *schema = NULL;

    *reader = (struct ovd_reader){.problem = problem, .arg = arg};
    reader->error = ovd_schema_get(schema_name, tell_first, reader, &schema);
    if (reader->error == 0)
        reader->error = xml_read(data, len, tell_first, reader, &reader->doc);
    if (reader->error == 0)
        reader->error = xml_schema_check(schema, reader->doc, tell_first, reader);
    if (reader->error == 0 && root_name && !str_eq(xml_name(xml_root(reader->doc)), root_name))
        ovd__refuse(reader, xml_root(reader->doc), "this is another message");
    return reader->error == 0 ? xml_root(reader->doc) : NULL;
}

int ovd__close(struct ovd_reader *reader)
{
    reader->doc = xml_doc_free(reader->doc);
    return reader->error;
}

static void note(struct ovd_reader *reader, const struct xml_node *node, int error, const char *message)
{
    if (reader->error < 0)
        return;
    reader->error = error;
    tell_first(reader, node ? xml_line(node) : 0, message);
}

void ovd__refuse(struct ovd_reader *reader, const struct xml_node *node, const char *message)
{
    note(reader, node, -EINVAL, message);
}

/* Names come from this program and from schemas, values are never told. */
static void refuse_named(struct ovd_reader *reader, const struct xml_node *node, int error, const char *what,
                         const char *name)
{
    cleanup_free char *message = xasprintf("%s %s", what, name);

    note(reader, node, error, message);
}

const struct xml_node *ovd__only(struct ovd_reader *reader, const struct xml_node *node, const char *name,
                                 bool needed)
{
    const struct xml_node *child = node ? xml_first(node, name) : NULL;

    if (!child && needed && node)
        refuse_named(reader, node, -EINVAL, "missing element", name);
    if (child && xml_next(child, name))
        refuse_named(reader, node, -EINVAL, "more than one element", name);
    return child;
}

char *ovd__str(struct ovd_reader *reader, const struct xml_node *node, const char *name, size_t max)
{
    char *value = node ? xml_attr(node, name) : NULL;

    if (value && strlen(value) > max) {
        refuse_named(reader, node, -EMSGSIZE, "too long: attribute", name);
        ovd__free_secret(value);
        value = NULL;
    }
    return value;
}

char *ovd__id(struct ovd_reader *reader, const struct xml_node *node, const char *name)
{
    char *value = ovd__str(reader, node, name, OVD_ID_MAX);

    if (!str_is_token(value, ID_LETTERS, OVD_ID_MAX))
        refuse_named(reader, node, -EINVAL, "no identifier in attribute", name);
    return value;
}

static char *trim(char *text)
{
    size_t start = strspn(text, WHITE), len = strlen(text);

    while (len > start && strchr(WHITE, text[len - 1]))
        len--;
    memmove(text, text + start, len - start);
    text[len - start] = '\0';
    return text;
}

int64_t ovd__int(struct ovd_reader *reader, const struct xml_node *node, const char *name, int64_t min,
                 int64_t max, int64_t fallback)
{
    cleanup_free char *value = ovd__str(reader, node, name, OVD_LINE_MAX);
    int64_t number = fallback;

    if (value && *trim(value) && str_to_int(value, min, max, &number) < 0)
        refuse_named(reader, node, -EINVAL, "no number within its limits: attribute", name);
    return number;
}

int ovd__word(struct ovd_reader *reader, const struct xml_node *node, const char *name,
              const char *const *words, size_t count, int fallback)
{
    cleanup_free char *value = ovd__str(reader, node, name, OVD_LINE_MAX);

    if (!value)
        return fallback;
    trim(value);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(words[i], value))
            return (int)i;
    }
    refuse_named(reader, node, -EINVAL, "unknown word in attribute", name);
    return fallback;
}

char *ovd__text(struct ovd_reader *reader, const struct xml_node *node, size_t max)
{
    char *text = node ? trim(xml_text(node)) : NULL;

    if (text && strlen(text) > max) {
        refuse_named(reader, node, -EMSGSIZE, "too long: text of", xml_name(node));
        free(text);
        text = NULL;
    }
    return text;
}

void *ovd__array(struct ovd_reader *reader, const struct xml_node *node, const char *name, size_t size,
                 size_t max, size_t *ret_count)
{
    const struct xml_node *child = node ? xml_first(node, name) : NULL;
    size_t count = 0;
    void *array;

    *ret_count = 0;
    for (; child; child = xml_next(child, name))
        count++;
    if (count == 0)
        return NULL;
    if (count > max) {
        refuse_named(reader, node, -EMSGSIZE, "too many elements in", xml_name(node));
        return NULL;
    }
    array = calloc(count, size);
    if (!array) {
        note(reader, node, -ENOMEM, "out of memory");
        return NULL;
    }
    *ret_count = count;
    return array;
}

void ovd__begin(struct ovd_writer *writer, struct buf *out)
{
    *writer = (struct ovd_writer){.out = out, .before = out->len};
}

int ovd__end(struct ovd_writer *writer)
{
    if (writer->error < 0)
        writer->out->len = writer->before;
    return writer->error;
}

void ovd__raw(struct ovd_writer *writer, const char *text)
{
    if (writer->error == 0)
        writer->error = buf_append_str(writer->out, text);
}

void ovd__put(struct ovd_writer *writer, const char *name, const char *value)
{
    if (!value)
        return;
    ovd__raw(writer, " ");
    ovd__raw(writer, name);
    ovd__raw(writer, "=\"");
    if (writer->error == 0)
        writer->error = xml_append_attr_value(writer->out, value);
    ovd__raw(writer, "\"");
}

void ovd__put_int(struct ovd_writer *writer, const char *name, int64_t value)
{
    if (writer->error == 0)
        writer->error = buf_append_fmt(writer->out, " %s=\"%lld\"", name, (long long)value);
}

void ovd__put_word(struct ovd_writer *writer, const char *name, const char *const *words, size_t count,
                   int value)
{
    if (value >= 0 && (size_t)value < count)
        ovd__put(writer, name, words[value]);
    else if (writer->error == 0)
        writer->error = -EINVAL;
}

void ovd__put_text(struct ovd_writer *writer, const char *text)
{
    if (text && writer->error == 0)
        writer->error = xml_append_content(writer->out, text);
}

void ovd__free_secret(char *secret)
{
    if (secret)
        secret_wipe(secret, strlen(secret));
    free(secret);
}
