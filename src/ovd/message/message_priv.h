/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every message of this folder is read and written with. Reader and writer keep their first error, so
 * that a message is a list of lines and asks once, at its end. */
#ifndef ISTHMUS_OVD_MESSAGE_MESSAGE_PRIV_H
#define ISTHMUS_OVD_MESSAGE_MESSAGE_PRIV_H

#include "ovd/message/limits.h"
#include "xml/xml.h"

struct ovd_reader {
    xml_problem_fn problem;
    void *arg;
    struct xml_doc *doc;
    bool told; /* a problem: the first one only */
    int error; /* the first one, 0 while there is none */
};

/* Reads and checks against the schema, and that the root has that name (NULL: any of the schema's). The root,
 * or NULL when reader->error is set; ovd__close in either case. */
const struct xml_node *ovd__open(struct ovd_reader *reader, const char *schema, const char *root,
                                 const char *data, size_t len, xml_problem_fn problem, void *arg);
/* Frees the document; the first error or 0. */
int ovd__close(struct ovd_reader *reader);
/* Notes -EINVAL, unless there is an error already, and tells the problem with the element's line. */
void ovd__refuse(struct ovd_reader *reader, const struct xml_node *node, const char *message);

/* The child element of that name when there is exactly one; NULL when there is none, which is an error when
 * it is needed. More than one is always an error. A NULL node gives NULL. */
const struct xml_node *ovd__only(struct ovd_reader *reader, const struct xml_node *node, const char *name,
                                 bool needed);
/* The value of an attribute of at most max bytes; NULL when it is absent. The caller frees. A NULL node has
 * no attributes, here and below. */
char *ovd__str(struct ovd_reader *reader, const struct xml_node *node, const char *name, size_t max);
/* The same, but never absent: that is an error, and so is a value beyond [A-Za-z0-9]. */
char *ovd__id(struct ovd_reader *reader, const struct xml_node *node, const char *name);
/* A decimal number; white space around it is forgiven, because original servers send some. Absent or empty
 * gives the fallback. */
int64_t ovd__int(struct ovd_reader *reader, const struct xml_node *node, const char *name, int64_t min,
                 int64_t max, int64_t fallback);
/* The place of the value in a list of words; absent gives the fallback, another word is an error. */
int ovd__word(struct ovd_reader *reader, const struct xml_node *node, const char *name,
              const char *const *words, size_t count, int fallback);
/* Content of an element without the white space around it, at most max bytes. */
char *ovd__text(struct ovd_reader *reader, const struct xml_node *node, size_t max);
/* Zeroed room for one entry of size bytes for each child element of that name (name NULL: of any), NULL when
 * there is none. More than max are an error. */
void *ovd__array(struct ovd_reader *reader, const struct xml_node *node, const char *name, size_t size,
                 size_t max, size_t *ret_count);

/* The line at the start of answers that were made by a DOM, which also ends its documents with a line feed.
 */
#define OVD_DECLARATION "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"

struct ovd_writer {
    struct buf *out;
    size_t before;
    int error;
};

void ovd__begin(struct ovd_writer *writer, struct buf *out);
/* The first error or 0; on an error out is as it was at ovd__begin. */
int ovd__end(struct ovd_writer *writer);
void ovd__raw(struct ovd_writer *writer, const char *text);
/* ` name="value"`, escaped; nothing for NULL. */
void ovd__put(struct ovd_writer *writer, const char *name, const char *value);
void ovd__put_int(struct ovd_writer *writer, const char *name, int64_t value);
/* One of a list of words; -EINVAL when the value is none of its places. */
void ovd__put_word(struct ovd_writer *writer, const char *name, const char *const *words, size_t count,
                   int value);
void ovd__put_text(struct ovd_writer *writer, const char *text);

/* len random characters of [A-Za-z0-9] and NUL. */
void ovd__random_letters(char *ret_text, size_t len);
/* Overwrites and frees; NULL-safe. */
void ovd__free_secret(char *secret);

#endif
