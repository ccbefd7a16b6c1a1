/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values to app.config.xml. The table keeps the properties of a section together, so one pass opens and
 * closes each element once. */
#include <fcntl.h>

#include "base/buf.h"
#include "base/file.h"
#include "config/config_priv.h"
#include "xml/xml.h"

#define PATH_DEPTH 8

/* A path cut at its dots. */
struct parts {
    char *copy;
    const char *name[PATH_DEPTH];
    size_t count;
};

static void parts_init(struct parts *parts, const char *path)
{
    char *at = xstrdup(path);

    *parts = (struct parts){.copy = at};
    while (at && parts->count < PATH_DEPTH) {
        parts->name[parts->count++] = at;
        at = strchr(at, '.');
        if (at)
            *at++ = '\0';
    }
}

static void line(struct buf *out, size_t level, const char *before, const char *name)
{
    buf_append_fmt(out, "%*s%s%s>\n", (int)(2 * level), "", before, name);
}

/* Closes what the last property had open and the next one does not share, then opens what is new. */
static void move(struct buf *out, const struct parts *from, const struct parts *to)
{
    size_t shared = 0;

    while (shared + 1 < from->count && shared + 1 < to->count &&
           strcmp(from->name[shared], to->name[shared]) == 0)
        shared++;
    for (size_t i = from->count ? from->count - 1 : 0; i > shared; i--)
        line(out, i, "</", from->name[i - 1]);
    for (size_t i = shared; i + 1 < to->count; i++)
        line(out, i + 1, "<", to->name[i]);
}

static void append_properties(struct buf *out, const struct config *config)
{
    struct parts last = {0}, none = {0};
    size_t count;
    const struct config_property *table = config_properties(&count);

    for (size_t i = 0; i < count; i++) {
        const char *text = config->values[i].text;
        struct parts next;
        const char *name;

        if (!text)
            continue;
        parts_init(&next, table[i].path);
        name = next.name[next.count - 1];
        move(out, &last, &next);
        buf_append_fmt(out, "%*s<%s>", (int)(2 * next.count), "", name);
        xml_append_escaped(out, text);
        buf_append_fmt(out, "</%s>\n", name);
        free(last.copy);
        last = next;
    }
    move(out, &last, &none);
    free(last.copy);
}

static void append_keys(struct buf *out, const struct config *config)
{
    if (config->key_count == 0)
        return;
    line(out, 1, "<", "mcpApiKeys");
    for (size_t i = 0; i < config->key_count; i++) {
        buf_append_str(out, "    <key name=\"");
        xml_append_escaped(out, config->keys[i].name);
        buf_append_str(out, "\" value=\"");
        xml_append_escaped(out, config->keys[i].value);
        buf_append_str(out, "\"/>\n");
    }
    line(out, 1, "</", "mcpApiKeys");
}

int config_save(const struct config *config, const char *file)
{
    struct buf out;
    int r;

    buf_init(&out, XML_SIZE_MAX);
    buf_append_str(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n");
    append_properties(&out, config);
    append_keys(&out, config);
    /* Full: so was something before, and half a configuration must not be written. */
    r = buf_append_str(&out, "</configuration>\n");
    if (r == 0)
        r = file_write(AT_FDCWD, file, out.data, out.len, 0600);
    buf_finish(&out);
    return r;
}
